import * as v from 'valibot'
import { isGuestId } from '../../../protocol/index.js'
import { DEFAULT_LIMIT, MAX_STATUS, userId } from '../../../rest-client/internal.js'
import { adoptForBackend } from '../../sessions/start/adopt-guest.js'
import { userOf } from '../../sessions/user-of.js'
import { answer, defineCall } from '../call.js'
import { decodeCursor, encodeCursor } from './cursor.js'
import { CallError } from '../errors.js'
import { inboxOf } from './inbox.js'
import { revocationOf } from './revocation.js'
import { knownUser } from './known-user.js'

const cursorOfUsers = v.tuple([v.literal('user'), userId])

export const userCalls = [
  defineCall({
    id: 'putUser',
    summary: 'Create a user, or replace the vouched profile',
    description:
      'The vouched profile is what the app’s backend says about the user, here or in tokens. The body replaces it as a whole, unless a token with a later `iat` has set it. Connected clients of the user get the new profile at once. A guest must exist.',
    example: { name: 'Ann Lee', photoUrl: 'https://www.example.com/ann.png' },
    answers: { 200: 'The profile is stored.', 201: 'The user is created.' },
    errors: ['unknown-user'],
    async handle({ of, body, context: { engine } }) {
      const change = { vouched: { profile: body, issuedAt: Date.now(), byBackend: true } }
      const saved = isGuestId(of.userId)
        ? await engine.changeUser(of, change)
        : await engine.saveUser(of, change)
      if (!saved)
        throw new CallError('unknown-user', 'No guest has this id: only a guest’s own start creates one.')
      return answer(saved.created ? 201 : 200, userOf(saved.user))
    },
  }),
  defineCall({
    id: 'getUser',
    summary: 'A user, whether they are online, and their inbox',
    answers: { 200: 'The user.' },
    errors: ['unknown-user'],
    async handle({ of, context: { engine } }) {
      const record = await knownUser(engine, of)
      const { online, sessions, lastSeenAt, revokedBefore } = await engine.status(of)
      const inbox = inboxOf(await engine.inbox(of))
      return answer(200, { user: userOf(record), online, sessions, lastSeenAt, revokedBefore, inbox })
    },
  }),
  defineCall({
    id: 'listUsers',
    summary: 'The users of the app',
    description: 'The list includes guests. Its order, by id, never changes.',
    answers: { 200: 'A page of users.' },
    async handle({ appId, query: { cursor, limit = DEFAULT_LIMIT }, context: { engine } }) {
      const after = cursor === undefined ? null : decodeCursor(cursorOfUsers, cursor)[1]
      const found = await engine.users(appId, after, limit + 1)
      const users = found.slice(0, limit)
      const last = users.at(-1)
      return answer(200, {
        users: users.map(userOf),
        ...(last && found.length > limit && { next: encodeCursor(['user', last.userId]) }),
      })
    },
  }),
  defineCall({
    id: 'getUsersStatus',
    summary: 'Whether users are online',
    description: `For a list of users on a page: up to ${MAX_STATUS} users, answered in the order of the request. A user who does not exist is offline.`,
    changes: false,
    example: { users: ['12345', '67890'] },
    answers: { 200: 'The users, in the order of the request.' },
    async handle({ appId, body, context: { engine } }) {
      const users = await Promise.all(
        body.users.map(async (id) => {
          const { online, sessions, lastSeenAt, unread } = await engine.status({ appId, userId: id })
          return { id, online, sessions, lastSeenAt, unread }
        }),
      )
      return answer(200, { users })
    },
  }),
  defineCall({
    id: 'adoptGuest',
    summary: 'Let a user adopt a guest',
    description:
      'What the guest received and sent becomes the user’s, as if the user’s client had started with the guest’s token. Later messages to the guest go to the user. The user is created if there is none. The same call again has the same answer.',
    example: { guest: 'guest:~2hTdWmPpKFKqrcGM' },
    answers: {
      200: 'The adoption; null if there is no such guest, another user has adopted it, the user is a guest too, or the app’s `adoption` is `nobody`.',
    },
    async handle({ app, params, body, context: { engine } }) {
      return answer(200, { adopted: await adoptForBackend(engine, app, params.user, body.guest) })
    },
  }),
  defineCall({
    id: 'deleteUser',
    summary: 'Delete a user',
    description:
      'Ends the user’s sessions and revokes the credentials, as `endUserSessions` does, and deletes the user and the inbox. The revocation is kept. Copies of messages in other users’ inboxes stay. Unlike `endUserSessions`, a deletion always revokes all that was issued up to now: an earlier `issuedBefore` counts as now.',
    answers: { 200: 'The user is deleted, or there was none.' },
    async handle({ of, query, context: { engine } }) {
      const { issuedBefore } = revocationOf(query)
      // `deleteUser` revokes credentials only up to now, so a later `issuedBefore` needs a call of its own.
      const ahead = issuedBefore === null ? 0 : await engine.revokeUser(of, { issuedBefore, mode: 'end' })
      await engine.deleteUser(of)
      const { revokedBefore } = await engine.status(of)
      return answer(200, { revokedBefore: Math.max(ahead, revokedBefore ?? 0) })
    },
  }),
]
