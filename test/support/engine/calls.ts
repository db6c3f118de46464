import type { Adoption, AdoptionRequest, Engine, UserRef } from '../../../src/engine/index.js'
import { credential, rules } from '../../../src/engine/suite/kit.js'

/** Has a user adopt a guest. */
export const adopt = async (
  engine: Engine,
  of: UserRef,
  guestId: string,
  more: Partial<AdoptionRequest> = {},
): Promise<Adoption | null> => {
  const userCreatedAt = (await engine.user(of))?.createdAt ?? 0
  const { retention } = rules()
  return engine.adoptGuest({ ...of, userCreatedAt, guestId, proof: null, retention, ...more })
}

/** Saves a device of a user, by default with an endpoint that has the user's id. */
export const saveDevice = (engine: Engine, of: UserRef, name = of.userId): Promise<boolean> => {
  const keys = { p256dh: 'key', auth: 'secret' }
  const subscription = { endpoint: `https://push.example.com/${name}`, expirationTime: null, keys }
  return engine.savePushDevice(of, subscription, credential())
}
