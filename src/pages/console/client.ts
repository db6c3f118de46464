import type { StreamLine } from '../../protocol/internal.js'

/** Milliseconds after which a stream that ended or failed is opened again. */
const REOPEN_DELAY = 1_000

const noAnswer = (): Error => new Error('The gateway does not answer.')

const titleOf = async (response: Response): Promise<string> => {
  try {
    const { title } = (await response.json()) as { title?: unknown }
    if (typeof title === 'string') return title
  } catch {
    // A proxy in front of the gateway may answer with an HTML page.
  }
  return `The answer has the status ${response.status}.`
}

/**
 * Makes requests to the admin listener's API with an operator's token, which is sent only in a header. The methods reject with an `Error`
 * whose message is a sentence for the operator.
 */
export class Client {
  readonly #token: string
  readonly #onRefused: () => void

  /** `onRefused` is called when the gateway no longer accepts the token. */
  constructor(token: string, onRefused: () => void) {
    this.#token = token
    this.#onRefused = onRefused
  }

  async get<Body>(path: string, signal: AbortSignal | null = null): Promise<Body> {
    return (await this.#request('GET', path, { signal })).json() as Promise<Body>
  }

  /** Makes a call that changes something. Resolves with the body of the answer. */
  async change<Body = undefined>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<Body> {
    const response = await this.#request(
      method,
      path,
      body === undefined ? {} : { body: JSON.stringify(body) },
    )
    return (response.status === 204 ? undefined : await response.json()) as Body
  }

  /** Calls `onLine` with each line of a streamed answer. Resolves when the answer has ended. */
  async stream<Entry>(
    path: string,
    onLine: (line: StreamLine<Entry>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { body } = await this.#request('GET', path, { signal })
    if (!body) return
    const reader = body.getReader()
    const decoder = new TextDecoder()
    let rest = ''
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw noAnswer()
      })
      if (done) return
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(JSON.parse(line) as StreamLine<Entry>)
    }
  }

  /**
   * As `stream`, but makes the request again when the answer ends. While the page is hidden, no request is open, because a browser opens at
   * most six connections to a gateway for all tabs together. `pathOf` returns the path of the next request. `onProblem` gets the message of
   * each error.
   */
  async follow<Entry>(
    pathOf: () => string,
    onLine: (line: StreamLine<Entry>) => void,
    onProblem: (problem: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    do {
      const life = new AbortController()
      const close = (): void => {
        if (signal.aborted || document.hidden) life.abort()
      }
      signal.addEventListener('abort', close, { signal: life.signal })
      document.addEventListener('visibilitychange', close, { signal: life.signal })
      close()
      try {
        if (!life.signal.aborted) await this.stream<Entry>(pathOf(), onLine, life.signal)
      } catch (error) {
        if (!life.signal.aborted) onProblem((error as Error).message)
      }
      life.abort()
      await new Promise((resolve) => setTimeout(resolve, REOPEN_DELAY))
    } while (!signal.aborted)
  }

  async #request(method: string, path: string, more: RequestInit): Promise<Response> {
    let response: Response
    try {
      response = await fetch(`api${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}` },
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
        ...more,
      })
    } catch {
      throw noAnswer()
    }
    if (response.ok) return response
    if (response.status === 401) this.#onRefused()
    const retryAfter = response.headers.get('retry-after')
    const advice = retryAfter === null ? '' : ` Try again in ${retryAfter} s.`
    throw new Error((await titleOf(response)) + advice)
  }
}
