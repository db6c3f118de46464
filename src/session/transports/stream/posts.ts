import { utf8 } from '../../util/utf8.js'

/** The most frames of one post (an HTTP request with frames), and the most bytes of these frames. The gateway accepts 128 kB. */
const MAX_FRAMES = 16
const MAX_BYTES = 120_000
/** The most bytes of a post that a browser sends for a page that is gone. */
const MAX_KEPT = 60_000
/** Milliseconds that an answer may take. If a user sends too fast, the gateway delays the answer by up to ten seconds. */
const TIMEOUT = 20_000
/** Milliseconds until a post without an answer is repeated. The time doubles with each try, up to `MAX_PAUSE`. */
const FIRST_PAUSE = 500
const MAX_PAUSE = 8_000
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

/** `onLost` is called when the gateway does not know the stream, or refuses its posts. `signal` ends all work. */
export const createPosts = (url: string, onLost: () => void, signal: AbortSignal): Posts => {
  let stream = ''
  let seq = 0
  let waiting: { json: string; bytes: number }[] = []
  let posting: Promise<void> | undefined
  /** The post that has no answer yet. */
  let unanswered = ''

  const isOver = (): boolean => signal.aborted

  const sleep = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(done, milliseconds)
      function done(): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done)
    })

  /** Resolves with the status (0 if there was no answer), and with the milliseconds that the answer asks to wait. */
  const post = async (body: string, keepalive: boolean): Promise<{ status: number; pause: number }> => {
    const ended = new AbortController()
    const abort = (): void => ended.abort()
    const timer = setTimeout(abort, TIMEOUT)
    if (!keepalive) signal.addEventListener('abort', abort)
    try {
      const { status, headers } = await fetch(url, {
        method: 'POST',
        body,
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
        keepalive,
        signal: ended.signal,
      })
      // A proxy's `Retry-After` may be a date, which is no number. It counts as no pause.
      return { status, pause: Math.min(MAX_ASKED, Number(headers.get('retry-after')) || 0) * 1_000 }
    } catch {
      return { status: 0, pause: 0 }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }

  /** Removes the next frames from the queue, and returns them as a body. */
  const take = (maxBytes: number): string => {
    let bytes = 0
    const count = waiting.findIndex(
      (frame, index) => (bytes += frame.bytes) > maxBytes || index >= MAX_FRAMES,
    )
    // A single frame always fits into a post.
    const taken = waiting.splice(0, count < 0 ? waiting.length : Math.max(1, count))
    return `{"stream":${JSON.stringify(stream)},"seq":${++seq},"frames":[${taken.map(({ json }) => json).join()}]}`
  }

  const run = async (): Promise<void> => {
    while (waiting.length && !isOver()) {
      const body = (unanswered = take(MAX_BYTES))
      for (let pause = FIRST_PAUSE; !isOver(); pause = Math.min(2 * pause, MAX_PAUSE)) {
        const answer = await post(body, false)
        if (answer.status === 204) break
        // With 4xx, except 429, the gateway refuses the post for good. After any other answer the post is repeated: that answer may come
        // from a proxy, or from a network that asks for a log-in.
        if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return onLost()
        if (!isOver()) await sleep(Math.max(answer.pause, pause * (0.5 + Math.random() / 2)))
      }
      unanswered = ''
    }
  }

  const start = (): void => {
    if (!stream || posting || !waiting.length || isOver()) return
    posting = run().finally(() => {
      posting = undefined
      start()
    })
  }

  const send: Posts['send'] = (json) => {
    waiting.push({ json, bytes: utf8(json).length })
    start()
  }

  return {
    begin(id) {
      stream = id
      start()
    },
    send,
    hasEarly: () => !stream && waiting.length > 0,
    async close(code, isLeaving) {
      let left = MAX_KEPT
      if (!isLeaving) await posting
      else if (unanswered) {
        // If the gateway has this post already, it ignores the copy.
        left -= utf8(unanswered).length
        if (left > 0) void post(unanswered, true)
      }
      const close = JSON.stringify({ type: 'close', code })
      const bytes = waiting.reduce((sum, frame) => sum + frame.bytes, 0)
      if (bytes > left || waiting.length >= MAX_FRAMES) waiting = []
      waiting.push({ json: close, bytes: close.length })
      if (stream) await post(take(MAX_BYTES), true)
    },
  }
}
