import { isUtf8 } from 'node:buffer'
import * as v from 'valibot'
import { isDeepJson, MAX_JSON_DEPTH, parseExact } from '../../protocol/internal.js'
import { OBJECT_RULE, pathParams } from '../../rest-client/internal.js'
import { formatPath, isObject } from '../config/fields.js'
import { BODY_TIMEOUT, receiveBody } from '../http/receive-body.js'
import type { ReadableRequest } from '../http/request-head.js'
import type { Call, ParamName } from './call.js'
import { CallError } from './errors.js'

/** The most bytes of a body. */
const MAX_BODY = 1_048_576

/**
 * Returns the result of `schema` for `input`. Throws a `CallError` if `input` is not valid. The error's text begins with `place`, for
 * example `The body`, or `The body's 'name'`, unless the schema's message is a sentence.
 */
const validate = <S extends v.GenericSchema>(schema: S, input: unknown, place: string): v.InferOutput<S> => {
  const result = v.safeParse(schema, input, { abortEarly: true, abortPipeEarly: true })
  if (result.success) return result.output
  const [{ type, message, path, input: given }] = result.issues
  // The messages of some rules are whole sentences that name the field.
  if (message.endsWith('.')) throw new CallError('bad-request', message)
  const keys = (path ?? []).map(({ key }) => key as string | number)
  const name = keys.length === 0 ? place : `${place}'s '${formatPath(keys)}'`
  // For a missing key Valibot's message is about the object around the key, so it is not used.
  const isMissing = type === 'object' && given === undefined
  throw new CallError('bad-request', isMissing ? `${name} is missing.` : `${name} ${message}.`)
}

const decode = (name: string, encoded: string): string => {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw new CallError(
      'bad-request',
      `The {${name}} in the path is not percent-encoded UTF-8: encode it with encodeURIComponent or its like.`,
    )
  }
}

/**
 * Returns the decoded parameters of a path. `path` is the target as the client sent it: Hono's own parameters come from a parsed URL, in
 * which `%2E%2E` has removed a segment.
 */
export const readParams = (call: Pick<Call, 'path'>, path: string): Record<string, string> => {
  const segments = path.split('/')
  const entries = call.path.split('/').flatMap((template, index): [string, string][] => {
    const name = /^\{(\w+)\}$/.exec(template)?.[1]
    return name === undefined ? [] : [[name, decode(name, segments[index] ?? '')]]
  })
  for (const [name, value] of entries)
    if (name !== 'app') validate(pathParams[name as ParamName], value, `The {${name}} in the path`)
  return Object.fromEntries(entries)
}

/** Returns the validated query. An unknown parameter is an error, because ignoring a misspelt one would change what the call does. */
export const readQuery = ({ query }: Pick<Call, 'query'>, search: string): Record<string, unknown> => {
  const given = new URLSearchParams(search)
  const known = Object.keys(query)
  for (const name of new Set(given.keys())) {
    if (!known.includes(name))
      throw new CallError(
        'bad-request',
        known.length === 0
          ? 'This call has no query parameters.'
          : `A query parameter is unknown. This call has ${known.map((each) => `'${each}'`).join(', ')}.`,
      )
    if (given.getAll(name).length > 1)
      throw new CallError('bad-request', `The query's '${name}' is given twice.`)
  }
  return validate(v.object(query), Object.fromEntries(given), 'The query')
}

const TOO_LARGE = `A body has at most ${MAX_BODY} bytes: send less at once.`

/** The header that closes the connection if the body was not read, because the client may still be sending it. */
const CLOSE = { connection: 'close' }

const receive = async (incoming: ReadableRequest): Promise<Buffer> => {
  const body = await receiveBody(incoming, MAX_BODY)
  if (body.ok) return body.bytes
  if (body.why === 'too-large') throw new CallError('too-large', TOO_LARGE, CLOSE)
  const why =
    body.why === 'too-slow'
      ? `The body took more than ${BODY_TIMEOUT / 1000} s: send it at once.`
      : 'The body was not sent to its end.'
  throw new CallError('bad-request', why, CLOSE)
}

/** Matches `application/json`, alone or with `charset=utf-8`. */
const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i

const missing = (): CallError =>
  new CallError(
    'bad-request',
    "The body is missing: send a JSON object, with the header 'Content-Type: application/json'.",
  )

/** Returns whether a request's header says that no body follows (RFC 9112, 6.3). */
const hasNoBody = ({ headers }: ReadableRequest): boolean =>
  headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0

/** Resolves with the validated body; null for a call without one. */
export const readBody = async ({ body }: Pick<Call, 'body'>, incoming: ReadableRequest): Promise<unknown> => {
  if (!body) return null
  const { headers } = incoming
  if (hasNoBody(incoming)) throw missing()
  if (!JSON_TYPE.test((headers['content-type'] ?? '').trim()))
    throw new CallError(
      'unsupported-media-type',
      "Send the body as JSON in UTF-8, with the header 'Content-Type: application/json'.",
      { ...CLOSE, accept: 'application/json' },
    )
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity')
    throw new CallError('unsupported-media-type', "Send the body without a 'Content-Encoding'.", {
      ...CLOSE,
      'accept-encoding': 'identity',
    })
  const bytes = await receive(incoming)
  if (!isUtf8(bytes)) throw new CallError('bad-request', 'The body is not UTF-8.')
  return parseBody(body, bytes.toString())
}

/** Returns the validated body. Throws a `CallError`. */
export const parseBody = (schema: v.GenericSchema, json: string): unknown => {
  if (json.trim() === '') throw missing()
  if (isDeepJson(json))
    throw new CallError('bad-request', `The body is nested more than ${MAX_JSON_DEPTH} deep.`)
  let value: unknown
  try {
    value = parseExact(json)
  } catch {
    throw new CallError('bad-request', 'The body is not JSON.')
  }
  if (!isObject(value)) throw new CallError('bad-request', `The body ${OBJECT_RULE}.`)
  return validate(schema, value, 'The body')
}
