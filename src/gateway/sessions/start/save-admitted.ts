import type { AdmissionRefusal, Engine, SavedUser, UserRef } from '../../../engine/index.js'
import type { EndCode } from '../../../protocol/index.js'
import { GUEST_EXISTS, type Admitted } from '../../auth/admission.js'
import type { Metrics } from '../../metrics/metrics.js'

/**
 * Why a start with revoked credentials is refused. The code of the refusal is not `revoked`: after `revoked` a client gives up, but this
 * client may fetch other credentials.
 */
const REVOKED = "The app's backend revoked these credentials: log in again."
const TOO_MANY_GUESTS = "The app has as many guests as its 'limits.guests' allows."
const DELETED = 'The user was deleted while the session started: start again.'

/** Why a start is refused. */
type StartRefusal = readonly [code: EndCode, why: string]

export const startRefusals: Record<AdmissionRefusal, StartRefusal> = {
  revoked: ['unauthenticated', REVOKED],
  exists: ['unauthenticated', GUEST_EXISTS],
  full: ['unavailable', TOO_MANY_GUESTS],
  gone: ['unavailable', DELETED],
}

/** Saves the user of a start. Resolves with why the start is refused if the user is not saved. */
export const saveAdmitted = async (
  { engine, metrics }: { engine: Pick<Engine, 'admitUser'>; metrics: Pick<Metrics, 'limitsReached'> },
  user: UserRef,
  { app, guest, vouched, claimed, credential, mustBeNew, createdAt }: Admitted,
): Promise<SavedUser | StartRefusal> => {
  const maxGuests = guest ? app.settings.limits.guests : null
  const admission = { credential, maxGuests, mustBeNew, createdAt }
  const saved = await engine.admitUser(user, { vouched, claimed }, admission)
  if (typeof saved === 'object') return saved
  if (saved === 'full') metrics.limitsReached.inc({ app: user.appId, limit: 'guests' })
  return startRefusals[saved]
}
