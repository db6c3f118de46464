import type { ClientFrame, ClientFrameOf } from '../../protocol/index.js'
import { Timer } from '../../util/timer.js'
import { admit, messageOf } from '../auth/admission.js'
import type { Peer } from '../auth/authentication.js'
import type { App } from '../apps/app.js'
import type { Settings } from '../config/parse.js'
import type { Slot } from '../limits/connection-limits.js'
import type { StartQueue } from '../limits/start-queue.js'
import type { ConnectionHandle } from '../sessions/connection-handle.js'
import type { Hub } from '../sessions/hub.js'
import { LiveSession } from '../sessions/live-session.js'
import type { SessionContext } from '../sessions/session-context.js'
import { countStarted, pendingStart, type PendingStart } from './connection-counter.js'
import { parseFrame, parseStart } from './parse-frame.js'

type StartFrame = ClientFrameOf<'start'>

/** The parts of a gateway that all openings share. */
export interface OpeningContext extends SessionContext {
  settings: SessionContext['settings'] & Pick<Settings, 'apps' | 'startTimeout'>
  /** Returns the apps by id, or their promise until the engine is open. */
  apps(): ReadonlyMap<string, App> | Promise<ReadonlyMap<string, App>>
  hub: Hub
  startQueue: StartQueue
  /** Returns null while the gateway accepts new sessions. Otherwise returns the milliseconds after which a client tries again. */
  retryAfter(): number | null
  /** Called when a session has started. `slot` is the place of its connection in the limits of connections. */
  onStarted(slot: Slot): void
}

/** The part of a connection that its opening uses. */
interface OpeningConnection extends ConnectionHandle {
  /** Counts a frame for `bytesPerSecond`. Returns false if it ends the connection. */
  charge(session: LiveSession, bytes: number): boolean
  /** Called when the next frame follows within milliseconds. */
  expectFrame(): void
  /** Called when the session has started, and before it answers frames that came earlier. */
  onStarted(session: LiveSession): void
}

/** How many frames may wait for `started`, and how many bytes in all. */
const MAX_FRAMES = 16
const MAX_BYTES = 16_384
const TOO_MUCH_BEFORE_START = `Before 'started' a client may send at most ${MAX_FRAMES} frames and ${MAX_BYTES} bytes together.`

/** How many characters of a client's name and version are kept. */
const MAX_CLIENT_NAME = 64

const TOO_MANY_STARTS = 'Too many sessions are starting: reconnect after `retryAfter`.'
/** A client that was refused with `TOO_MANY_STARTS` reconnects after a random time of at most this many milliseconds. */
const START_RETRY = 10_000

/** Why a connection ends that gets a second `start`. */
export const SECOND_START = "A connection takes one 'start': open another connection for another session."

/**
 * A connection until `started` is sent: takes the `start` frame, waits for its turn, authenticates the user, and starts the session. Frames
 * that come meanwhile wait. It is also the phase of the connection, until the connection is live or closed.
 */
export class Opening {
  /** The session, as soon as the user is authenticated. */
  session: LiveSession | undefined
  /** The start, as soon as its frame has come. */
  start: PendingStart | undefined
  /** Whether the client has sent `end`, so that it does not come back. */
  hasEnd = false
  readonly #context: OpeningContext
  readonly #connection: OpeningConnection
  readonly #peer: Peer
  readonly #slot: Slot
  readonly #deadline: Timer
  /**
   * The frames that came before `started`. They wait as text, because a client that is not authenticated could send 16 kB of `{}`, which
   * would take hundreds of kilobytes when parsed.
   */
  readonly #texts: string[] = []
  /** The bytes of these frames, and of pings and pongs. */
  #bytes = 0
  /** Removes the start from the queue of starts. Undefined if the start has not waited. */
  #leaveQueue: (() => void) | undefined
  #isStopped = false

  constructor(context: OpeningContext, connection: OpeningConnection, peer: Peer, slot: Slot) {
    this.#context = context
    this.#connection = connection
    this.#peer = peer
    this.#slot = slot
    this.#deadline = new Timer(context.settings.startTimeout, () =>
      connection.end(
        'timeout',
        'The client sent no start in time, or it could not be authenticated in time.',
      ),
    )
  }

  /** Called with a frame and its text. */
  receive(frame: ClientFrame, text: string, bytes: number): void {
    if (frame.type === 'start') {
      if (this.start) return this.#connection.end('bad-request', SECOND_START)
      this.start = pendingStart(frame, bytes, this.#context.settings.apps)
      const retryAfter = this.#context.retryAfter()
      if (retryAfter !== null) return this.#connection.end('unavailable', undefined, retryAfter)
      return this.#queue(this.start, text, frame)
    }
    if (frame.type === 'end') this.hasEnd = true
    this.#texts.push(text)
    this.receiveControl(bytes)
  }

  /** Called with a ping or a pong of the WebSocket protocol. */
  receiveControl(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > MAX_BYTES || this.#texts.length > MAX_FRAMES)
      this.#connection.end('too-large', TOO_MUCH_BEFORE_START)
  }

  /** Called when the connection has closed. */
  stop(): void {
    this.#isStopped = true
    this.#deadline.cancel()
    // The place of a client that has left is another's.
    this.#leaveQueue?.()
  }

  /** Starts the session when its turn comes. `text` is the JSON of `frame`. */
  #queue(start: PendingStart, text: string, frame: StartFrame): void {
    // The wait in the queue does not count for `startTimeout`. So the deadline is set again when the wait begins, and when it ends.
    const restartDeadline = (): void => this.#deadline.restart(this.#context.settings.startTimeout)
    const state: { hasBegun: boolean; frame: StartFrame | undefined } = { hasBegun: false, frame }
    const work = (hasWaited: boolean): Promise<void> => {
      state.hasBegun = true
      if (hasWaited) restartDeadline()
      return this.#begin(start, state.frame ?? parseStart(text))
    }
    const onWait = (leave: () => void): void => void (this.#leaveQueue = leave)
    const started = this.#context.startQueue.run(work, this.#peer.address, start.bytes, onWait)
    // A start that waits is parsed again at its turn: the queue counts only the bytes of the text, and a parsed frame may take 20 times as
    // much memory.
    state.frame = undefined
    if (!started) return this.#refuse(start)
    if (!state.hasBegun) restartDeadline()
    this.#connection.endOnError(started.then((isRun) => isRun || this.#refuse(start)))
  }

  async #begin(start: PendingStart, frame: StartFrame): Promise<void> {
    const { hub, log, engine, settings, metrics } = this.#context
    const context = { engine, settings, metrics, isOpen: () => !this.#isStopped }
    const apps = this.#context.apps()
    // Only a promise is awaited, because an `await` of a plain value would cost a turn of the microtasks.
    const admitted = await admit(context, apps instanceof Promise ? await apps : apps, frame, this.#peer)
    // A client that is gone gets no session: its start could end another session of the user as `too-many-sessions`.
    if (this.#isStopped) return
    const { origin, address } = this.#peer
    if (!admitted.ok) {
      const { code, why, origin: refusedOrigin, trace, retryAfter } = admitted
      // The id of an unknown app is not logged, because it may be a token in the wrong field.
      const appId = start.app || undefined
      log[trace ? 'error' : 'info'](
        { appId, code, why, origin: refusedOrigin, trace, address },
        'start refused',
      )
      return this.#connection.end(code, messageOf(admitted), retryAfter)
    }
    const session = new LiveSession(this.#context, admitted, this.#connection)
    const wait = session.limits.take('requestsPerSecond')
    if (wait > 0)
      return this.#connection.end('rate-limited', 'The user starts too many sessions a second.', wait)
    if (!this.#connection.charge(session, start.bytes)) return
    this.session = session
    // `expectFrame` is not called earlier, so that the answer to a handshake does not wait for the verification.
    this.#connection.expectFrame()
    // The session is added to the hub before the engine reads the user, so that the session receives every later event.
    hub.add(session)
    const client = { origin, address, client: frame.client?.slice(0, MAX_CLIENT_NAME) ?? null }
    const started = await session.start(admitted, frame, client)
    if (!started || !context.isOpen()) return
    this.#deadline.cancel()
    this.#connection.onStarted(session)
    countStarted(metrics, start)
    this.#context.onStarted(this.#slot)
    log.debug(session.ref, 'session started')
    for (const text of this.#texts) {
      const parsed = parseFrame(text)
      if (parsed.ok && parsed.frame.type !== 'start') session.handle(parsed.frame)
    }
  }

  #refuse({ app }: PendingStart): void {
    if (this.#isStopped) return
    this.#context.metrics.limitsReached.inc({ app, limit: 'starts' })
    this.#connection.end('unavailable', TOO_MANY_STARTS, Math.ceil(START_RETRY * (0.2 + 0.8 * Math.random())))
  }
}
