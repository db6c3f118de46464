import { randomUUID } from 'node:crypto'
import { EngineError } from '../../engine/index.js'
import {
  clientFrames,
  closeCodes,
  closeAction,
  errorMessages,
  isRetryable,
  pageCloseCodes,
  limits,
  parse,
  type ClientFrameOf,
  type EndCode,
  type GatewayFrame,
} from '../../protocol/index.js'
import { admit, type Peer } from '../auth/admission.js'
import type { App } from '../auth/app.js'
import type { Settings } from '../config/parse.js'
import type { Hub } from '../sessions/hub.js'
import type { ConnectionHandle } from '../sessions/connection-handle.js'
import type { Transport } from './transport.js'
import {
  LiveSession,
  type HoldOrEnd,
  type SessionContext,
  type SessionFrame,
} from '../sessions/live-session.js'
import { DeadlineTimer } from '../deadline-timer.js'

/** What all connections of a gateway share. */
export interface ConnectionContext extends SessionContext {
  settings: SessionContext['settings'] & Pick<Settings, 'startTimeout' | 'leaveWindow'>
  /** The apps by id, once the engine is open. */
  apps(): Promise<ReadonlyMap<string, App>>
  hub: Hub
  /** Milliseconds in which to come again, while the gateway takes no new sessions; null while it does. */
  retryAfter(): number | null
  /** Called once for each connection, when it is over. */
  onClosed(connection: Connection): void
}

/** Until `started` is sent: frames that come meanwhile wait. */
interface Opening {
  readonly name: 'opening'
  readonly peer: Peer
  readonly deadline: DeadlineTimer
  isStarting: boolean
  session?: LiveSession
  readonly frames: SessionFrame[]
  bytes: number
}

/** `draining` when what the client asks for is no longer answered. */
interface Live {
  name: 'live' | 'draining'
  readonly session: LiveSession
  /** The timer that listens for the client's silence. */
  beat: NodeJS.Timeout
}

type Phase = Opening | Live | { readonly name: 'over' }

/** The close codes of a page that may come back. */
const PAGE_LEFT_CODES: readonly number[] = Object.values(pageCloseCodes)

/** Connections are told apart by a number, and those of other processes by what comes before it. */
const PROCESS_ID = randomUUID()
let connectionCount = 0

/**
 * The life of one connection, from the handshake to its close: it waits for a start, has it verified, and carries the
 * user's session until either side ends it. What goes wrong here stays here. Its socket feeds it.
 */
export class Connection implements ConnectionHandle {
  readonly #number = ++connectionCount
  readonly #context: ConnectionContext
  readonly #transport: Transport
  #phase: Phase
  /** When the last frame came, on the clock that nobody sets. */
  #lastFrameAt = performance.now()
  /** What asked for a `pong`, and how much of it is answered: `started` and, never before it, pings. */
  #pings = 0
  #pongs = 0

  constructor(context: ConnectionContext, transport: Transport, peer: Peer) {
    this.#context = context
    this.#transport = transport
    const deadline = new DeadlineTimer(Date.now() + context.settings.startTimeout, () =>
      this.end('timeout', 'The start did not come, or was not settled, in time.'),
    )
    this.#phase = { name: 'opening', peer, deadline, isStarting: false, frames: [], bytes: 0 }
  }

  get connectionId(): string {
    return `${PROCESS_ID} ${this.#number}`
  }

  send(frame: GatewayFrame): void {
    if (this.#phase.name !== 'over') this.#transport.send(JSON.stringify(frame))
  }

  /** Tells the client why, and closes. */
  end(code: EndCode, why: string = errorMessages[code], retryAfter?: number): void {
    if (this.#phase.name === 'over') return
    this.send({
      type: 'ended',
      code,
      message: why,
      retryable: isRetryable(code),
      ...(retryAfter !== undefined && { retryAfter }),
    })
    this.#transport.close(closeCodes[code].close, code)
    // Who may come again finds the session still there.
    const { resumeWindow } = this.#context.settings
    this.#release(closeAction(closeCodes[code].close) === 'retry' ? { holdFor: resumeWindow } : { code })
  }

  endOnError(work: Promise<unknown>): void {
    work.catch((err: unknown) => {
      this.#context.log[err instanceof EngineError ? 'warn' : 'error']({ err }, 'a connection failed')
      this.end('unavailable')
    })
  }

  ping(): number {
    this.send({ type: 'ping' })
    return ++this.#pings
  }

  hasAnswered(ping: number): boolean {
    return ping <= this.#pongs
  }

  answersPings(): boolean {
    return this.#pongs > 0
  }

  isFull(): boolean {
    return this.#transport.isFull()
  }

  drained(): Promise<void> {
    return this.#transport.drained()
  }

  /** Ends it as `unavailable`, once what the client has asked for is answered; hears nothing more of it. */
  drain(retryAfter: number): void {
    const going = (): void => this.end('unavailable', 'The gateway restarts or stops.', retryAfter)
    const phase = this.#phase
    if (phase.name !== 'live') return going()
    phase.name = 'draining'
    void phase.session.settled().then(going)
  }

  /** The socket is closed, with this code. */
  onClose(code: number): void {
    const { leaveWindow, resumeWindow } = this.#context.settings
    if (this.#phase.name !== 'over')
      this.#release({ holdFor: PAGE_LEFT_CODES.includes(code) ? leaveWindow : resumeWindow })
  }

  /** A text frame of so many bytes came. */
  receive(text: string, bytes: number): void {
    const phase = this.#phase
    if (phase.name === 'over') return
    this.#lastFrameAt = performance.now()
    if (bytes > limits.frame) return this.end('too-large', `A frame has at most ${limits.frame} bytes.`)
    const parsed = parse(clientFrames, text)
    if (!parsed.ok) return this.end('bad-request', parsed.why)
    const { frame } = parsed
    if (frame.type === 'pong') this.#pongs = Math.min(this.#pings, this.#pongs + 1)
    if (phase.name !== 'opening') {
      if (frame.type === 'start') return this.end('bad-request', 'A connection starts once.')
      // What is not answered any more is sent again by a client that comes again.
      if (phase.name === 'draining') return
      phase.session.confirm()
      return phase.session.handle(frame)
    }
    if (frame.type === 'start') {
      if (phase.isStarting) return this.end('bad-request', 'A connection starts once.')
      phase.isStarting = true
      const retryAfter = this.#context.retryAfter()
      if (retryAfter !== null) return this.end('unavailable', undefined, retryAfter)
      return this.endOnError(this.#start(phase, frame))
    }
    phase.bytes += bytes
    if (phase.bytes > limits.frame)
      return this.end('too-large', `At most ${limits.frame} bytes wait for the start.`)
    phase.frames.push(frame)
  }

  async #start(opening: Opening, frame: ClientFrameOf<'start'>): Promise<void> {
    const { peer } = opening
    const { hub, log, settings } = this.#context
    const apps = await this.#context.apps()
    const admitted = await admit(apps, frame, peer)
    // Whoever left while they were verified leaves no trace, and takes no session's place.
    if (this.#phase !== opening) return
    if (!admitted.ok) {
      const { code, why, trace } = admitted
      // An id that no app has may be anything, a token too: it is not for the log.
      const appId = apps.has(frame.appId) ? frame.appId : undefined
      log[trace ? 'error' : 'info']({ appId, code, why, trace, address: peer.address }, 'start refused')
      return this.end(code, why)
    }
    const session = new LiveSession(this.#context, admitted, this)
    opening.session = session
    // Before anything of the user's is read: what changes meanwhile is not missed.
    hub.add(session)
    if (!(await session.start(admitted, frame.resume)) || this.#phase !== opening) return
    opening.deadline.cancel()
    this.#pings = 1
    // To verify the user may have taken long: the silence meanwhile was not the client's.
    this.#lastFrameAt = performance.now()
    const live: Live = { name: 'live', session, beat: this.#listenIn(settings.pingInterval) }
    this.#phase = live
    log.debug(session.ref, 'session started')
    for (const early of opening.frames) session.handle(early)
  }

  #listenIn(delay: number): NodeJS.Timeout {
    return setTimeout(() => this.#listen(), delay).unref()
  }

  /** Pings until the other side has been silent for two intervals, and not a moment longer. */
  #listen(): void {
    const phase = this.#phase
    if (phase.name === 'opening' || phase.name === 'over') return
    const { pingInterval } = this.#context.settings
    const patience = this.#lastFrameAt + 2 * pingInterval - performance.now()
    if (patience <= 0) return this.end('timeout')
    this.ping()
    phase.beat = this.#listenIn(Math.min(pingInterval, patience))
  }

  /** Frees everything that the connection holds. */
  #release(parting: HoldOrEnd): void {
    const phase = this.#phase
    if (phase.name === 'over') return
    this.#phase = { name: 'over' }
    if (phase.name === 'opening') phase.deadline.cancel()
    else clearTimeout(phase.beat)
    this.#context.onClosed(this)
    if (!phase.session) return
    this.#context.hub.remove(phase.session)
    phase.session.release(parting)
  }
}
