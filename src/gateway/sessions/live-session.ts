import type { SessionRef, UserRecord, UserRef } from '../../engine/index.js'
import type { ClientFrame, ClientFrameOf } from '../../protocol/index.js'
import type { Admitted } from '../auth/admission.js'
import type { App } from '../apps/app.js'
import { Delivery } from './messages/delivery.js'
import { OwnProfile, type Said } from '../messages/own-profile.js'
import { createFrameHandler, type FrameHandler } from './frame-handler.js'
import type { HubSession, SessionEvent } from './hub.js'
import { ExpiryTimer } from './expiry-timer.js'
import type { SessionChange } from '../../protocol/internal.js'
import { clientVersion } from '../metrics/client-versions.js'
import type { ConnectionHandle } from './connection-handle.js'
import { PageSight } from './page-sight.js'
import { Renewals } from './renewals.js'
import { abandonStart, openSession } from './start/session-start.js'
import { firstOffset, profileRefusal, startedFrame } from './start/started-frames.js'
import type { Client, SessionContext } from './session-context.js'
import type { DetachOrEnd, SessionPhase, Started } from './session-phase.js'
import { UserLimits } from './user-limits.js'
import { Visibility } from './visibility.js'
import { userOf } from './user-of.js'

/** A frame that a client may send once its session has started. */
type SessionFrame = Exclude<ClientFrame, ClientFrameOf<'start'>>

/** The engine receives a client's round-trip time at most once in this many milliseconds. */
const TOUCH_INTERVAL = 60_000

/** One user's session for as long as one connection carries it. */
export class LiveSession implements HubSession {
  user: UserRef
  /** The client's version as a label of metrics. Set by `start`. */
  clientVersion = 'unknown'
  readonly #context: SessionContext
  readonly #app: App
  readonly #connection: ConnectionHandle
  readonly #expiryTimer: ExpiryTimer
  readonly #delivery: Delivery
  #phase: SessionPhase = { name: 'starting', events: [] }
  /** When the engine last received a round-trip time, on the monotonic clock. */
  #touchedAt = -TOUCH_INTERVAL
  /** Created for the first frame that `FrameHandler` answers, or for a revocation. */
  #renewals: Renewals | undefined
  /** Created for the first frame that needs it. Most sessions send no such frame. */
  #frameHandler: FrameHandler | undefined
  /** Created only for apps with `push`. */
  #pageSight: PageSight | undefined
  #isHidden = false
  /** Created only if the session's credential or client says something about the user. */
  #ownProfile: OwnProfile | undefined
  /** Created for the first `visibility` frame. */
  #visibility: Visibility | undefined

  constructor(
    context: SessionContext,
    { app, userId }: Pick<Admitted, 'app' | 'userId'>,
    connection: ConnectionHandle,
  ) {
    this.user = { appId: app.settings.appId, userId }
    this.#context = context
    this.#app = app
    this.#connection = connection
    this.#expiryTimer = new ExpiryTimer(connection)
    this.#delivery = new Delivery(context, this, connection)
  }

  /** Created for each use: most sessions use it once, and an object that is kept takes memory. */
  get limits(): UserLimits {
    return new UserLimits(this.#context.metrics, this.#app, this.user.userId)
  }

  /** The session's ids; undefined before the session has started, and after `release`. */
  get ref(): SessionRef | undefined {
    return this.#started()?.ref
  }

  /** Whether the client has sent `end`, which is answered once all earlier frames are. */
  get isEnding(): boolean {
    return this.#phase.name === 'ending'
  }

  onEvent(event: SessionEvent): void {
    const phase = this.#phase
    // `Delivery` takes messages even before `started` is sent, and keeps them in order.
    if (phase.name !== 'starting' || event.type === 'message') this.#apply(event)
    else if (event.type === 'user-changed') phase.user = event.user
    // Signals go only to sessions that have started.
    else if (event.type !== 'signal') phase.events.push(event)
  }

  /** Starts or resumes the session and sends `started`. Resolves with false if the connection closed before that. Called once. */
  async start(admitted: Admitted, frame: ClientFrameOf<'start'>, client: Client): Promise<boolean> {
    const starting = this.#phase
    if (starting.name !== 'starting') return false
    const { credential } = admitted
    this.#isHidden = frame.hidden ?? false
    this.clientVersion = clientVersion(client.client)
    const opened = await openSession(this.#context, {
      user: this.user,
      admitted,
      frame,
      client,
      starting,
      connection: this.#connection,
      released: () => this.#detachOrEnd(),
    })
    if (!opened || this.#phase !== starting) return false
    const { ref, resumed, saved, position, lost, inbox } = opened
    const pushKey = this.#app.push?.publicKey
    this.#phase = { name: 'live', ref, epoch: inbox.epoch, credential, origin: client.origin, pushKey }
    this.user = ref
    const user = starting.user ?? saved.user
    this.#say(admitted, user)
    this.#expiryTimer.set(credential.expiresAt)
    const expiresIn = this.#expiryTimer.remaining()
    this.#connection.send(startedFrame(this.#context, opened, user, admitted, { expiresIn, pushKey }))
    const refused = profileRefusal(admitted)
    if (refused) {
      this.#connection.send(refused)
      this.#context.metrics.refusals.inc({ app: this.user.appId, frame: refused.re, code: refused.code })
    }
    this.#context.activity?.record({ ...ref, type: resumed ? 'resumed' : 'started', code: null })
    const from = firstOffset(position, inbox)
    if (frame.resume) {
      const missed = lost ? 'lost' : from < inbox.offset ? 'messages' : 'none'
      this.#context.metrics.resumes.inc({ app: this.user.appId, result: resumed ? 'resumed' : 'new', missed })
    }
    // A page that names a position has seen the messages up to there. The engine was perhaps not told that yet, so it will be told.
    this.#watchPage(ref, position ? 0 : from, from)
    this.#delivery.begin(from, inbox, lost)
    for (const event of starting.events) this.#apply(event)
    return true
  }

  /** Called for each frame of the client. The first one shows that the client has its new resume key, so the engine voids the old key. */
  confirm(): void {
    const phase = this.#phase
    if (phase.name !== 'live') return
    phase.name = 'confirmed'
    const confirmed = this.#context.engine.confirmSession(phase.ref, this.#connection.connectionId)
    // If the engine fails, the next frame tries again.
    void this.#connection.surviveEngineError(confirmed, () => {
      if (phase.name === 'confirmed') phase.name = 'live'
    })
  }

  /** Called when the client has answered a ping after `rtt` milliseconds. */
  touch(rtt: number): void {
    const started = this.#started()
    const now = performance.now()
    if (!started || now - this.#touchedAt < TOUCH_INTERVAL) return
    this.#touchedAt = now
    const { connectionId } = this.#connection
    const touched = this.#context.engine.touchSession(started.ref, connectionId, { rtt: Math.round(rtt) })
    // If the engine fails, the next answer to a ping tries again.
    void this.#connection.surviveEngineError(touched, () => (this.#touchedAt = -TOUCH_INTERVAL))
  }

  handle(frame: SessionFrame): void {
    const started = this.#started()
    if (!started) return
    // A reload may have given the app its `push` since the session started.
    this.#watchPage(started.ref, 0, 0)
    this.#pageSight?.onFrame(this.#delivery.sent)
    if (started.name === 'ending') return
    if (frame.type === 'end') {
      started.name = 'ending'
      // Frames that came before `end` are answered first.
      void this.framesAnswered().then(() => this.#connection.end('ended'))
    } else if (frame.type === 'visibility') {
      this.#isHidden = frame.hidden
      this.#pageSight?.setHidden(frame.hidden, this.#delivery.sent)
      this.#visibilityOf(started).set(frame.hidden)
    } else if (frame.type !== 'pong') this.#handlerFor(started).handle(frame)
  }

  /** Calls `ExpiryTimer.watch`. `Heartbeat` calls this when it starts, and after each of its regular pings. */
  watchExpiry(until: number): void {
    this.#expiryTimer.watch(until)
  }

  /** Ends the connection if the credentials have expired. */
  checkExpiry(): void {
    this.#expiryTimer.check()
  }

  /** Resolves when every frame that was handled is answered. */
  framesAnswered(): Promise<void> {
    return this.#frameHandler?.allAnswered() ?? Promise.resolve()
  }

  /** Detaches or ends the session and frees its resources when its connection has closed. Called once. */
  release(requested: DetachOrEnd, reason: SessionChange['code']): void {
    const phase = this.#phase
    const started = this.#started()
    // A client that sent `end` does not come back, even if the connection was lost before the answer.
    const detachOrEnd: DetachOrEnd = phase.name === 'ending' ? { code: 'ended' } : requested
    this.#phase = { name: 'released', detachOrEnd }
    this.#expiryTimer.stop()
    this.#renewals?.stop()
    this.#delivery.stop()
    this.#visibility?.stop()
    this.#frameHandler?.stop(reason)
    if (phase.name === 'starting' && phase.engineSession)
      this.#connection.endOnError(
        abandonStart(this.#context, this.#connection, phase.engineSession, detachOrEnd),
      )
    if (!started) return
    // The engine reports the end of a session itself, so only a detachment is recorded here.
    if ('resumableFor' in detachOrEnd)
      this.#context.activity?.record({ ...started.ref, type: 'disconnected', code: reason })
    const { engine } = this.#context
    const { connectionId } = this.#connection
    // The engine is first told which messages the page has seen. If the page counted as gone before that, the messages could be pushed.
    const pushRest = this.#pageSight?.onClose(reason, this.#delivery)
    const released =
      'code' in detachOrEnd
        ? engine.endSession(started.ref, detachOrEnd.code, connectionId)
        : engine.detachSession(started.ref, connectionId, detachOrEnd.resumableFor)
    this.#connection.endOnError(released)
    pushRest?.(released)
  }

  #apply(event: SessionEvent): void {
    if (event.type === 'message') {
      this.#frameHandler?.onMessage(event.message)
      return this.#delivery.onMessage(event)
    }
    if (event.type === 'epoch-changed') return this.#delivery.onEpoch(event.epoch)
    const started = this.#started()
    if (!started) return
    switch (event.type) {
      case 'session-ended':
        if (event.session.sessionId === started.ref.sessionId) this.#connection.end(event.code)
        return
      case 'connection-replaced':
        if (event.connectionId === this.#connection.connectionId) this.#connection.end('replaced')
        return
      case 'reauth':
        if (event.session.sessionId === started.ref.sessionId) this.#renewalsOf(started).onRevoked()
        return
      case 'user-changed':
        this.#ownProfile?.update({}, event.user)
        return this.#connection.send({ type: 'user', user: userOf(event.user) })
      case 'read':
        // On Redis the event may come after a newer message, which its count lacks.
        if (!this.#delivery.sendReadMark(event.inbox, event.peer)) this.#handlerFor(started).recount(event)
        return
      case 'signal': {
        // If the client reads slowly, the signal is dropped: signals are not guaranteed to arrive.
        const { from, name, data, ttl } = event.signal
        if (!this.#connection.isFull())
          this.#connection.send({ type: 'signal', from, name, ...(data && { data }), ttl })
      }
    }
  }

  #renewalsOf({ ref, credential }: Started): Renewals {
    return (this.#renewals ??= new Renewals(this.#context, {
      ...{ app: this.#app, ref, credential, expiryTimer: this.#expiryTimer, connection: this.#connection },
      say: (said, user) => this.#say(said, user),
    }))
  }

  #handlerFor(started: Started): FrameHandler {
    const { ref: user, epoch, origin, pushKey } = started
    return (this.#frameHandler ??= createFrameHandler({
      ...{ context: this.#context, app: this.#app, user, epoch, origin, pushKey },
      connection: this.#connection,
      limits: this.limits,
      delivery: this.#delivery,
      renewals: this.#renewalsOf(started),
      sender: () => this.#ownProfile?.sender,
      say: (said, user) => this.#say(said, user),
    }))
  }

  /** Called with what the session says about its user, and with the user's stored record. */
  #say(said: Said, user: UserRecord): void {
    if (said.vouched ?? said.claimed) (this.#ownProfile ??= new OwnProfile()).update(said, user)
  }

  /** Creates `#pageSight`, if the app has `push` and it is not created yet. See `PageSight` for `told` and `received`. */
  #watchPage(ref: SessionRef, told: number, received: number): void {
    if (!this.#app.push) return
    const hidden = this.#isHidden
    this.#pageSight ??= new PageSight(this.#context, ref, this.#connection, { hidden, told, received })
  }

  #visibilityOf({ ref }: Started): Visibility {
    const connection = this.#connection
    return (this.#visibility ??= new Visibility({
      store: (hidden) => this.#context.engine.setHidden(ref, connection.connectionId, hidden),
      takeRequest: () => this.limits.take('requestsPerSecond'),
      connection,
    }))
  }

  #started(): Started | undefined {
    return this.#phase.name === 'starting' || this.#phase.name === 'released' ? undefined : this.#phase
  }

  /** This is a function, because after an `await` the compiler would still assume the phase from before. */
  #detachOrEnd(): DetachOrEnd | undefined {
    return this.#phase.name === 'released' ? this.#phase.detachOrEnd : undefined
  }
}
