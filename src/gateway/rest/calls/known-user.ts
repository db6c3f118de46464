import type { Engine, UserRecord, UserRef } from '../../../engine/index.js'
import { CallError } from '../errors.js'

/** Resolves with the user. Rejects with a `CallError` of code `unknown-user` if there is none. */
export const knownUser = async (engine: Pick<Engine, 'user'>, of: UserRef): Promise<UserRecord> => {
  const record = await engine.user(of)
  if (!record)
    throw new CallError(
      'unknown-user',
      'The app has no user with this id. A PUT, a message or the first start of the user creates one.',
    )
  return record
}
