import { engineRetryAfter } from '../sessions/engine-retry.js'
import { EngineError } from '../../engine/index.js'
import {
  closeCodes,
  closeAction,
  errorMessages,
  isRetryable,
  limits,
  type GatewayFrame,
  type ClientFrameOf,
  type EndCode,
} from '../../protocol/index.js'
import { admit, messageOf } from '../auth/admission.js'
import type { Peer } from '../auth/authentication.js'
import type { App } from '../apps/app.js'
import type { Settings } from '../config/parse.js'
import { GatewayError } from '../errors.js'
import type { Slot } from '../limits/connection-limits.js'
import type { StartQueue } from '../limits/start-queue.js'
import type { Hub } from '../sessions/hub.js'
import type { ConnectionHandle } from '../sessions/connection-handle.js'
import {
  closeReasonOf,
  countClosed,
  countStarted,
  pendingStart,
  type CloseReason,
  type PendingStart,
} from './connection-counter.js'
import { createConnectionId } from './connection-id.js'
import type { ConnectionPhase, OpeningState } from './connection-phase.js'
import { EarlyFrames, TOO_MUCH_BEFORE_START } from './early-frames.js'
import { Heartbeat, type HeartbeatConnection } from './heartbeat.js'
import { parseFrame, parseStart, PONG } from './parse-frame.js'
import { Throttle } from './throttle.js'
import type { Tracer } from './tracer.js'
import type { Transport } from './transport.js'
import { LiveSession } from '../sessions/live-session.js'
import type { SessionContext } from '../sessions/session-context.js'
import type { DetachOrEnd } from '../sessions/session-phase.js'
import { Timer } from '../../util/timer.js'

/** The parts of a gateway that all connections share. */
export interface ConnectionContext extends SessionContext {
  settings: SessionContext['settings'] & Pick<Settings, 'apps' | 'startTimeout' | 'leaveWindow'>
  /** Returns the apps by id, or their promise until the engine is open. */
  apps(): ReadonlyMap<string, App> | Promise<ReadonlyMap<string, App>>
  hub: Hub
  startQueue: StartQueue
  tracer: Tracer
  /** Returns null while the gateway accepts new sessions. Otherwise returns the milliseconds after which a client tries again. */
  retryAfter(): number | null
  /** Called when a session has started. `slot` is the place of its connection in the limits of connections. */
  onStarted(slot: Slot): void
  /** Called once for each connection, when it is closed. */
  onClosed(connection: Connection): void
}

/** How many characters of a client's name and version are kept. */
const MAX_CLIENT_NAME = 64

const TOO_MANY_STARTS = 'Too many sessions are starting: reconnect after `retryAfter`.'
/** A client that was refused with `TOO_MANY_STARTS` reconnects after a random time of at most this many milliseconds. */
const START_RETRY = 10_000

const SECOND_START = "A connection takes one 'start': open another connection for another session."
const LEFT_BEFORE_START = "The client's side of the connection was closed before 'started': connect again."

type StartFrame = ClientFrameOf<'start'>

/**
 * One connection, from the handshake to its close. It receives the frame `start`, authenticates the user, and carries the user's session
 * until either side closes. An error in one connection ends no other connection. The transport calls `receive`, `receiveControl`, `onEnd`
 * and `onClose`.
 */
export class Connection implements ConnectionHandle, HeartbeatConnection {
  readonly connectionId = createConnectionId()
  readonly #context: ConnectionContext
  readonly #transport: Transport
  readonly #heartbeat: Heartbeat
  /** Created when the user first exceeds `bytesPerSecond`. */
  #throttle: Throttle | undefined
  #phase: ConnectionPhase
  /** Whether `end` was called. On Bun `send` may close a full socket, which calls `onClose` before `end` has released the session. */
  #isEnded = false

  constructor(context: ConnectionContext, transport: Transport, peer: Peer, slot: Slot) {
    this.#context = context
    this.#transport = transport
    this.#heartbeat = new Heartbeat(this, context.settings.pingInterval)
    const deadline = new Timer(context.settings.startTimeout, () =>
      this.end('timeout', 'The client sent no start in time, or it could not be authenticated in time.'),
    )
    this.#phase = { name: 'opening', peer, slot, deadline, start: undefined, frames: new EarlyFrames() }
  }

  /** Whether the client is authenticated and its session has started. */
  get #isLive(): boolean {
    return this.#phase.name === 'live' || this.#phase.name === 'draining'
  }

  /** The state, the transport, and the session as soon as it exists. */
  get status(): {
    state: ConnectionPhase['name']
    transport: Transport['kind']
    session: LiveSession | undefined
  } {
    const phase = this.#phase
    const session = phase.name === 'closed' ? undefined : phase.session
    return { state: phase.name, transport: this.#transport.kind, session }
  }

  send(frame: GatewayFrame): void {
    if (this.#phase.name !== 'closed') this.#write(JSON.stringify(frame), 'code' in frame ? frame.code : null)
  }

  sendText(json: string): void {
    if (this.#phase.name !== 'closed') this.#write(json, null)
  }

  /** Sends `ended` and closes. */
  end(code: EndCode, why: string = errorMessages[code], retryAfter?: number): void {
    if (this.#phase.name === 'closed') return
    this.#isEnded = true
    // The session is kept for `resumeWindow`. So a client that may reconnect is told to come back within half of it.
    const { resumeWindow } = this.#context.settings
    const longest = (this.#isLive && resumeWindow / 2) || Infinity
    this.send({
      type: 'ended',
      code,
      message: why,
      retryable: isRetryable(code),
      ...(retryAfter !== undefined && { retryAfter: Math.min(retryAfter, longest) }),
    })
    this.#transport.close(closeCodes[code], code)
    this.#release(closeAction(closeCodes[code]) === 'retry' ? { resumableFor: resumeWindow } : { code }, code)
  }

  fail(err: unknown): void {
    // `close()` of the gateway ends a running `open()` of the engine. For a connection that waited for the engine this is no failure.
    if (err instanceof GatewayError && err.code === 'closed') return this.end('unavailable')
    if (err instanceof EngineError) this.#context.metrics.engineErrors.inc({ code: err.code })
    this.#context.log[err instanceof EngineError ? 'warn' : 'error'](
      { err },
      'a connection was ended because of an error',
    )
    this.end('unavailable', undefined, err instanceof EngineError ? engineRetryAfter() : undefined)
  }

  endOnError(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.fail(error))
  }

  ping(): number {
    return this.#heartbeat.ping()
  }

  hasAnswered(ping: number): boolean {
    return this.#heartbeat.hasAnswered(ping)
  }

  answersPings(): boolean {
    return this.#heartbeat.answersPings()
  }

  isFull(): boolean {
    return this.#transport.isFull()
  }

  drained(): Promise<void> {
    return this.#transport.drained()
  }

  /**
   * Ends the connection as `unavailable` once every frame so far is answered. It does not wait for the answers to later frames, unless the
   * client sends `end`: then the client does not come back to send them again.
   */
  drain(retryAfter: number): void {
    const end = (): void =>
      this.end('unavailable', 'The gateway is restarting: reconnect after `retryAfter`.', retryAfter)
    const phase = this.#phase
    if (phase.name !== 'live') return end()
    phase.name = 'draining'
    void phase.session.framesAnswered().then(() => {
      // The session itself answers an `end` of the client.
      if (!phase.session.isEnding) end()
    })
  }

  watchExpiry(until: number): void {
    this.status.session?.watchExpiry(until)
  }

  /** Called when the wall clock has jumped. Ends the connection if the user's credentials have expired. */
  onClockJump(): void {
    if (this.#phase.name === 'live') this.#phase.session.checkExpiry()
  }

  /**
   * Called when the client has closed its side of the socket. Resolves once the frames that it sent are answered. If the session has not
   * started yet, it does not start: most of these clients are gone, and a session of theirs could end another session of the user as
   * `too-many-sessions`. The connection ends as `unavailable`, so that a client that still receives frames reconnects.
   */
  onEnd(): Promise<void> {
    const phase = this.#phase
    if (phase.name === 'live' || phase.name === 'draining') return phase.session.framesAnswered()
    if (phase.name === 'opening') this.end('unavailable', LEFT_BEFORE_START)
    return Promise.resolve()
  }

  /** Called with the close code when the client has closed the connection, or when the socket was closed. */
  onClose(code: number): void {
    if (this.#isEnded) return
    const { leaveWindow, resumeWindow } = this.#context.settings
    const reason = closeReasonOf(code)
    this.#release({ resumableFor: reason === 'left' ? leaveWindow : resumeWindow }, reason)
  }

  /** Called with a text frame. `bytes` is its length as UTF-8. */
  receive(text: string, bytes: number): void {
    const phase = this.#phase
    if (phase.name === 'closed') return
    this.#heartbeat.onFrame()
    if (bytes > limits.frame) return this.end('too-large', `A frame has at most ${limits.frame} bytes.`)
    if (phase.name !== 'opening') {
      // The answer to a ping does not count against the user's limits.
      const isPong = text === PONG && this.#heartbeat.isAwaitingPong()
      if (!isPong && !this.#charge(phase.session, bytes)) return
    }
    const parsed = parseFrame(text)
    if (!parsed.ok) return this.end('bad-request', parsed.why)
    const { frame } = parsed
    const { tracer } = this.#context
    if (tracer.isOn()) tracer.recordReceived(this.status.session?.ref, frame.type, bytes)
    const rtt = frame.type === 'pong' ? this.#heartbeat.onPong() : undefined
    if (phase.name !== 'opening') {
      if (frame.type === 'start') return this.end('bad-request', SECOND_START)
      phase.session.confirm()
      if (rtt !== undefined) {
        this.#context.metrics.pingSeconds.observe(rtt / 1_000)
        phase.session.touch(rtt)
      }
      return phase.session.handle(frame)
    }
    if (frame.type === 'start') {
      if (phase.start) return this.end('bad-request', SECOND_START)
      const start = pendingStart(frame, bytes, this.#context.settings.apps)
      phase.start = start
      const retryAfter = this.#context.retryAfter()
      if (retryAfter !== null) return this.end('unavailable', undefined, retryAfter)
      return this.#queueStart(phase, start, text, frame)
    }
    if (frame.type === 'end') phase.frames.hasEnd = true
    if (!phase.frames.add(text, bytes)) this.end('too-large', TOO_MUCH_BEFORE_START)
  }

  /** Called with a ping or a pong of the WebSocket protocol. Each counts like a text frame, because it costs as much. */
  receiveControl(bytes: number): void {
    const phase = this.#phase
    if (phase.name === 'live') this.#charge(phase.session, bytes)
    else if (phase.name === 'opening' && !phase.frames.spend(bytes))
      this.end('too-large', TOO_MUCH_BEFORE_START)
  }

  /** Counts a frame for `bytesPerSecond`, and pauses the socket if the user sends too much. Returns false if it ends the connection. */
  #charge(session: LiveSession, bytes: number): boolean {
    this.#throttle?.recover(session.limits.secondsLeft())
    const seconds = session.limits.spendBytes(bytes)
    if (seconds >= 0 && !this.#throttle) return true
    this.#throttle ??= new Throttle(this.#transport)
    const pausedFor = this.#throttle.update(seconds)
    if (pausedFor !== 0)
      this.#context.metrics.limitsReached.inc({ app: session.user.appId, limit: 'bytesPerSecond' })
    if (pausedFor === undefined) {
      this.end(
        'rate-limited',
        "The user sends more than the app's 'bytesPerSecond'.",
        Math.ceil(-seconds * 1_000),
      )
      return false
    }
    if (pausedFor > 0) this.#heartbeat.allowSilence(pausedFor)
    return true
  }

  /** Starts the session when its turn comes. `text` is the JSON of `frame`. */
  #queueStart(opening: OpeningState, start: PendingStart, text: string, frame: StartFrame): void {
    // The wait in the queue does not count for `startTimeout`. So the deadline is set again when the wait begins, and when it ends.
    const restartDeadline = (): void => opening.deadline.restart(this.#context.settings.startTimeout)
    const state: { hasBegun: boolean; frame: StartFrame | undefined } = { hasBegun: false, frame }
    const work = (hasWaited: boolean): Promise<void> => {
      state.hasBegun = true
      // A client that has left meanwhile needs no session.
      if (this.#phase !== opening) return Promise.resolve()
      if (hasWaited) restartDeadline()
      return this.#start(opening, start, state.frame ?? parseStart(text))
    }
    const onWait = (leave: () => void): void => void (opening.leaveQueue = leave)
    const started = this.#context.startQueue.run(work, opening.peer.address, start.bytes, onWait)
    // A start that waits is parsed again at its turn: the queue counts only the bytes of the text, and a parsed frame may take 20 times as
    // much memory.
    state.frame = undefined
    if (!started) return this.#refuseStart(start)
    if (!state.hasBegun) restartDeadline()
    this.endOnError(started.then((isRun) => isRun || this.#refuseStart(start)))
  }

  async #start(opening: OpeningState, start: PendingStart, frame: StartFrame): Promise<void> {
    const { peer } = opening
    const { hub, log, engine, settings, metrics } = this.#context
    const context = { engine, settings, metrics, isOpen: () => this.#phase === opening }
    const apps = this.#context.apps()
    // Only promises are awaited, because an `await` of a plain value would cost a turn of the microtasks.
    const admitting = admit(context, apps instanceof Promise ? await apps : apps, frame, peer)
    const admitted = admitting instanceof Promise ? await admitting : admitting
    // A client that is gone gets no session: its start could end another session of the user as `too-many-sessions`.
    if (this.#phase !== opening) return
    if (!admitted.ok) {
      const { code, why, origin, trace, retryAfter } = admitted
      // The id of an unknown app is not logged, because it may be a token in the wrong field.
      const appId = start.app || undefined
      log[trace ? 'error' : 'info'](
        { appId, code, why, origin, trace, address: peer.address },
        'start refused',
      )
      return this.end(code, messageOf(admitted), retryAfter)
    }
    const session = new LiveSession(this.#context, admitted, this)
    const wait = session.limits.takeRequest()
    if (wait > 0) return this.end('rate-limited', 'The user starts too many sessions a second.', wait)
    if (!this.#charge(session, start.bytes)) return
    opening.session = session
    // `expectFrame` is not called earlier, so that the answer to a handshake does not wait for the verification.
    this.#transport.expectFrame?.()
    // The session is added to the hub before the engine reads the user, so that the session receives every later event.
    hub.add(session)
    const { origin, address } = peer
    const client = { origin, address, client: frame.client?.slice(0, MAX_CLIENT_NAME) ?? null }
    const { resume, since, adopt, hidden = false } = frame
    const started = await session.start(admitted, { resume, since, adopt, hidden, client })
    if (!started || this.#phase !== opening) return
    opening.deadline.cancel()
    this.#phase = { name: 'live', session }
    countStarted(this.#context.metrics, start)
    this.#context.onStarted(opening.slot)
    this.#heartbeat.start()
    log.debug(session.ref, 'session started')
    for (const text of opening.frames.texts) {
      const parsed = parseFrame(text)
      if (parsed.ok && parsed.frame.type !== 'start') session.handle(parsed.frame)
    }
  }

  #refuseStart({ app }: PendingStart): void {
    if (this.#phase.name === 'closed') return
    this.#context.metrics.limitsReached.inc({ app, limit: 'starts' })
    this.end('unavailable', TOO_MANY_STARTS, Math.ceil(START_RETRY * (0.2 + 0.8 * Math.random())))
  }

  /** Sends a frame. `code` is the code of a `refused` or an `ended` frame. */
  #write(json: string, code: string | null): void {
    const { tracer } = this.#context
    if (tracer.isOn()) tracer.recordSent(this.status.session?.ref, json, code)
    this.#transport.send(json)
  }

  /** Frees the resources of the connection, and detaches or ends its session. */
  #release(detachOrEnd: DetachOrEnd, reason: CloseReason): void {
    const phase = this.#phase
    if (phase.name === 'closed') return
    const start = phase.name === 'opening' ? phase.start : undefined
    countClosed(this.#context.metrics, phase.session?.user.appId ?? start?.app ?? '', start, reason)
    this.#phase = { name: 'closed' }
    if (phase.name === 'opening') {
      phase.deadline.cancel()
      // The place of a client that has left is another's.
      phase.leaveQueue?.()
    } else this.#heartbeat.stop()
    this.#throttle?.stop()
    this.#context.onClosed(this)
    if (!phase.session) return
    this.#context.hub.remove(phase.session)
    // A client that has sent `end` does not come back, even if its session has not started yet.
    const hasEnded = phase.name === 'opening' && phase.frames.hasEnd
    phase.session.release(hasEnded ? { code: 'ended' } : detachOrEnd, reason)
  }
}
