import { addTimed, removeTimed, type Timed } from '../../util/shared-timers.js'
import type { ConnectionHandle, Pings } from '../sessions/connection-handle.js'

/**
 * Regular pings are sent only at the times of a grid. Two neighbouring times are this share of the interval apart, but at most `MAX_GRID`
 * milliseconds. So one turn of the event loop pings many connections, and another turn receives many answers. Without the grid each ping
 * would wake the process twice.
 */
const GRID_SHARE = 0.01
const MAX_GRID = 250

/** If a check is late by more than this share of the interval, the process stood still, for example because its machine was paused. */
const LATE_SHARE = 0.5

const PING = '{"type":"ping"}'

/** The part of a connection that its heartbeat uses. */
interface HeartbeatConnection extends Pick<ConnectionHandle, 'sendText' | 'end'> {
  /** Called when the heartbeat begins, and with each regular ping. See `ExpiryTimer.watch`. */
  watchExpiry(until: number): void
}

/** Pings one connection's client from `started` on, and ends the connection if no frame comes in two intervals. */
export class Heartbeat implements Timed, Pings {
  readonly #connection: HeartbeatConnection
  /** Milliseconds between pings. */
  readonly #interval: number
  /** When `onTime` is called next; 0 before `start` and after `stop`. */
  #checkAt = 0
  /** When the latest frame came, on the monotonic clock. It is a whole number, because V8 keeps a fraction in an object of 16 bytes. */
  #lastFrameAt = 0
  /** How many frames were sent that the client answers with `pong`: `started` and each `ping`. */
  #pings = 0
  #pongs = 0
  /** When the latest ping was sent, on the monotonic clock. */
  #pingedAt = 0

  constructor(connection: HeartbeatConnection, interval: number) {
    this.#connection = connection
    this.#interval = interval
  }

  /** Called when `started` was sent, which a client answers like a ping. */
  start(): void {
    this.#pings = 1
    // The time in which the gateway authenticated the user does not count as silence of the client. The time for which the start has paused
    // the socket does not count either.
    this.onFrame()
    this.#checkIn(this.#interval)
  }

  stop(): void {
    removeTimed(this.#checkAt, this)
    this.#checkAt = 0
  }

  /** Called for each frame of the client, whatever its type. */
  onFrame(): void {
    this.#lastFrameAt = Math.max(this.#lastFrameAt, Math.ceil(performance.now()))
  }

  /** Called when the socket is paused for this many milliseconds, so that the connection does not end as `timeout` meanwhile. */
  allowSilence(milliseconds: number): void {
    this.#lastFrameAt = Math.ceil(performance.now() + milliseconds)
  }

  /** Returns whether `started` or a `ping` is unanswered. */
  isAwaitingPong(): boolean {
    return this.#pongs < this.#pings
  }

  /** Returns the milliseconds that the client took to answer the latest ping; undefined if this pong does not answer that ping. */
  onPong(): number | undefined {
    const isAwaited = this.isAwaitingPong()
    if (isAwaited) this.#pongs++
    // The first pong answers `started`, not a ping.
    return isAwaited && this.#pongs > 1 && this.#pongs === this.#pings
      ? performance.now() - this.#pingedAt
      : undefined
  }

  ping(): number {
    this.#connection.sendText(PING)
    this.#pingedAt = performance.now()
    return ++this.#pings
  }

  hasAnswered(ping: number): boolean {
    return ping <= this.#pongs
  }

  answersPings(): boolean {
    return this.#pongs > 0
  }

  onTime(): void {
    // Many heartbeats share one timer. If one of the timer's calls has stopped another heartbeat, the timer still calls that heartbeat.
    if (this.#checkAt === 0) return
    const now = performance.now()
    // Timers run before sockets are read. So frames that came while the process stood still are read only after this check. Without another
    // interval all clients would be ended at once, although they have answered.
    if (now - this.#checkAt > Math.max(MAX_GRID, LATE_SHARE * this.#interval))
      this.#lastFrameAt = Math.max(this.#lastFrameAt, Math.ceil(now - this.#interval))
    const timeLeft = this.#lastFrameAt + 2 * this.#interval - now
    if (timeLeft <= 0) return this.#connection.end('timeout')
    this.ping()
    // The next check comes at the latest when the client would have been silent for too long.
    this.#checkIn(Math.min(this.#interval, timeLeft))
  }

  #checkIn(delay: number): void {
    const now = performance.now()
    const grid = Math.min(MAX_GRID, this.#interval * GRID_SHARE)
    this.#checkAt = Math.ceil((now + delay) / grid) * grid
    addTimed(this.#checkAt, this)
    this.#connection.watchExpiry(now + 2 * this.#interval)
  }
}
