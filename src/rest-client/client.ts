import { createAppToken } from '../tokens/index.js'
import type { RestCalls } from './calls.js'
import { RestError } from './errors.js'
import { operations } from './operations.js'

export type RestClientOptions = {
  /** The address of the gateway: `https://chat.example.com`. */
  endpoint: string
  appId: string
} & (
  | {
      /** One of the app's secrets. The client makes its app tokens from it. */
      secret: string
      token?: undefined
    }
  | {
      /** Returns an app token. The client calls this function before each call of the REST API. */
      token: () => string | Promise<string>
      secret?: undefined
    }
)

/** The seconds for which a token is valid, and the seconds for which the client uses the token. */
const TOKEN_LIFETIME = 120
const TOKEN_USED_FOR = 60

/** The fields of a call's input: the ids of its path, the parameters of its query, its body and a signal. */
type Input = Readonly<Record<string, unknown>> & { body?: unknown; signal?: AbortSignal | undefined }

/** A call, ready to be sent. */
export interface CallRequest {
  name: keyof RestCalls
  method: string
  /** The path, in which ids are percent-encoded. */
  path: string
  /** The query without a question mark; empty for a call without parameters. */
  query: string
  /** JSON. */
  body: string | undefined
  signal: AbortSignal | undefined
}

/** The answer to a call. */
export interface CallAnswer {
  status: number
  /** The JSON of the body; undefined if the body is not JSON. */
  json: unknown
  /** Whether the gateway says that the body is a problem (RFC 9457). */
  isProblem: boolean
  /** Seconds after which the call can be sent again; null if the answer does not say. */
  retryAfter: number | null
  /** The error behind the problem, if the gateway runs in this process (`gateway.client()`). */
  cause?: unknown
}

const requireEndpoint = (endpoint: string): string => {
  if (!/^https?:\/\/[^/?#]+(\/[^?#]*)?$/.test(endpoint))
    throw new TypeError("The 'endpoint' is the https URL of a gateway, without a query.")
  return endpoint.replace(/\/+$/, '')
}

/** Returns a function that returns an app token. That function makes a new token when the latest one is older than a minute. */
const tokensOf = ({ appId, secret }: { appId: string; secret: string }): (() => Promise<string>) => {
  let latest: { token: Promise<string>; at: number } | undefined
  return () => {
    const now = Date.now()
    // If the clock was set back, the gateway would refuse the token, because its time of issue lies ahead.
    if (!latest || now < latest.at || now - latest.at > TOKEN_USED_FOR * 1000)
      latest = { token: createAppToken({ appId, secret, expiresIn: TOKEN_LIFETIME }), at: now }
    return latest.token
  }
}

/** Returns a numeric id as its digits, and any other value as it is. Throws a `TypeError` for a number that may have lost digits. */
const digitsOf = (name: string, id: unknown): unknown => {
  if (typeof id !== 'number') return id
  if (!Number.isSafeInteger(id))
    throw new TypeError(`The '${name}' is no safe integer: pass such an id as text.`)
  return String(id)
}

/**
 * Returns an id as a segment of a path. `.` and `..` are refused: URL parsers remove them, and the result would be the path of another
 * call.
 */
const segmentOf = (name: string, value: unknown): string => {
  const id = digitsOf(name, value)
  if (typeof id !== 'string' || id === '' || id === '.' || id === '..' || /\p{Surrogate}/u.test(id))
    throw new TypeError(
      `The '${name}' must be a text of well-formed Unicode, and not empty, '.' or '..'; or a safe integer.`,
    )
  return encodeURIComponent(id)
}

/** Returns a parameter of a query as text. The id of the app's backend is null in answers, and an empty text in a query. */
const textOf = (name: string, value: unknown): string => {
  if (value === null) return ''
  const known = name === 'with' ? digitsOf(name, value) : value
  return typeof known === 'string' ? known : JSON.stringify(known)
}

/** Returns a body as JSON. Throws a `TypeError` for NaN and infinite numbers: JSON would have null in their place, which may be an id. */
const jsonOf = (body: unknown): string =>
  JSON.stringify(body, (name, value: unknown) => {
    if (typeof value !== 'number' || Number.isFinite(value)) return value
    throw new TypeError(`The body's '${name}' is ${value}, which JSON can't write.`)
  })

/**
 * Throws a `TypeError` for a field that the call does not have. Without this check a misspelt `mode` would be left out, and a call that was
 * meant to spare sessions (`mode: 'reauth'`) would end them.
 */
const requireKnown = (name: keyof RestCalls, input: Input): void => {
  const { path, query } = operations[name]
  // The client itself has the id of the app.
  const ids = [...path.matchAll(/\{(\w+)\}/g)].map(([, id]) => id).filter((id) => id !== 'app')
  const known = ['body', 'signal', ...query, ...ids]
  const unknown = Object.keys(input).find((field) => input[field] !== undefined && !known.includes(field))
  if (unknown !== undefined) throw new TypeError(`The call '${name}' has no '${unknown}'.`)
}

/** Returns the JSON of an answer; undefined if its body is not JSON, for example the page of a proxy. Rejects if the body is cut off. */
const readJson = async (response: Response): Promise<unknown> => {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const hasCode = (answer: unknown): answer is { code: string; title: string } =>
  typeof answer === 'object' &&
  answer !== null &&
  'code' in answer &&
  typeof answer.code === 'string' &&
  'title' in answer &&
  typeof answer.title === 'string'

/** Returns the error that an answer stands for. */
const errorOf = ({ status, json, isProblem, retryAfter, cause }: CallAnswer): RestError =>
  isProblem && hasCode(json)
    ? new RestError(json.title, { status, code: json.code, retryAfter }, { cause })
    : new RestError(
        `The answer ${status} is not the gateway's: check that the endpoint is the gateway's address, and that each proxy passes on /v1/apps/.`,
        { status, code: 'unknown', retryAfter },
      )

/**
 * Resolves or rejects as `work` does. If the signal aborts first, rejects with the signal's reason. The work may go on: a call of
 * `gateway.client()` can't be taken back, and the backend's `token` function does not get the signal.
 */
const unlessAborted = async <T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  signal?.throwIfAborted()
  if (!signal) return work()
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([work(), aborted])
  } finally {
    if (abort) signal.removeEventListener('abort', abort)
  }
}

/** Returns the object whose methods are the calls of an app. `send` resolves with the answer to a call. */
export const createRestCalls = (
  appId: string,
  send: (request: CallRequest) => Promise<CallAnswer>,
): RestCalls => {
  const call = async (name: keyof RestCalls, input: Input): Promise<unknown> => {
    const operation = operations[name]
    const { method, path, query } = operation
    const emptyStatus = 'emptyStatus' in operation ? operation.emptyStatus : undefined
    const { signal } = input
    requireKnown(name, input)
    const request: CallRequest = {
      ...{ name, method, signal },
      path: path.replace(/\{(\w+)\}/g, (_, id: string) => segmentOf(id, id === 'app' ? appId : input[id])),
      query: query
        .filter((parameter) => input[parameter] !== undefined)
        .map((parameter) => `${parameter}=${encodeURIComponent(textOf(parameter, input[parameter]))}`)
        .join('&'),
      body: input.body === undefined ? undefined : jsonOf(input.body),
    }
    const answer = await unlessAborted(() => send(request), signal)
    const { status, json } = answer
    // A firewall may answer any call with an empty 202, and a proxy with a 204. An empty answer is a success only with the status that the
    // call itself has for it.
    if (status === emptyStatus) return undefined
    if (emptyStatus !== undefined || status < 200 || status > 299 || json === undefined) throw errorOf(answer)
    return json
  }
  const names = Object.keys(operations) as (keyof RestCalls)[]
  const methods = names.map((name) => [name, async (input: Input = {}) => call(name, input)])
  return Object.fromEntries(methods) as RestCalls
}

/**
 * Makes a client of the gateway's REST API, for an app's backend. Each call is a method. A method rejects with a `RestError` if the answer
 * is an error or does not come from the gateway, with a `TokenError` if the secret is empty, and with the error of `fetch` if there is no
 * answer.
 *
 * Throws a `TypeError` for a bad endpoint.
 *
 * ```js
 * import { createRestClient } from 'chat-session/rest'
 *
 * const chat = createRestClient({ endpoint: 'https://chat.example.com', appId: 'hF83jaq', secret: process.env.CHAT_SECRET })
 * await chat.endUserSessions({ user: '12345' })
 * ```
 */
export const createRestClient = (options: RestClientOptions): RestCalls => {
  const endpoint = requireEndpoint(options.endpoint)
  const token = options.token ?? tokensOf(options)

  return createRestCalls(options.appId, async ({ method, path, query, body, signal }) => {
    const response = await fetch(`${endpoint}${path}${query && `?${query}`}`, {
      method,
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      // The gateway redirects no call, and following a redirect would show the token to another server.
      redirect: 'manual',
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    })
    const { status, headers } = response
    const seconds = Number(headers.get('retry-after') ?? NaN)
    return {
      status,
      json: await readJson(response),
      isProblem: !!headers.get('content-type')?.startsWith('application/problem+json'),
      retryAfter: Number.isFinite(seconds) ? seconds : null,
    }
  })
}
