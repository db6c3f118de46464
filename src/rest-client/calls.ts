// The types of the client, as the compiler infers them from the schemas. The build writes them out as interfaces, with the descriptions of the
// OpenAPI document (scripts/build/rest-types.mjs).
import type { GenericSchema, InferInput, InferOutput } from 'valibot'
import type { pathParams } from './params.js'
import type { schemas } from './schemas.js'
import type { Shapes } from './shapes.js'

type Named = typeof schemas
export type Profile = InferInput<Named['Profile']>
export type User = InferInput<Named['User']>
export type UserState = InferInput<Named['UserState']>
export type UserStatus = InferInput<Named['UserStatus']>
export type Inbox = InferInput<Named['Inbox']>
export type ReadInbox = InferInput<Named['ReadInbox']>
export type Peer = InferInput<Named['Peer']>
export type Session = InferInput<Named['Session']>
export type Subscription = InferInput<Named['Subscription']>
export type Message = InferInput<Named['Message']>
export type Adoption = InferInput<Named['Adoption']>
export type Sent = InferInput<Named['Sent']>
export type Revoked = InferInput<Named['Revoked']>
export type Problem = InferInput<Named['Problem']>

export type CallId = keyof typeof operations

/** The names of the parameters in a path. */
export type PathParam<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathParam<Rest>
  : never

/** What a caller passes for a parameter. In a query a number is text, which the client makes. */
type Param<S> = S extends GenericSchema
  ? InferOutput<S> extends number | undefined
    ? InferOutput<S>
    : InferInput<S>
  : never

type Ids<Path extends string> = {
  [Name in Exclude<PathParam<Path>, 'app'> & keyof typeof pathParams]: Param<(typeof pathParams)[Name]>
}
type Query<S> = S extends { query: infer Q } ? { [Name in keyof Q]?: Param<Q[Name]> } : unknown
type Body<S> = S extends { body: infer B extends GenericSchema } ? { body: InferInput<B> } : unknown
type Input<Id extends CallId> = Ids<(typeof operations)[Id]['path']> &
  Query<Shapes[Id]> &
  Body<Shapes[Id]> & { signal?: AbortSignal | undefined }
type Answer<S> = S extends { answer: infer A extends GenericSchema } ? InferInput<A> : undefined

/** The calls of the REST API. */
export type RestCalls = {
  [Id in CallId]: object extends Input<Id>
    ? (input?: Input<Id>) => Promise<Answer<Shapes[Id]>>
    : (input: Input<Id>) => Promise<Answer<Shapes[Id]>>
}

/** Where each call goes, and the status of its success if that has no body. */
export const operations = {
  endUserSessions: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/sessions',
    query: ['issuedBefore', 'mode'],
  },
  listUserSessions: {
    method: 'GET',
    path: '/v1/apps/{app}/users/{user}/sessions',
    query: ['limit', 'cursor'],
  },
  liftRevocation: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/revocation',
    query: [],
    emptyStatus: 204,
  },
  endSession: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/sessions/{session}',
    query: [],
    emptyStatus: 204,
  },
  revokeToken: { method: 'DELETE', path: '/v1/apps/{app}/tokens/{jti}', query: [], emptyStatus: 204 },
  endAppSessions: { method: 'DELETE', path: '/v1/apps/{app}/sessions', query: ['issuedBefore', 'mode'] },
  putUser: { method: 'PUT', path: '/v1/apps/{app}/users/{user}', query: [] },
  getUser: { method: 'GET', path: '/v1/apps/{app}/users/{user}', query: [] },
  deleteUser: { method: 'DELETE', path: '/v1/apps/{app}/users/{user}', query: ['issuedBefore'] },
  listUsers: { method: 'GET', path: '/v1/apps/{app}/users', query: ['limit', 'cursor'] },
  getUsersStatus: { method: 'POST', path: '/v1/apps/{app}/users:status', query: [] },
  adoptGuest: { method: 'POST', path: '/v1/apps/{app}/users/{user}/adopt', query: [] },
  sendMessage: { method: 'POST', path: '/v1/apps/{app}/users/{user}/messages', query: [] },
  listMessages: {
    method: 'GET',
    path: '/v1/apps/{app}/users/{user}/messages',
    query: ['after', 'before', 'with', 'limit', 'cursor'],
  },
  sendMessages: { method: 'POST', path: '/v1/apps/{app}/messages', query: [] },
  sendSignal: { method: 'POST', path: '/v1/apps/{app}/users/{user}/signals', query: [], emptyStatus: 202 },
  markRead: { method: 'POST', path: '/v1/apps/{app}/users/{user}/read', query: [] },
  listPeers: { method: 'GET', path: '/v1/apps/{app}/users/{user}/peers', query: ['limit', 'before'] },
  listPushSubscriptions: { method: 'GET', path: '/v1/apps/{app}/users/{user}/push', query: [] },
  endPushSubscription: {
    method: 'DELETE',
    path: '/v1/apps/{app}/users/{user}/push/{id}',
    query: [],
    emptyStatus: 204,
  },
  getUsage: { method: 'GET', path: '/v1/apps/{app}/usage', query: [] },
} as const satisfies Record<
  string,
  { method: string; path: string; query: readonly string[]; emptyStatus?: number }
>
