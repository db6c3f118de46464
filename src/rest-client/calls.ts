// The types of the client, as the compiler infers them from the schemas. The build writes them out as interfaces, with the descriptions of
// the OpenAPI document (scripts/build/rest-types.mjs).
import type { GenericSchema, InferInput, InferOutput } from 'valibot'
import type { CallId, operations, PathParam } from './operations.js'
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
