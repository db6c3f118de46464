import type { Engine, SavedUser, UserRef } from '../../engine/index.js'
import type { EndCode } from '../../protocol/index.js'
import { GUEST_EXISTS, type Admitted } from '../auth/admission.js'
import type { Metrics } from '../metrics/metrics.js'

const TOO_MANY_GUESTS = "The app has as many guests as its 'limits.guests' allows."

interface SaveContext {
  engine: Pick<Engine, 'saveUser' | 'saveGuest'>
  metrics: Pick<Metrics, 'limitsReached'>
}

type Refuse = (code: EndCode, why: string) => void

const saveGuest = async (
  { engine, metrics }: SaveContext,
  user: UserRef,
  { app, vouched, claimed, mustBeNew }: Admitted,
  refuse: Refuse,
): Promise<SavedUser | undefined> => {
  const { guests } = app.settings.limits
  // Two guests may ask for one id at once. The profile is saved afterwards, so that the second guest does not change the first's profile.
  const saved = await engine.saveGuest(user, mustBeNew ? {} : { vouched, claimed }, guests)
  if (!saved) {
    metrics.limitsReached.inc({ app: user.appId, limit: 'guests' })
    refuse('unavailable', TOO_MANY_GUESTS)
  } else if (mustBeNew && !saved.created) refuse('unauthenticated', GUEST_EXISTS)
  else return mustBeNew && claimed ? engine.saveUser(user, { claimed }) : saved
  return undefined
}

/**
 * Saves the user of a start. Resolves with undefined after a call of `refuse`: the id is another guest's, or the app has too many
 * guests.
 */
export const saveAdmitted = (
  context: SaveContext,
  user: UserRef,
  admitted: Admitted,
  refuse: Refuse,
): Promise<SavedUser | undefined> =>
  admitted.guest
    ? saveGuest(context, user, admitted, refuse)
    : context.engine.saveUser(user, { vouched: admitted.vouched, claimed: admitted.claimed })
