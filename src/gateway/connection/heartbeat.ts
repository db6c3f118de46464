import type { ConnectionHandle } from '../sessions/connection-handle.js'

/**
 * Pings are sent at times that are this part of the interval apart, and at most so many milliseconds: one turn of the event loop then
 * pings many connections, and another receives many answers. Otherwise each ping would wake the process twice.
 */
const GRID_SHARE = 0.01
const MAX_GRID = 250

/** Pings one connection's client from `started` on, and ends the connection if no frame comes in two intervals. */
export class Heartbeat {
  readonly #connection: Pick<ConnectionHandle, 'send' | 'end'>
  /** Milliseconds between pings. */
  readonly #interval: number
  #timer: NodeJS.Timeout | undefined
  /** When the latest frame came, on the monotonic clock. */
  #lastFrameAt = performance.now()
  /** How many frames ask for a `pong`: `started` and, never before it, pings. */
  #pings = 0
  #pongs = 0
  /** When the latest ping was sent, on the monotonic clock. */
  #pingedAt = 0

  constructor(connection: Pick<ConnectionHandle, 'send' | 'end'>, interval: number) {
    this.#connection = connection
    this.#interval = interval
  }

  /** Called when `started` was sent, which a client answers like a ping. */
  start(): void {
    this.#pings = 1
    // The time that the gateway took to authenticate the user is not the client's silence.
    this.#lastFrameAt = performance.now()
    this.#checkIn(this.#interval)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** A frame came, whatever its type. */
  onFrame(): void {
    this.#lastFrameAt = Math.max(this.#lastFrameAt, performance.now())
  }

  /** Called when the socket is paused for so many milliseconds. Otherwise a client whose frames are not read would end as `timeout`. */
  allowSilence(milliseconds: number): void {
    this.#lastFrameAt = performance.now() + milliseconds
  }

  /** Returns whether `started` or a `ping` is unanswered. */
  isAwaitingPong(): boolean {
    return this.#pongs < this.#pings
  }

  /** Returns the milliseconds that the client took to answer the latest ping; undefined if this pong answers none. */
  onPong(): number | undefined {
    const isAwaited = this.isAwaitingPong()
    if (isAwaited) this.#pongs++
    // The first pong answers `started`.
    return isAwaited && this.#pongs > 1 && this.#pongs === this.#pings
      ? performance.now() - this.#pingedAt
      : undefined
  }

  /** Sends a `ping` and returns its number. */
  ping(): number {
    this.#connection.send({ type: 'ping' })
    this.#pingedAt = performance.now()
    return ++this.#pings
  }

  hasAnswered(ping: number): boolean {
    return ping <= this.#pongs
  }

  answersPings(): boolean {
    return this.#pongs > 0
  }

  #checkIn(delay: number): void {
    const now = performance.now()
    const grid = Math.min(MAX_GRID, this.#interval * GRID_SHARE)
    const at = Math.ceil((now + delay) / grid) * grid
    // The timer has its argument instead of a closure, which would take more memory for each session.
    this.#timer = setTimeout(Heartbeat.#check, Math.ceil(at - now), this).unref()
  }

  static readonly #check = (heartbeat: Heartbeat): void => {
    const timeLeft = heartbeat.#lastFrameAt + 2 * heartbeat.#interval - performance.now()
    if (timeLeft <= 0) return heartbeat.#connection.end('timeout')
    heartbeat.ping()
    // Checks when the time is up, not an interval later.
    heartbeat.#checkIn(Math.min(heartbeat.#interval, timeLeft))
  }
}
