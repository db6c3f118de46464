import type { StreamLine } from '../protocol/internal.js'
import { readLines } from './read-lines.js'

/** Milliseconds after which a stream that ended or failed is opened again. */
const REOPEN_DELAY = 1_000

/** A request that the gateway refused or did not answer. The message is a sentence for the operator. */
export class RequestError extends Error {
  readonly status: number | null

  constructor(message: string, status: number | null = null) {
    super(message)
    this.status = status
  }
}

const NO_ANSWER = 'The gateway does not answer.'

const titleOf = async (response: Response): Promise<string> => {
  try {
    const { title } = (await response.json()) as { title?: unknown }
    if (typeof title === 'string') return title
  } catch {
    // A proxy in front answers with a page.
  }
  return `The answer has the status ${response.status}.`
}

/** Makes requests to the admin listener's API with an operator's token, which is sent in a header and nowhere else. */
export class Client {
  readonly #token: string
  readonly #onRefused: () => void

  /** `onRefused` is called when the gateway no longer accepts the token. */
  constructor(token: string, onRefused: () => void) {
    this.#token = token
    this.#onRefused = onRefused
  }

  /** Rejects with a `RequestError`. */
  async get<Body>(path: string, signal: AbortSignal): Promise<Body> {
    return (await this.#request('GET', path, { signal })).json() as Promise<Body>
  }

  /** Makes a call that changes something. Resolves with its answer's body. Rejects with a `RequestError`. */
  async change<Body = undefined>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<Body> {
    const response = await this.#request(
      method,
      path,
      body === undefined ? {} : { body: JSON.stringify(body) },
    )
    return (response.status === 204 ? undefined : await response.json()) as Body
  }

  /** Calls `onLine` with each line of a stream. Resolves when the stream has ended. Rejects with a `RequestError`. */
  async stream<Entry>(
    path: string,
    onLine: (line: StreamLine<Entry>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { body } = await this.#request('GET', path, { signal })
    try {
      if (body) await readLines(body, (line) => onLine(JSON.parse(line) as StreamLine<Entry>))
    } catch {
      throw new RequestError(NO_ANSWER)
    }
  }

  /** As `stream`, but opens the stream again when it ends. `pathOf` returns the path for each time. `onProblem` has null when it works again. */
  async follow<Entry>(
    pathOf: () => string,
    onLine: (line: StreamLine<Entry>) => void,
    onProblem: (problem: string | null) => void,
    signal: AbortSignal,
  ): Promise<void> {
    do {
      try {
        await this.stream<Entry>(
          pathOf(),
          (line) => {
            onProblem(null)
            onLine(line)
          },
          signal,
        )
      } catch (error) {
        onProblem((error as Error).message)
      }
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
      throw new RequestError(NO_ANSWER)
    }
    if (response.ok) return response
    if (response.status === 401) this.#onRefused()
    const retryAfter = response.headers.get('retry-after')
    const advice = retryAfter === null ? '' : ` Try again in ${retryAfter} s.`
    throw new RequestError((await titleOf(response)) + advice, response.status)
  }
}
