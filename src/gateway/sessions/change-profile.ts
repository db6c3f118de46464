import { isDeepStrictEqual } from 'node:util'
import { parseProfile, PROFILE_RULE, type ClientFrameOf } from '../../protocol/index.js'
import type { FrameScope } from './frame-scope.js'
import { userOf } from './user-of.js'

const ONLY_VOUCHED = "Only the app's backend changes profiles: the app's 'profiles' setting is 'vouched'."

/** Answers a `profile` frame. */
export const changeProfile = async (
  frame: ClientFrameOf<'profile'>,
  { context, app, user, connection, refuse, say }: FrameScope,
): Promise<void> => {
  const changes = parseProfile(frame.user)
  // This check comes first: a client sends a change again in its next start, unless it was a `bad-request`, and the start would end.
  if (!changes) return refuse(frame, 'bad-request', PROFILE_RULE)
  if (app.settings.profiles !== 'anyone') return refuse(frame, 'refused', ONLY_VOUCHED)
  const saved = await context.engine.changeUser(user, { claimed: changes })
  // The user was deleted, and the session is about to end.
  if (!saved) return connection.end('revoked')
  const { claimed } = saved.user
  if (!isDeepStrictEqual({ ...claimed, ...changes }, claimed)) return refuse(frame, 'too-large', PROFILE_RULE)
  say({ claimed: changes }, saved.user)
  // If the profile did not change, the engine emits no `user-changed` event. The client gets `user` even then.
  if (!saved.changed) connection.send({ type: 'user', user: userOf(saved.user) })
}
