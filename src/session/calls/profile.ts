import type { GatewayFrameOf, Profile } from '../../protocol/index.js'
import { callFrames } from '../../protocol/internal.js'
import { infoOf } from '../machine/selectors.js'
import type { Answer } from '../storage/outbox.js'
import type { CallsHost } from './host.js'
import type { Requests } from './requests.js'

/** Returns the function that sends a change of the profile. `before` is the session's profile without `fields`. */
export const createProfileChange = (
  { setStartProfile, runner, checkedCopy, SessionError }: CallsHost,
  { request }: Requests,
): ((fields: Profile, before: Profile) => Promise<void>) => {
  /**
   * Settles when the gateway has answered the latest change. Each change waits for the one before, because an answer does not name its
   * change.
   */
  let turn: Promise<unknown> = Promise.resolve()
  /** The profile without the changes that have no answer yet. Undefined before the first change. */
  let answered: Profile | undefined

  const isAnswer = (answer: Answer): answer is GatewayFrameOf<'user'> => answer.type === 'user'

  const send = async (fields: Profile): Promise<void> => {
    const frame = checkedCopy({ type: 'profile' as const, user: fields }, callFrames.profile)
    const sent = turn
      .catch(() => undefined)
      .then(() => request(frame, { checks: callFrames.profile, isAnswer }))
    turn = sent
    await sent
  }

  /** The gateway would leave such fields out of a start, too. If JSON can't write them, no start could be sent, and the session would end. */
  const isUnfit = (error: unknown): boolean =>
    !(error instanceof SessionError) || error.code === 'bad-request' || error.code === 'too-large'

  return async (fields, before) => {
    answered ??= before
    // If the gateway refuses the change, only its frame must be refused. The start of a new connection would end the session.
    if (infoOf(runner.state())) setStartProfile(answered)
    let kept = fields
    try {
      await send(fields)
    } catch (error) {
      if (isUnfit(error)) kept = {}
      throw error
    } finally {
      answered = { ...answered, ...kept }
      setStartProfile(answered)
    }
  }
}
