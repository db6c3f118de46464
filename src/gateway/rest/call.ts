import type * as v from 'valibot'
import type { Engine, UserRef } from '../../engine/index.js'
import {
  operations,
  shapes,
  type CallId,
  type PathParam,
  type pathParams,
  type Shape,
  type Shapes,
} from '../../rest-client/internal.js'
import type { App } from '../apps/app.js'
import type { KnownProfiles } from '../messages/known-profiles.js'
import type { MessageTurns } from '../messages/message-turns.js'
import type { SendMessage } from '../messages/send.js'
import type { Metrics } from '../metrics/metrics.js'
import type { CallErrorCode } from './errors.js'

export type ParamName = keyof typeof pathParams

type QueryOf<S> = S extends { query: infer Q extends v.ObjectEntries }
  ? v.InferOutput<v.ObjectSchema<Q, undefined>>
  : unknown
type BodyOf<S> = S extends { body: infer B extends v.GenericSchema } ? v.InferOutput<B> : null
type AnswerOf<S> = S extends { answer: infer A extends v.GenericSchema } ? v.InferInput<A> : undefined

/** The parts of a gateway that answer REST calls. */
export interface CallContext {
  readonly engine: Engine
  readonly send: SendMessage
  readonly messageTurns: MessageTurns
  readonly profiles: KnownProfiles
  readonly metrics: Pick<Metrics, 'engineErrors'>
}

/** The authenticated and validated input of a call's handler. `appId` is the app's id, in the token and in the path. */
interface Input<Params, Query, Body> {
  app: App
  appId: string
  params: Params
  /** The user whom the path names; an empty id for a path without a user. */
  of: UserRef
  query: Query
  body: Body
  /** The `traceparent` that the call passes on; undefined if the call belongs to no trace. */
  traceparent: string | undefined
  context: CallContext
}

/** A row of the table of calls. The routes and the OpenAPI document are made from this table. */
export interface Call {
  /** The call's name in the document, in the audit log and in the client. */
  id: CallId
  method: Lowercase<(typeof operations)[CallId]['method']>
  path: string
  /** The heading of the call in the document. */
  tag: 'Users' | 'Sessions' | 'Messages' | 'App'
  summary: string
  description?: string | undefined
  /** Whether the call changes something, and so is written to the audit log. In a row: left out if the method says it. */
  changes: boolean
  query: v.ObjectEntries
  body: v.GenericSchema | null
  /** An example of the body, for the document. */
  example?: unknown
  /** The descriptions of the successful answers, by status. */
  answers: Record<number, string>
  /** The schema of the body of each of these answers; null for an answer without a body. */
  answer: v.GenericSchema | null
  /** The codes of failures, besides those that `errorsOf` in openapi.ts adds. */
  errors: readonly CallErrorCode[]
  handle(
    input: Input<Record<string, string>, Record<string, unknown>, unknown>,
  ): Promise<{ status: number; body?: unknown }>
}

interface CallSpec<Id extends CallId, Status extends number> extends Pick<
  Call,
  'summary' | 'description' | 'example'
> {
  id: Id
  changes?: boolean
  answers: Record<Status, string>
  errors?: readonly CallErrorCode[]
  handle(
    input: Input<
      Record<PathParam<(typeof operations)[Id]['path']>, string>,
      QueryOf<Shapes[Id]>,
      BodyOf<Shapes[Id]>
    >,
  ): Promise<{ status: Status; body: AnswerOf<Shapes[Id]> }>
}

/** Returns the answer of a handler. */
export const answer = <const S extends number, B = undefined>(
  status: S,
  body?: B,
): { status: S; body: B } => ({
  status,
  body: body as B,
})

/** Returns a row of the table. The compiler checks that the handler fits the path, the schemas and the answers. */
export const defineCall = <const Id extends CallId, Status extends number>({
  handle,
  ...row
}: CallSpec<Id, Status>): Omit<Call, 'tag'> => {
  const { method, path } = operations[row.id]
  const { query = {}, body, answer }: Shape = shapes[row.id]
  return {
    ...{ path, query, errors: [], changes: method !== 'GET' },
    ...{ body: body ?? null, answer: answer ?? null },
    ...row,
    method: method.toLowerCase() as Call['method'],
    // In `Call` the inputs are `unknown`. Before `handle` is called, they are validated with this row's schemas.
    handle: handle as Call['handle'],
  }
}
