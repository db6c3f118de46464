import { EngineError, type Adoption, type UserRecord } from '../../../engine/index.js'
import { isGuestId } from '../../../protocol/index.js'
import type { App } from '../../apps/app.js'
import { isGeneratedGuest, verifyGuestToken } from '../../auth/guest-token.js'
import type { SessionContext } from '../session-context.js'

/**
 * Lets the user of a start adopt the guest of a token. Resolves with null if there is no guest to adopt. If the engine fails, resolves with
 * undefined: the start goes on, and the client asks again at its next start.
 */
export const adoptAtStart = async (
  { engine, metrics, log }: Pick<SessionContext, 'engine' | 'metrics' | 'log'>,
  { settings, verifyOwnToken }: App,
  { userId, createdAt }: UserRecord,
  token: string,
): Promise<Adoption | null | undefined> => {
  const { appId, adoption, retention } = settings
  if (adoption !== 'client' || isGuestId(userId)) return null
  const guest = await verifyGuestToken(verifyOwnToken, token)
  if (!guest) return null
  const { guestId, ...proof } = guest
  try {
    return await engine.adoptGuest({ appId, userId, userCreatedAt: createdAt, guestId, proof, retention })
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    metrics.engineErrors.inc({ code: error.code })
    log.warn({ err: error }, 'a guest was not adopted because the engine failed')
    return undefined
  }
}

/**
 * Lets a user adopt a guest, for the app's backend. A user who does not exist is created. Resolves with null if there is no guest to adopt.
 */
export const adoptForBackend = async (
  engine: Pick<SessionContext['engine'], 'saveUser' | 'adoptGuest'>,
  { settings: { appId, adoption, retention } }: Pick<App, 'settings'>,
  userId: string,
  guestId: string,
): Promise<Adoption | null> => {
  if (adoption === 'nobody' || isGuestId(userId) || !isGeneratedGuest(guestId)) return null
  const { user } = await engine.saveUser({ appId, userId }, {})
  return engine.adoptGuest({
    ...{ appId, userId, guestId, retention },
    userCreatedAt: user.createdAt,
    proof: null,
  })
}
