import { isDeepStrictEqual } from 'node:util'
import type { Engine, UserRecord, UserRef } from '../../engine/index.js'
import { parseProfile, PROFILE_RULE, type ClientFrameOf } from '../../protocol/index.js'
import type { App } from '../apps/app.js'
import type { Said } from '../messages/own-profile.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { Refuse } from './messages/messaging.js'
import { userOf } from './user-of.js'

interface Parts {
  readonly engine: Pick<Engine, 'changeUser'>
  readonly app: App
  readonly user: UserRef
  readonly connection: Pick<ConnectionHandle, 'send' | 'end'>
  readonly refuse: Refuse
  /** Called with what the client says about the user, and with the user's record after it. */
  readonly say: (said: Said, user: UserRecord) => void
}

const ONLY_VOUCHED = "Only the app's backend changes profiles: the app's 'profiles' setting is 'vouched'."

/** Answers a `profile` frame. */
export const changeProfile = async (
  frame: ClientFrameOf<'profile'>,
  { engine, app, user, connection, refuse, say }: Parts,
): Promise<void> => {
  const changes = parseProfile(frame.user)
  // This check comes first: a client sends a change again in its next start, unless it was a `bad-request`, and the start would end.
  if (!changes) return refuse(frame, 'bad-request', PROFILE_RULE)
  if (app.settings.profiles !== 'anyone') return refuse(frame, 'refused', ONLY_VOUCHED)
  const saved = await engine.changeUser(user, { claimed: changes })
  // The user was deleted, and the session is about to end.
  if (!saved) return connection.end('revoked')
  const { claimed } = saved.user
  if (!isDeepStrictEqual({ ...claimed, ...changes }, claimed)) return refuse(frame, 'too-large', PROFILE_RULE)
  say({ claimed: changes }, saved.user)
  // If the profile did not change, the engine emits no `user-changed` event. The client gets `user` even then.
  if (!saved.changed) connection.send({ type: 'user', user: userOf(saved.user) })
}
