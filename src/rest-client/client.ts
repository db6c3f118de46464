import { createAppToken } from '../tokens/index.js'
import { operations, type RestCalls } from './calls.js'
import { RestError } from './errors.js'

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
      /** Returns an app token. Called before each call. */
      token: () => string | Promise<string>
      secret?: undefined
    }
)

/** Seconds for which a token is valid, and for which it is used. */
const TOKEN_LIFETIME = 120
const TOKEN_USED_FOR = 60

/** The fields of a call's input: the ids of its path, the parameters of its query, its body and a signal. */
type Input = Readonly<Record<string, unknown>> & { body?: unknown; signal?: AbortSignal | undefined }

const requireEndpoint = (endpoint: string): string => {
  if (!/^https?:\/\/[^/?#]+(\/[^?#]*)?$/.test(endpoint))
    throw new TypeError("The 'endpoint' is the https URL of a gateway, without a query.")
  return endpoint.replace(/\/+$/, '')
}

/** Returns a function that returns an app token, which it makes anew once a minute. */
const tokensOf = ({ appId, secret }: { appId: string; secret: string }): (() => Promise<string>) => {
  let latest: { token: Promise<string>; at: number } | undefined
  return () => {
    const now = Date.now()
    // A clock that was set back must not keep an old token in use.
    if (!latest || Math.abs(now - latest.at) > TOKEN_USED_FOR * 1000)
      latest = { token: createAppToken({ appId, secret, expiresIn: TOKEN_LIFETIME }), at: now }
    return latest.token
  }
}

/** Returns an id as a segment of a path. URL parsers remove `.` and `..`, and the rest would be another call's path. */
const segmentOf = (name: string, id: unknown): string => {
  if (typeof id !== 'string' || id === '' || id === '.' || id === '..' || /\p{Surrogate}/u.test(id))
    throw new TypeError(`The '${name}' must be a text of well-formed Unicode, and not empty, '.' or '..'.`)
  return encodeURIComponent(id)
}

/** Returns the JSON of an answer; undefined if its body is none, as of a proxy. Rejects if the body does not come to its end. */
const readJson = async (response: Response): Promise<unknown> => {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isProblem = (answer: unknown): answer is { code: string; title: string } =>
  typeof answer === 'object' &&
  answer !== null &&
  'code' in answer &&
  typeof answer.code === 'string' &&
  'title' in answer &&
  typeof answer.title === 'string'

/** Returns the error that an answer stands for. `answer` is its JSON. */
const errorOf = ({ status, headers }: Response, answer: unknown): RestError => {
  const seconds = Number(headers.get('retry-after') ?? NaN)
  const retryAfter = Number.isFinite(seconds) ? seconds : null
  if (headers.get('content-type')?.startsWith('application/problem+json') && isProblem(answer))
    return new RestError(answer.title, { status, code: answer.code, retryAfter })
  return new RestError(
    `The answer ${status} is not the gateway's: check that the endpoint is the gateway's address, and that each proxy passes on /v1/apps/.`,
    { status, code: 'unknown', retryAfter },
  )
}

/**
 * Makes a client of the gateway's REST API, for an app's backend. Each call is a method. A method rejects with a `RestError`
 * if the answer is an error or not the gateway's, with a `TokenError` if the secret is empty, and with the error of `fetch` if there is no answer.
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
  const { appId } = options
  const endpoint = requireEndpoint(options.endpoint)
  const token = options.token ?? tokensOf(options)

  const urlOf = ({ path, query }: (typeof operations)[keyof RestCalls], input: Input): string => {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
      segmentOf(name, name === 'app' ? appId : input[name]),
    )
    const search = query
      .filter((name) => input[name] !== undefined)
      .map((name) => `${name}=${encodeURIComponent(String(input[name]))}`)
      .join('&')
    return `${endpoint}${filled}${search && `?${search}`}`
  }

  const call = async (operation: (typeof operations)[keyof RestCalls], input: Input): Promise<unknown> => {
    const { body, signal } = input
    const url = urlOf(operation, input)
    const response = await fetch(url, {
      method: operation.method,
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      // The gateway redirects nothing: a redirect would show the token to another server.
      redirect: 'manual',
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
    if (response.status === 204) return undefined
    const answer = await readJson(response)
    if (!response.ok || answer === undefined) throw errorOf(response, answer)
    return answer
  }

  const methods = Object.entries(operations).map(([name, operation]) => [
    name,
    async (input: Input = {}) => call(operation, input),
  ])
  return Object.fromEntries(methods) as RestCalls
}
