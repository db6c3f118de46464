import type { Credential, SessionRef, UserRecord } from '../../engine/index.js'
import type { ClientFrameOf } from '../../protocol/index.js'
import { TaskQueue } from '../../util/task-queue.js'
import { Timer } from '../../util/timer.js'
import type { App } from '../apps/app.js'
import { authenticateToken } from '../auth/admission.js'
import { createTurnLimit } from '../limits/turn-limit.js'
import type { Said } from '../messages/own-profile.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { ExpiryTimer } from './expiry-timer.js'
import type { Refuse, SessionContext } from './session-context.js'

/** Milliseconds within which a client must send another token if the gateway asks for one after a revocation. */
export const REAUTH_TIMEOUT = 10_000

/**
 * How many clients are asked for another token in one turn of the event loop. A revocation of an app asks all of them when the same second
 * begins, and without a limit ten thousand frames would delay every other session.
 */
const REAUTHS_PER_TURN = 32
/** All gateways of the process share this limit, because they share the event loop. */
const reauthTurns = createTurnLimit(REAUTHS_PER_TURN)

const REVOKED = "The app's backend revoked this token: send another one."
const OTHER_USER =
  "The token's 'sub' is not this session's user: end the session and start one for the other user."

interface RenewalsOptions {
  readonly app: App
  readonly ref: SessionRef
  /** The credential that the session started with. */
  readonly credential: Credential
  readonly expiryTimer: ExpiryTimer
  readonly connection: ConnectionHandle
  /** Called with what a token says about the user, and with the user's record after it. */
  readonly say: (said: Said, user: UserRecord) => void
}

/**
 * The credential of one session. The client sends another token before this one expires, and when the gateway asks for one after a
 * revocation.
 */
export class Renewals {
  readonly #context: SessionContext
  readonly #options: RenewalsOptions
  /** Renewals run one after the other, so that the last token counts, however long an earlier one takes to check. */
  readonly #turns = new TaskQueue()
  #credential: Credential
  /** How often the engine has said that the session's credentials were revoked. */
  #revocations = 0
  #timer: Timer | undefined

  constructor(context: SessionContext, options: RenewalsOptions) {
    this.#context = context
    this.#options = options
    this.#credential = options.credential
  }

  /** The session's current credential. */
  get credential(): Credential {
    return this.#credential
  }

  /** Resolves with the credential that the renewals so far have left. */
  settled(): Promise<Credential> {
    return this.#turns.run(() => Promise.resolve(this.#credential))
  }

  /** Answers a `token` frame. If the token is refused, the session keeps the expiry that it has. */
  renew(frame: ClientFrameOf<'token'>, refuse: Refuse): Promise<void> {
    return this.#turns.run(() => this.#renew(frame, refuse))
  }

  /**
   * Called when the credentials were revoked. Asks for a token when the next second begins. `iat` has whole seconds, so a revocation also
   * covers the tokens that are made later in the same second. If the client were asked at once, it would fetch one of these.
   */
  onRevoked(): void {
    this.#revocations += 1
    this.stop()
    const timer = new Timer(1_000 - (Date.now() % 1_000), () =>
      reauthTurns.run(() => {
        // A good token may have come while this session waited for its turn.
        if (this.#timer === timer) this.#ask()
      }),
    )
    this.#timer = timer
  }

  /** No longer asks the client for a token. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Asks the client for another token. Without a good one the session ends as expired, at the latest after `REAUTH_TIMEOUT`. */
  #ask(): void {
    const { expiryTimer, connection } = this.#options
    expiryTimer.set(Date.now() + Math.min(REAUTH_TIMEOUT, expiryTimer.remaining() ?? Infinity))
    connection.send({ type: 'renewed', expiresIn: expiryTimer.remaining(), reauth: true })
  }

  async #renew(frame: ClientFrameOf<'token'>, refuse: Refuse): Promise<void> {
    const { engine, metrics } = this.#context
    const { app, ref, expiryTimer, connection, say } = this.#options
    const authenticated = await authenticateToken(app, frame.token, metrics)
    if (!authenticated.ok)
      return refuse(
        frame,
        authenticated.code === 'unavailable' ? 'unavailable' : 'unauthenticated',
        authenticated.why,
        authenticated.retryAfter,
      )
    if (authenticated.userId !== ref.userId) return refuse(frame, 'unauthenticated', OTHER_USER)
    const { credential, vouched } = authenticated
    let seen = this.#revocations
    /** Returns whether the token was revoked in the meantime. Then its expiry must not become the session's. */
    const isRevokedMeanwhile = async (): Promise<boolean> => {
      while (seen !== this.#revocations) {
        seen = this.#revocations
        if (await engine.isRevoked(ref, credential)) return true
      }
      return false
    }
    const isRenewed = await engine.renewSession(ref, connection.connectionId, credential)
    if (!isRenewed || (await isRevokedMeanwhile())) return refuse(frame, 'unauthenticated', REVOKED)
    const saved = vouched && (await engine.changeUser(ref, { vouched }))
    if (saved === null) return connection.end('revoked')
    if (await isRevokedMeanwhile()) return refuse(frame, 'unauthenticated', REVOKED)
    this.#credential = credential
    if (saved) say({ vouched }, saved.user)
    // The new token makes it needless to ask for one, unless a further revocation has just come.
    if (seen === this.#revocations) this.stop()
    expiryTimer.set(credential.expiresAt)
    connection.send({ type: 'renewed', expiresIn: expiryTimer.remaining() })
  }
}
