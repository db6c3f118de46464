import { randomBytes } from 'node:crypto'
import { engineRetryAfter } from '../sessions/engine-retry.js'
import { EngineError } from '../../engine/index.js'
import {
  closeCodes,
  closeAction,
  errorMessages,
  isRetryable,
  limits,
  type GatewayFrame,
  type EndCode,
} from '../../protocol/index.js'
import type { Peer } from '../auth/authentication.js'
import type { Settings } from '../config/parse.js'
import { GatewayError } from '../errors.js'
import type { Slot } from '../limits/connection-limits.js'
import type { ConnectionHandle } from '../sessions/connection-handle.js'
import { closeReasonOf, countClosed, type CloseReason } from './connection-counter.js'
import { Heartbeat } from './heartbeat.js'
import { Opening, SECOND_START, type OpeningContext } from './opening.js'
import { parseFrame, PONG } from './parse-frame.js'
import { Throttle } from './throttle.js'
import type { Tracer } from './tracer.js'
import type { Transport } from './transport.js'
import type { LiveSession } from '../sessions/live-session.js'
import type { DetachOrEnd } from '../sessions/session-phase.js'

/** The parts of a gateway that all connections share. */
export interface ConnectionContext extends OpeningContext {
  settings: OpeningContext['settings'] & Pick<Settings, 'leaveWindow'>
  tracer: Tracer
  /** Called once for each connection, when it is closed. */
  onClosed(connection: Connection): void
}

/** The first part of all connection ids of this process, so that the ids of several gateways differ. */
const ID_PREFIX = randomBytes(16).toString('base64url')
let idCount = 0

const LEFT_BEFORE_START = "The client's side of the connection was closed before 'started': connect again."

/**
 * One connection, from the handshake to its close. It receives the frame `start`, authenticates the user, and carries the user's session
 * until either side closes. An error in one connection ends no other connection. The transport calls `receive`, `receiveControl`, `onEnd`
 * and `onClose`.
 */
export class Connection implements ConnectionHandle {
  readonly connectionId = `${ID_PREFIX} ${++idCount}`
  readonly heartbeat: Heartbeat
  readonly #context: ConnectionContext
  readonly #transport: Transport
  /** Created when the user first exceeds `bytesPerSecond`. */
  #throttle: Throttle | undefined
  /** What receives the client's frames: an `Opening`, from `started` on the session. Undefined once the connection is closed. */
  #phase: Opening | LiveSession | undefined
  /** Whether the connection ends once the frames that came before are answered. */
  #isDraining = false
  /** Whether `end` was called. On Bun `send` may close a full socket, which calls `onClose` before `end` has released the session. */
  #isEnded = false

  constructor(context: ConnectionContext, transport: Transport, peer: Peer, slot: Slot) {
    this.#context = context
    this.#transport = transport
    this.heartbeat = new Heartbeat(this, context.settings.pingInterval)
    this.#phase = new Opening(context, this, peer, slot)
  }

  /** The session from `started` on, until the connection is closed. */
  get #live(): LiveSession | undefined {
    return this.#phase instanceof Opening ? undefined : this.#phase
  }

  /** The state, the transport, and the session as soon as it exists. */
  get status(): {
    state: 'opening' | 'live' | 'draining' | 'closed'
    transport: Transport['kind']
    session: LiveSession | undefined
  } {
    const transport = this.#transport.kind
    const phase = this.#phase
    if (phase instanceof Opening) return { state: 'opening', transport, session: phase.session }
    const state = !phase ? 'closed' : this.#isDraining ? 'draining' : 'live'
    return { state, transport, session: phase }
  }

  send(frame: GatewayFrame): void {
    if (this.#phase) this.#write(JSON.stringify(frame), 'code' in frame ? frame.code : null)
  }

  sendText(json: string): void {
    if (this.#phase) this.#write(json, null)
  }

  /** Sends `ended` and closes. */
  end(code: EndCode, why: string = errorMessages[code], retryAfter?: number): void {
    if (!this.#phase) return
    this.#isEnded = true
    // The session is kept for `resumeWindow`. So a client that may reconnect is told to come back within half of it.
    const { resumeWindow } = this.#context.settings
    const longest = this.#live && resumeWindow > 0 ? resumeWindow / 2 : Infinity
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

  surviveEngineError(work: Promise<unknown>, prepareRetry?: () => void): Promise<void> {
    return work.then(
      () => undefined,
      (error: unknown) => {
        if (!(error instanceof EngineError)) return this.fail(error)
        this.#context.metrics.engineErrors.inc({ code: error.code })
        prepareRetry?.()
      },
    )
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
    const session = this.#live
    if (!session || this.#isDraining) return end()
    this.#isDraining = true
    void session.framesAnswered().then(() => {
      // The session itself answers an `end` of the client.
      if (!session.isEnding) end()
    })
  }

  /** Called when the heartbeat begins, and with each regular ping. See `ExpiryTimer.watch`. */
  watchExpiry(until: number): void {
    this.status.session?.watchExpiry(until)
  }

  /** Called when the wall clock has jumped. Ends the connection if the user's credentials have expired. */
  onClockJump(): void {
    if (!this.#isDraining) this.#live?.checkExpiry()
  }

  /**
   * Called when the client has closed its side of the socket. Resolves once the frames that it sent are answered. If the session has not
   * started yet, it does not start: most of these clients are gone, and a session of theirs could end another session of the user as
   * `too-many-sessions`. The connection ends as `unavailable`, so that a client that still receives frames reconnects.
   */
  onEnd(): Promise<void> {
    if (this.#phase instanceof Opening) this.end('unavailable', LEFT_BEFORE_START)
    return this.#live?.framesAnswered() ?? Promise.resolve()
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
    if (!phase) return
    this.heartbeat.onFrame()
    if (bytes > limits.frame) return this.end('too-large', `A frame has at most ${limits.frame} bytes.`)
    if (!(phase instanceof Opening)) {
      // The answer to a ping does not count against the user's limits.
      const isPong = text === PONG && this.heartbeat.isAwaitingPong()
      if (!isPong && !this.charge(phase, bytes)) return
    }
    const parsed = parseFrame(text)
    if (!parsed.ok) return this.end('bad-request', parsed.why)
    const { frame } = parsed
    const { tracer } = this.#context
    if (tracer.isOn()) tracer.recordReceived(this.status.session?.ref, frame.type, bytes)
    const rtt = frame.type === 'pong' ? this.heartbeat.onPong() : undefined
    if (phase instanceof Opening) return phase.receive(frame, text, bytes)
    if (frame.type === 'start') return this.end('bad-request', SECOND_START)
    phase.confirm()
    if (rtt !== undefined) {
      this.#context.metrics.pingSeconds.observe(rtt / 1_000)
      phase.touch(rtt)
    }
    phase.handle(frame)
  }

  /** Called with a ping or a pong of the WebSocket protocol. Each counts like a text frame, because it costs as much. */
  receiveControl(bytes: number): void {
    const phase = this.#phase
    if (phase instanceof Opening) phase.receiveControl(bytes)
    else if (phase && !this.#isDraining) this.charge(phase, bytes)
  }

  /** Called when the next frame follows within milliseconds. */
  expectFrame(): void {
    this.#transport.expectFrame?.()
  }

  /** Called when the session has started, and before it answers frames that came earlier. */
  onStarted(session: LiveSession): void {
    this.#phase = session
    this.heartbeat.start()
  }

  /** Counts a frame for `bytesPerSecond`, and pauses the socket if the user sends too much. Returns false if it ends the connection. */
  charge(session: LiveSession, bytes: number): boolean {
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
    if (pausedFor > 0) this.heartbeat.allowSilence(pausedFor)
    return true
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
    if (!phase) return
    const opening = phase instanceof Opening ? phase : undefined
    const { session } = this.status
    const start = opening?.start
    countClosed(this.#context.metrics, session?.user.appId ?? start?.app ?? '', start, reason)
    this.#phase = undefined
    opening?.stop()
    this.heartbeat.stop()
    this.#throttle?.stop()
    this.#context.onClosed(this)
    if (!session) return
    this.#context.hub.remove(session)
    // A client that has sent `end` does not come back, even if its session has not started yet.
    session.release(opening?.hasEnd ? { code: 'ended' } : detachOrEnd, reason)
  }
}
