import { describeProxy, fetchFor, ProxyError } from './proxy.js'
import { signWebhook } from './sign.js'

/**
 * `timeout`: the answer was not complete in time. `unreachable`: the connection failed. `aborted`: the caller gave up. `private-address`:
 * the request may go only to the internet, and the host has no address there.
 */
type OutboundRequestErrorCode = 'timeout' | 'unreachable' | 'aborted' | 'private-address'

/** A request got no complete answer. The message repeats neither the URL nor a header, because both may contain secrets. */
export class OutboundRequestError extends Error {
  override readonly name = 'OutboundRequestError'
  readonly code: OutboundRequestErrorCode

  constructor(code: OutboundRequestErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export interface OutboundRequest {
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array<ArrayBuffer>
  /** Milliseconds until the last byte of the answer. */
  timeout: number
  /** The most bytes of the answer's body, after decompression. */
  maxBytes: number
  /** Ends the request as `aborted`. */
  signal?: AbortSignal
  meter?: RequestMeter | undefined
}

export interface OutboundResponse {
  status: number
  /** The `Retry-After` header, if there is one. */
  retryAfter?: string
  /** Null if the body is larger than `maxBytes`. */
  body: string | null
}

/** Sends a request by calling `send`, and measures it. */
export type RequestMeter = <Response extends Pick<OutboundResponse, 'status'>>(
  send: () => Promise<Response>,
) => Promise<Response>

/**
 * Returns the error code of the system or of TLS in parentheses, such as ` (ECONNREFUSED)`; an empty text if the error has none. Other
 * parts of the error may repeat the URL, and are left out.
 */
export const failureOf = (error: unknown): string => {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : undefined
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? ` (${code})` : ''
}

const readBody = async (response: Response, maxBytes: number): Promise<string | null> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop closes the connection, so that a body that never ends is read no further.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxBytes) return null
    chunks.push(chunk)
  }
  // Unlike Buffer's, this decoder leaves out a byte order mark, which JSON.parse does not take.
  return new TextDecoder().decode(Buffer.concat(chunks))
}

const send = async (
  url: string,
  { method = 'GET', headers = {}, body, timeout, maxBytes, signal }: OutboundRequest,
): Promise<OutboundResponse> => {
  // `AbortSignal.any` would leak: in Node 20 a long-lived signal keeps each signal that was made from it.
  const call = new AbortController()
  const abort = (): void => call.abort(new OutboundRequestError('aborted', 'The request was given up.'))
  const timer = setTimeout(
    () =>
      call.abort(new OutboundRequestError('timeout', `There was no complete answer within ${timeout} ms.`)),
    timeout,
  ).unref()
  signal?.addEventListener('abort', abort)
  try {
    if (signal?.aborted) abort()
    call.signal.throwIfAborted()
    const fetchUrl = await fetchFor(url)
    const response = await fetchUrl(url, {
      method,
      headers: { 'user-agent': 'chat-session', ...headers },
      redirect: 'manual',
      signal: call.signal,
      ...(body !== undefined && { body }),
    })
    const retryAfter = response.headers.get('retry-after')
    const answered = await readBody(response, maxBytes)
    return { status: response.status, body: answered, ...(retryAfter !== null && { retryAfter }) }
  } catch (error) {
    // If the call was aborted above, this throws the error of the abort.
    call.signal.throwIfAborted()
    if (error instanceof ProxyError)
      throw new OutboundRequestError('unreachable', `The request failed: ${error.message}.`)
    const why = `The request${describeProxy(url, error)} failed${failureOf(error)}.`
    throw new OutboundRequestError('unreachable', why)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

/**
 * Sends a request, and resolves with its answer, of any status. A redirect is not followed, because a request goes only to the configured
 * URL. Rejects with an `OutboundRequestError` if there is no complete answer.
 */
export const sendRequest = (url: string, request: OutboundRequest): Promise<OutboundResponse> =>
  request.meter ? request.meter(() => send(url, request)) : send(url, request)

/** Where signed requests are sent: `authenticateUrl`, `authorizeSendUrl` or `webhooks` of an app's settings. */
export interface SignedTarget {
  readonly url: string
  readonly secrets: readonly Uint8Array[]
}

/** Posts JSON text with a signature of Standard Webhooks. Resolves and rejects as `sendRequest` does. */
export const postSigned = (
  { url, secrets }: SignedTarget,
  id: string,
  body: string,
  { headers, ...request }: Omit<OutboundRequest, 'method' | 'body'>,
): Promise<OutboundResponse> =>
  sendRequest(url, {
    ...request,
    method: 'POST',
    body,
    headers: {
      accept: 'application/json',
      ...headers,
      'content-type': 'application/json',
      ...signWebhook(id, body, secrets),
    },
  })
