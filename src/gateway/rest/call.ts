import type * as v from 'valibot'
import type { Engine } from '../../engine/index.js'
import type { App } from '../apps/app.js'
import type { KnownProfiles } from '../messages/known-profiles.js'
import type { MessageTurns } from '../messages/message-turns.js'
import type { SendMessage } from '../messages/send.js'
import type { Metrics } from '../metrics/metrics.js'
import type { CallErrorCode } from './errors.js'
import type { pathParams } from './params.js'

type Method = 'get' | 'put' | 'post' | 'delete'

/** A call's successful answers, by status. `schema` is the schema of the body; null for an answer without a body. */
type Answers = Record<number, { description: string; schema: v.GenericSchema | null }>

type AnswerOf<A extends Answers> = {
  [S in keyof A & number]: A[S]['schema'] extends v.GenericSchema
    ? { status: S; body: v.InferInput<A[S]['schema']> }
    : { status: S; body: undefined }
}[keyof A & number]

export type ParamName = keyof typeof pathParams

type ParamsOf<Path extends string> = Path extends `${string}{${infer Name extends ParamName}}${infer Rest}`
  ? Record<Name, string> & ParamsOf<Rest>
  : unknown

/** The parts of a gateway that answer REST calls. */
export interface CallContext {
  readonly engine: Engine
  readonly send: SendMessage
  readonly messageTurns: MessageTurns
  readonly profiles: KnownProfiles
  readonly metrics: Pick<Metrics, 'engineErrors'>
}

/** The authenticated and validated input of a call's handler. `appId` is the app's id, in the token and in the path. */
interface Input<Path extends string, Query extends v.ObjectEntries, Body> {
  app: App
  appId: string
  params: ParamsOf<Path>
  query: v.InferOutput<v.ObjectSchema<Query, undefined>>
  body: Body
  /** The `traceparent` that the call passes on; undefined if the call belongs to no trace. */
  traceparent: string | undefined
  context: CallContext
}

/** A row of the table of calls. The routes and the OpenAPI document are made from this table. */
export interface Call {
  /** The call's name in the document, in the audit log and in the client. */
  id: string
  method: Method
  path: string
  /** The heading of the call in the document. */
  tag: 'Users' | 'Sessions' | 'Messages' | 'App'
  summary: string
  description?: string | undefined
  /** Whether the call changes something, and so is written to the audit log. In a row: left out if `method` says it. */
  changes: boolean
  query: v.ObjectEntries
  body: v.GenericSchema | null
  /** An example of the body, for the document. */
  example?: unknown
  answers: Answers
  /** The codes of failures, besides those that `errorsOf` in openapi.ts adds. */
  errors: readonly CallErrorCode[]
  handle(input: Input<string, v.ObjectEntries, unknown>): Promise<{ status: number; body?: unknown }>
}

interface CallSpec<
  Path extends string,
  Query extends v.ObjectEntries,
  Body extends v.GenericSchema | null,
  A extends Answers,
> extends Omit<Call, 'path' | 'tag' | 'changes' | 'query' | 'body' | 'answers' | 'errors' | 'handle'> {
  path: Path
  changes?: boolean
  query?: Query
  body?: Body
  answers: A
  errors?: readonly CallErrorCode[]
  handle(
    input: Input<Path, Query, Body extends v.GenericSchema ? v.InferOutput<Body> : null>,
  ): Promise<AnswerOf<A>>
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
export const defineCall = <
  const Path extends string,
  A extends Answers,
  Query extends v.ObjectEntries = v.ObjectEntries,
  Body extends v.GenericSchema | null = null,
>({
  changes,
  query,
  body,
  errors,
  handle,
  ...rest
}: CallSpec<Path, Query, Body, A>): Omit<Call, 'tag'> => ({
  ...rest,
  changes: changes ?? rest.method !== 'get',
  query: query ?? {},
  body: body ?? null,
  errors: errors ?? [],
  // In `Call` the inputs are `unknown`. Before `handle` is called, they are validated with this row's schemas.
  handle,
})
