import { postPause } from '../../machine/waits.js'
import { utf8 } from '../../util/utf8.js'
import { toJson } from '../../util/to-json.js'

/** The most frames of one post (an HTTP request with frames), and the most bytes of these frames. The gateway accepts 128 kB. */
const MAX_FRAMES = 16
const MAX_BYTES = 120_000
/** The most bytes of a post that a browser sends for a page that is gone. */
const MAX_KEPT = 60_000
/** Milliseconds that an answer may take. If a user sends too fast, the gateway delays the answer by up to ten seconds. */
const TIMEOUT = 20_000
/** The most seconds to wait as a `Retry-After` asks. A timer fires at once if its milliseconds do not fit into 31 bits. */
const MAX_ASKED = 60

/** Sends the posts of one stream, one at a time. Each post has a number, and is repeated unchanged until it is answered. */
interface Posts {
  /** Called when the stream has its id, so that posts can be sent. */
  begin(id: string): void
  /** Sends a frame's JSON, once the stream has its id. */
  send(json: string): void
  /** Whether frames wait for the stream's id. */
  hasEarly(): boolean
  /**
   * Sends one last post: the waiting frames, if they fit, and after them a frame that closes the stream. Resolves when the post is answered
   * or has failed. With `isLeaving` the post is sent before the call returns. Then an earlier post without an answer is sent once more,
   * too, because the browser aborts the earlier requests of a page that is left.
   */
  close(code: number, isLeaving: boolean): Promise<void>
}

/** `taken`: the gateway has the frames. `refused`: it will never take them. `failed`: the post is repeated after `wait` milliseconds or more. */
type Outcome = { kind: 'taken' | 'refused' } | { kind: 'failed'; wait: number }

const outcomeOf = ({ status, headers }: Response): Outcome => {
  if (status === 204) return { kind: 'taken' }
  if (status >= 400 && status < 500 && status !== 429) return { kind: 'refused' }
  // Any other answer may come from a proxy, or from a network that asks for a log-in. A proxy's `Retry-After` may be a date, which is no
  // number. It counts as no wait.
  const seconds = Number(headers.get('retry-after')) || 0
  return { kind: 'failed', wait: Math.min(MAX_ASKED, seconds) * 1_000 }
}

/** Resolves after a time, or when `signal` aborts. */
const sleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done)
  })

/** `onLost` is called when the gateway does not know the stream, or refuses its posts. `signal` ends all work. */
export const createPosts = (url: string, onLost: () => void, signal: AbortSignal): Posts => {
  /** The stream's id; undefined until it is known. */
  let stream: string | undefined
  let seq = 0
  let waiting: { json: string; bytes: number }[] = []
  let posting: Promise<void> | undefined
  /** The post that has no answer yet. */
  let unanswered: string | undefined

  /** With `keepalive` the browser completes the request after the page is gone. */
  const post = async (body: string, keepalive: boolean): Promise<Outcome> => {
    const ended = new AbortController()
    const abort = (): void => ended.abort()
    const timer = setTimeout(abort, TIMEOUT)
    if (!keepalive) signal.addEventListener('abort', abort)
    try {
      return outcomeOf(
        await fetch(url, {
          method: 'POST',
          body,
          credentials: 'omit',
          cache: 'no-store',
          redirect: 'error',
          keepalive,
          signal: ended.signal,
        }),
      )
    } catch {
      return { kind: 'failed', wait: 0 }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }

  /** Posts until the gateway has the frames. Returns false if it never will. */
  const repeat = async (body: string): Promise<boolean> => {
    for (let failures = 1; !signal.aborted; failures += 1) {
      const outcome = await post(body, false)
      if (outcome.kind !== 'failed') return outcome.kind === 'taken'
      await sleep(Math.max(outcome.wait, postPause(failures, Math.random())), signal)
    }
    return true
  }

  /** Removes the next frames from the queue, and returns them as a body. */
  const take = (id: string, maxBytes: number): string => {
    let bytes = 0
    const count = waiting.findIndex(
      (frame, index) => (bytes += frame.bytes) > maxBytes || index >= MAX_FRAMES,
    )
    // A single frame always fits into a post.
    const taken = waiting.splice(0, count < 0 ? waiting.length : Math.max(1, count))
    seq += 1
    // The frames are JSON already.
    return `{"stream":${toJson(id)},"seq":${seq},"frames":[${taken.map(({ json }) => json).join()}]}`
  }

  const run = async (id: string): Promise<void> => {
    while (waiting.length && !signal.aborted) {
      unanswered = take(id, MAX_BYTES)
      if (!(await repeat(unanswered))) return onLost()
      unanswered = undefined
    }
  }

  const start = (): void => {
    if (stream === undefined || posting || !waiting.length || signal.aborted) return
    posting = run(stream).finally(() => {
      posting = undefined
      start()
    })
  }

  const add = (json: string): void => void waiting.push({ json, bytes: utf8(json).length })

  return {
    begin(id) {
      stream = id
      start()
    },
    send(json) {
      add(json)
      start()
    },
    hasEarly: () => stream === undefined && waiting.length > 0,
    async close(code, isLeaving) {
      let left = MAX_KEPT
      if (!isLeaving) await posting
      else if (unanswered !== undefined) {
        // If the gateway has this post already, it ignores the copy.
        left -= utf8(unanswered).length
        if (left > 0) void post(unanswered, true)
      }
      const bytes = waiting.reduce((sum, frame) => sum + frame.bytes, 0)
      if (bytes > left || waiting.length >= MAX_FRAMES) waiting = []
      add(toJson({ type: 'close', code }))
      if (stream !== undefined) await post(take(stream, MAX_BYTES), true)
    },
  }
}
