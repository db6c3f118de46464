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
  if (typeof id !== 'string' || id === '' || id === '.' || id === '..')
    throw new TypeError(`The '${name}' must be a text, and not empty, '.' or '..'.`)
  return encodeURIComponent(id)
}

const errorOf = async (response: Response): Promise<RestError> => {
  const { status, headers } = response
  const seconds = Number(headers.get('retry-after') ?? NaN)
  const retryAfter = Number.isFinite(seconds) ? seconds : null
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json')
  const problem = isProblem ? ((await response.json()) as { code?: unknown; title?: unknown }) : {}
  const { code, title } = problem
  return typeof code === 'string' && typeof title === 'string'
    ? new RestError(title, { status, code, retryAfter })
    : new RestError(`The answer ${status} is not the gateway's: look at the endpoint and the proxies.`, {
        status,
        code: 'unknown',
        retryAfter,
      })
}

/**
 * Makes a client of the gateway's REST API, for an app's backend. Each call is a method. A method rejects with a `RestError`
 * if the gateway answers with an error, with a `TokenError` if the secret is empty, and with the error of `fetch` if there is no answer.
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
    if (!response.ok) throw await errorOf(response)
    return response.status === 204 ? undefined : response.json()
  }

  const methods = Object.entries(operations).map(([name, operation]) => [
    name,
    async (input: Input = {}) => call(operation, input),
  ])
  return Object.fromEntries(methods) as RestCalls
}
