import { createHash, randomUUID } from 'node:crypto'
import {
  mergeProfile,
  type SessionRef,
  type EngineEvent,
  type UserRecord,
  type UserRef,
} from '../../engine/index.js'
import type {
  ClientFrame,
  ClientFrameOf,
  EndCode,
  GatewayFrameOf,
  Resumption,
  User,
} from '../../protocol/index.js'
import type { Admitted } from '../auth/admission.js'
import type { App } from '../auth/app.js'
import type { Settings } from '../config/parse.js'
import { Delivery } from './delivery.js'
import { createFrameHandler, type FrameHandler } from './frame-handler.js'
import type { HubSession } from './hub.js'
import { ExpiryTimer } from './expiry-timer.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { MessagingContext } from './messaging.js'

/** What becomes of a session when its connection is over: it is held for so many milliseconds, or has ended. */
export type HoldOrEnd = { holdFor: number } | { code: EndCode }

/** What a client may send once its session has started. */
export type SessionFrame = Exclude<ClientFrame, ClientFrameOf<'start'>>

export interface SessionContext extends MessagingContext {
  settings: Pick<Settings, 'pingInterval' | 'sendWindow' | 'resumeWindow'>
}

/** What the engine calls the session, and whether the client has a key to it. */
interface EngineSession {
  readonly ref: SessionRef
  readonly isKnown: boolean
}

/** Until `started` is sent: what is told meanwhile waits, but for the profile, whose newest counts. */
interface Starting {
  readonly name: 'starting'
  readonly early: EngineEvent[]
  user?: UserRecord
  engineSession?: EngineSession
}

/** From `started` on; `confirmed` when the client was heard since, `ending` when it has said farewell. */
interface Started extends EngineSession {
  name: 'live' | 'confirmed' | 'ending'
  readonly epoch: string
}

type Phase = Starting | Started | { readonly name: 'over'; readonly holdOrEnd: HoldOrEnd }

const hash = (key: string): string => createHash('sha256').update(key).digest('base64url')

const userOf = (record: UserRecord): User => ({ ...mergeProfile(record), id: record.userId })

/** One user's session, as long as one connection carries it. */
export class LiveSession implements HubSession {
  readonly of: UserRef
  readonly #context: SessionContext
  readonly #app: App
  readonly #connection: ConnectionHandle
  readonly #expiryTimer: ExpiryTimer
  readonly #delivery: Delivery
  #phase: Phase = { name: 'starting', early: [] }
  /** Made when it is needed: most sessions ask for nothing. */
  #frameHandler: FrameHandler | undefined

  constructor(
    context: SessionContext,
    { app, userId }: Pick<Admitted, 'app' | 'userId'>,
    line: ConnectionHandle,
  ) {
    this.of = { appId: app.settings.appId, userId }
    this.#context = context
    this.#app = app
    this.#connection = line
    this.#expiryTimer = new ExpiryTimer(line)
    this.#delivery = new Delivery(context.engine, this.of, line)
  }

  /** Once it has started. */
  get ref(): SessionRef | undefined {
    return this.#started()?.ref
  }

  onEvent(event: EngineEvent): void {
    const phase = this.#phase
    if (event.type === 'message') this.#delivery.onMessage(event)
    else if (phase.name !== 'starting') this.#apply(event)
    else if (event.type === 'user-changed') phase.user = event.user
    else phase.early.push(event)
  }

  /** Starts a session or carries one on, and says so; false when the connection was over before. Called once. */
  async start(admitted: Admitted, resume: Resumption | undefined): Promise<boolean> {
    const starting = this.#phase
    if (starting.name !== 'starting') return false
    const { guest, vouched, claimed, token, expiresAt } = admitted
    const { engine, settings } = this.#context
    const { resumeWindow, pingInterval, sendWindow } = settings
    const saved = await engine.saveUser(this.of, { vouched, claimed })
    if (this.#phase !== starting) return false
    const resumeKey = randomUUID()
    const { sessionId, resumed } = await engine.startSession({
      ...this.of,
      guest,
      connectionId: this.#connection.connectionId,
      keyHash: hash(resumeKey),
      ...(resume && { resumes: hash(resume.key) }),
      holdFor: resumeWindow,
      sessionsPerUser: this.#app.settings.limits.sessionsPerUser,
    })
    const ref: SessionRef = { ...this.of, sessionId }
    starting.engineSession = { ref, isKnown: resumed }
    const holdOrEnd = this.#holdOrEnd()
    if (holdOrEnd) {
      await this.#detachOrEnd(starting.engineSession, holdOrEnd)
      return false
    }
    const lost = resume !== undefined && (await engine.messagesAfter(this.of, resume, 1)).lost
    const { epoch, offset, unread } = await engine.inbox(this.of)
    if (this.#phase !== starting) return false
    this.#phase = { name: 'live', ref, isKnown: true, epoch }
    this.#expiryTimer.set(expiresAt)
    this.#connection.send({
      type: 'started',
      sessionId,
      user: userOf(starting.user ?? saved.user),
      guest,
      resumed,
      resumeKey,
      resumeWindow,
      epoch,
      offset,
      lost,
      unread,
      expiresIn: this.#expiryTimer.remaining(),
      pingInterval,
      sendWindow,
      ...(token !== undefined && { token }),
    } satisfies GatewayFrameOf<'started'>)
    // Where offsets don't compare, everything that is kept comes.
    const isComparable = resume?.epoch === epoch && resume.offset <= offset
    const from = resume ? (isComparable ? resume.offset : 0) : offset
    this.#delivery.begin({ epoch, offset: from }, offset, lost)
    for (const event of starting.early) this.#apply(event)
    return true
  }

  /** A frame came on the connection: whoever sent it has the session's new key. */
  confirm(): void {
    const phase = this.#phase
    if (phase.name !== 'live') return
    phase.name = 'confirmed'
    this.#connection.endOnError(this.#context.engine.confirmSession(phase.ref, this.#connection.connectionId))
  }

  handle(frame: SessionFrame): void {
    const started = this.#started()
    if (!started || started.name === 'ending') return
    if (frame.type === 'end') {
      started.name = 'ending'
      // What was asked for before has its answer first.
      void this.settled().then(() => this.#connection.end('ended'))
    } else if (frame.type !== 'pong') this.#handlerFor(started).handle(frame)
  }

  /** Resolves when every frame that was handled has its answer. */
  async settled(): Promise<void> {
    await this.#frameHandler?.settled()
  }

  /** Frees what the session holds: its connection is over. Called once. */
  release(given: HoldOrEnd): void {
    const phase = this.#phase
    const engineSession = phase.name === 'starting' ? phase.engineSession : this.#started()
    // Who said farewell does not come back, even if the connection was lost before the answer.
    const holdOrEnd: HoldOrEnd = phase.name === 'ending' ? { code: 'ended' } : given
    this.#phase = { name: 'over', holdOrEnd }
    this.#expiryTimer.stop()
    this.#delivery.stop()
    if (engineSession) this.#connection.endOnError(this.#detachOrEnd(engineSession, holdOrEnd))
  }

  /** A client that leaves before it was sent `started` has no key to a new session, so that one ends. A resumed session is held. */
  async #detachOrEnd({ ref, isKnown }: EngineSession, how: HoldOrEnd): Promise<void> {
    const { engine } = this.#context
    const { connectionId } = this.#connection
    if ('code' in how) await engine.endSession(ref, how.code, connectionId)
    else if (isKnown) await engine.detachSession(ref, connectionId, how.holdFor)
    else await engine.endSession(ref, 'ended', connectionId)
  }

  #apply(event: EngineEvent): void {
    const started = this.#started()
    if (!started) return
    switch (event.type) {
      case 'session-ended':
        if (event.session.sessionId === started.ref.sessionId) this.#connection.end(event.code)
        return
      case 'connection-replaced':
        if (event.connectionId === this.#connection.connectionId) this.#connection.end('replaced')
        return
      case 'user-changed':
        return this.#connection.send({ type: 'user', user: userOf(event.user) })
      case 'read':
        // Of what was told before `started` its own count is the newer one.
        this.#delivery.sendReadMark(event.inbox)
        return
      case 'message':
        return this.#delivery.onMessage(event)
    }
  }

  #handlerFor({ epoch }: Started): FrameHandler {
    return (this.#frameHandler ??= createFrameHandler(
      this.#context,
      this.#app,
      { of: this.of, lapse: this.#expiryTimer, delivery: this.#delivery, epoch },
      this.#connection,
    ))
  }

  #started(): Started | undefined {
    return this.#phase.name === 'starting' || this.#phase.name === 'over' ? undefined : this.#phase
  }

  /** A function, since it may be over after each wait. */
  #holdOrEnd(): HoldOrEnd | undefined {
    return this.#phase.name === 'over' ? this.#phase.holdOrEnd : undefined
  }
}
