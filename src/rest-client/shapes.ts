import * as v from 'valibot'
import type { CallId, operations } from './operations.js'
import { mode, next, nextPeers, offsetParam, page, peersPage, revocation, withParam } from './params.js'
import {
  count,
  messageFields,
  profileBody,
  schemas,
  signalFields,
  since,
  userId,
  withField,
} from './schemas.js'

/** What a call takes and answers: the parameters of its query, its body, and the body of its successful answers. */
export interface Shape {
  query?: v.ObjectEntries
  body?: v.GenericSchema
  answer?: v.GenericSchema
}

/** The shape of a call, which has the parameters that its operation names, and an answer unless that is empty. */
type ShapeOf<O> = Pick<Shape, 'body'> &
  (O extends { query: readonly [] }
    ? { query?: never }
    : O extends { query: readonly (infer Name extends string)[] }
      ? { query: Record<Name, v.GenericSchema> }
      : never) &
  (O extends { emptyStatus: number } ? { answer?: never } : { answer: v.GenericSchema })

/** The most users of a call of `users:status`. */
export const MAX_STATUS = 100

/** The most recipients of one call. */
export const MAX_RECIPIENTS = 1000

const RECIPIENTS = `must be a list of at most ${MAX_RECIPIENTS} user ids`

const limit = v.nullable(count)

/** The shape of each call. The gateway checks calls with these schemas, and the types of the client are inferred from them. */
export const shapes = {
  endUserSessions: { query: { ...revocation, ...mode }, answer: schemas.Revoked },
  listUserSessions: { query: page, answer: v.object({ sessions: v.array(schemas.Session), next }) },
  liftRevocation: {},
  endSession: {},
  revokeToken: {},
  endAppSessions: { query: { ...revocation, ...mode }, answer: schemas.Revoked },
  putUser: { body: profileBody, answer: schemas.User },
  getUser: { answer: schemas.UserState },
  deleteUser: { query: revocation, answer: schemas.Revoked },
  listUsers: { query: page, answer: v.object({ users: v.array(schemas.User), next }) },
  getUsersStatus: {
    body: v.object({
      users: v.pipe(
        v.array(userId, 'must be a list of user ids'),
        v.maxLength(MAX_STATUS, `must have at most ${MAX_STATUS} user ids`),
      ),
    }),
    answer: v.object({ users: v.array(schemas.UserStatus) }),
  },
  adoptGuest: {
    body: v.object({ guest: userId }),
    answer: v.object({ adopted: v.nullable(schemas.Adoption) }),
  },
  sendMessage: { body: v.object(messageFields), answer: schemas.Sent },
  listMessages: {
    query: {
      after: v.optional(v.pipe(offsetParam, v.description('The oldest messages after this offset.'))),
      before: v.optional(v.pipe(offsetParam, v.description('The newest messages before this offset.'))),
      with: withParam,
      ...page,
    },
    answer: v.object({ ...schemas.Inbox.entries, messages: v.array(schemas.Message), next, since }),
  },
  sendMessages: {
    body: v.object({
      to: v.pipe(
        v.array(v.union([v.string(), v.number()], 'must be a user id'), RECIPIENTS),
        v.maxLength(MAX_RECIPIENTS, RECIPIENTS),
        v.description('User ids. The result of one that is not valid is a `problem`.'),
      ),
      ...messageFields,
    }),
    answer: v.object({
      results: v.array(
        v.union([
          v.object({ user: v.string(), ...schemas.Sent.entries }),
          v.object({ user: v.string(), problem: schemas.Problem }),
        ]),
      ),
    }),
  },
  sendSignal: { body: v.object(signalFields) },
  markRead: {
    body: v.object({ epoch: v.string('must be a text'), offset: count, with: withField }),
    answer: schemas.ReadInbox,
  },
  listPeers: { query: peersPage, answer: v.object({ peers: v.array(schemas.Peer), next: nextPeers }) },
  listPushSubscriptions: { answer: v.object({ subscriptions: v.array(schemas.Subscription) }) },
  endPushSubscription: {},
  getUsage: {
    answer: v.object({
      users: v.pipe(count, v.description('Users who are stored, guests included.')),
      guests: count,
      inboxes: v.pipe(count, v.description('Inboxes that ever held a message.')),
      bytes: v.pipe(count, v.description('About how many bytes the stored messages take.')),
      sessions: v.pipe(count, v.description('Sessions that have not ended.')),
      limits: v.object({ users: limit, guests: limit, inboxes: limit, bytes: limit, sessions: limit }),
    }),
  },
} satisfies { [Id in CallId]: ShapeOf<(typeof operations)[Id]> }

export type Shapes = typeof shapes
