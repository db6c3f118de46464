import { type Engine, type SessionRef } from '../engine/index.js'
import {
  isRetryable,
  sentences,
  type ClientFrame,
  type ClientFrameOf,
  type EndCode,
  type GatewayFrame,
  type RefusalCode,
} from '../protocol/index.js'
import { readProfile } from '../tokens/vouched-profile.js'
import { PROFILE_PROBLEM, proveToken, type Admitted } from './admission.js'
import { at, type Timer } from './timer.js'

/** What a session says goes out through its connection. */
export interface Line {
  send(frame: GatewayFrame): void
  end(code: EndCode, why?: string): void
  /** Runs work that may fail: the failure ends this connection and no other. */
  attempt(work: Promise<void>): void
}

/** A live session on this gateway. */
export interface LiveSession extends Pick<Line, 'send' | 'end'> {
  readonly ref: SessionRef
  /** Milliseconds until the credentials lapse, or null. */
  expiresIn(): number | null
  handle(frame: SessionFrame): void
  /** Frees what the session holds; its connection is over. */
  release(): void
}

/** What a client may send once its session has started. */
export type SessionFrame = Exclude<ClientFrame, ClientFrameOf<'start'>>

export const createLiveSession = (
  engine: Engine,
  { app, expiresAt: firstExpiry, userId }: Admitted,
  ref: SessionRef,
  { send, end, attempt }: Line,
): LiveSession => {
  let expiresAt: number | null = null
  let lapse: Timer | undefined
  let released = false
  /** The last renewal: the token that came last decides, however long an earlier one takes to check. */
  let renewed = Promise.resolve()

  /** The gateway's own clock says when credentials have lapsed. */
  const lapseAt = (time: number | null): void => {
    lapse?.cancel()
    // A token that was being checked when the connection closed must not set a timer that nobody will cancel.
    if (released) return
    expiresAt = time
    lapse = time === null ? undefined : at(time, () => end('token-expired'))
  }

  const expiresIn = (): number | null => (expiresAt === null ? null : Math.max(0, expiresAt - Date.now()))

  const refuse = (re: SessionFrame, code: RefusalCode, why: string = sentences[code]): void =>
    send({
      type: 'refused',
      re: re.type,
      ...('id' in re && { id: re.id }),
      code,
      message: why,
      retryable: isRetryable(code),
    })

  /** A token that is refused leaves the session with the one it has. */
  const renew = async (frame: ClientFrameOf<'token'>): Promise<void> => {
    const proven = await proveToken(app, frame.token)
    if (!proven.ok)
      return refuse(frame, proven.code === 'unavailable' ? 'unavailable' : 'unauthenticated', proven.why)
    if (proven.userId !== userId)
      return refuse(frame, 'unauthenticated', 'The token is for another user than the session is.')
    if (proven.vouched) await engine.saveUser(ref, { vouched: proven.vouched })
    lapseAt(proven.expiresAt)
    send({ type: 'renewed', expiresIn: expiresIn() })
  }

  const changeProfile = async (frame: ClientFrameOf<'profile'>): Promise<void> => {
    if (app.settings.profiles !== 'anyone')
      return refuse(frame, 'refused', "Only the app's backend changes profiles in this app.")
    const claimed = readProfile(frame.user)
    if (!claimed) return refuse(frame, 'bad-request', PROFILE_PROBLEM)
    await engine.saveUser(ref, { claimed })
  }

  lapseAt(firstExpiry)
  return {
    ref,
    send,
    end,
    expiresIn,
    release() {
      released = true
      lapse?.cancel()
    },
    handle(frame) {
      if (released) return
      switch (frame.type) {
        case 'token':
          renewed = renewed.then(() => renew(frame))
          return attempt(renewed)
        case 'profile':
          return attempt(changeProfile(frame))
        case 'end':
          return end('ended')
        case 'pong':
          return
        case 'send':
        case 'history':
        case 'read':
          return refuse(frame, 'refused', 'This gateway keeps no messages yet.')
      }
    },
  }
}
