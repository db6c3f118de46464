import { pageCloseCodes, type ClientFrameOf } from '../../../protocol/index.js'
import { withTimeout } from '../../util/clock.js'
import { ifPossible } from '../../util/if-possible.js'
import type { ConnectionLock } from './connection-lock.js'
import { createEventReader } from './events.js'
import { LOST, type Lane, type LaneListener } from './lane.js'
import { createPosts } from './posts.js'

/** Milliseconds in which the first frame has to arrive. */
const FIRST_FRAME_TIMEOUT = 8_000
/** Milliseconds that `close` waits for the stream's id if the session is still starting, and then for the answer to the last post. */
const END_TIMEOUT = 5_000

/** The statuses of a gateway, or of a proxy, without streams. */
const ABSENT = [404, 405]

interface StreamOptions {
  /** The address of the session: `https://HOST/v1/session`. */
  url: string
  /** Returns the `start` frame. Called only when the stream has the lock, so that the frame is up to date. */
  start(): ClientFrameOf<'start'>
  lock: ConnectionLock
  listener: LaneListener
  /** Called if the gateway has no streams. */
  onAbsent(): unknown
  /** Called with true when other tabs have all connections, and with false when this tab's turn has come. */
  onQueue(isQueued: boolean): void
}

/** Opens an event stream, and posts what the client sends. The stream counts as open when its first frame arrives. */
export const openStream = ({ url, start, lock, listener, onAbsent, onQueue }: StreamOptions): Lane => {
  const life = new AbortController()
  const { signal } = life
  let code = LOST
  /** Set when the session closes the stream. After that the listener is not called. */
  let isClosed = false
  /** Set while `close` waits for the stream's id. */
  let onBegun: (() => void) | undefined
  let hasBegun = false
  let isQueued = false
  /** Whether the gateway may have the start. */
  let hasAsked = false

  const finish = (closeCode: number): void => {
    if (signal.aborted) return
    life.abort()
    onBegun?.()
    if (!isClosed) listener.closed(closeCode)
  }
  const posts = createPosts(`${url}/frames`, () => finish(LOST), signal)

  const onData = (json: string): void => {
    // If the text is not JSON, the listener reports that.
    const frame = ifPossible(
      () => JSON.parse(json) as { type?: unknown; id?: unknown; code?: unknown } | null,
    )
    if (frame?.type === 'close') code = Number(frame.code)
    else if (frame?.type !== 'stream') {
      if (!isClosed) listener.text(json)
    } else {
      hasBegun = true
      posts.begin(String(frame.id))
      onBegun?.()
      if (!isClosed) listener.opened()
    }
  }

  const run = async (): Promise<void> => {
    const turn = {
      onWait: () => onQueue((isQueued = true)),
      onYield() {
        void posts.close(pageCloseCodes.hidden, true)
        finish(LOST)
      },
    }
    await lock.take(turn, signal)
    if (signal.aborted) return
    if (isQueued) onQueue(false)
    hasAsked = true
    const timer = setTimeout(() => hasBegun || finish(LOST), FIRST_FRAME_TIMEOUT)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    const response = await fetch(`${url}/stream`, {
      method: 'POST',
      body: JSON.stringify(start()),
      credentials: 'include',
      cache: 'no-store',
      redirect: 'error',
      signal,
    })
    if (ABSENT.includes(response.status)) onAbsent()
    if (response.status !== 200 || !response.body) return finish(LOST)
    const reader = response.body.getReader()
    const read = createEventReader(onData)
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return finish(code)
      read(value)
    }
  }

  run().catch(() => finish(LOST))
  return {
    send: (json) => posts.send(json),
    async close(closeCode = 1000) {
      if (isClosed) return
      isClosed = true
      if (Object.values(pageCloseCodes).includes(closeCode)) {
        // All of this is done at once: an open request or a held lock would keep the page out of the back/forward cache.
        if (hasBegun && !signal.aborted) void posts.close(closeCode, true)
        life.abort()
        return lock.release()
      }
      // If the session is still starting, its `end` can be posted only when the stream has its id.
      if (hasAsked && posts.hasEarly()) await withTimeout(END_TIMEOUT, (done) => (onBegun = done))
      if (hasBegun && !signal.aborted)
        await withTimeout(END_TIMEOUT, (done) => void posts.close(closeCode, false).then(done))
      life.abort()
    },
  }
}
