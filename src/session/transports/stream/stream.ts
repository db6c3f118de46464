import { pageCloseCodes } from '../../../protocol/index.js'
import { withTimeout } from '../../util/clock.js'
import { ifPossible } from '../../util/if-possible.js'
import { LOST, type Connection, type ConnectionListener, type StartFrame } from '../connection.js'
import { parseFrame } from '../parse-frame.js'
import type { ConnectionLock } from './connection-lock.js'
import { createEventReader } from './events.js'
import { createPosts } from './posts.js'
import { toJson } from '../../util/to-json.js'

/** Milliseconds in which the first frame has to arrive. */
const FIRST_FRAME_TIMEOUT = 8_000
/** Milliseconds that `close` waits for the stream's id if the session is still starting, and then for the answer to the last post. */
const END_TIMEOUT = 5_000

/**
 * Milliseconds after which the loss of a stream is reported. Chromium aborts the requests of a page that the user leaves before the page's
 * `pagehide`. In this time the session learns of `pagehide`, and its `close` is posted.
 */
const LOSS_DELAY = 100

/** The statuses of a gateway, or of a proxy, without streams. */
const ABSENT = [404, 405]

interface StreamOptions {
  /** The address of the session: `https://HOST/v1/session`. */
  url: string
  /** Returns the `start` frame. Called only when the stream has the lock, so that the frame is up to date. */
  start(): StartFrame
  lock: ConnectionLock
  listener: ConnectionListener
  /** Called if the gateway has no streams. */
  onAbsent(): void
}

/** Opens an event stream, and posts what the client sends. The stream counts as open when its first frame arrives. */
export const openStream = ({ url, start, lock, listener, onAbsent }: StreamOptions): Connection => {
  const life = new AbortController()
  const { signal } = life
  /** `waiting`: for the lock. `queued`: for other tabs, which have all locks. `asked`: the gateway may have the start. `begun`: the stream has its id. */
  let phase: 'waiting' | 'queued' | 'asked' | 'begun' = 'waiting'
  /** The code with which the gateway closes the stream. */
  let code = LOST
  /** Called when the stream has its id, or is over. `close` waits for that. */
  let onBegun = (): void => undefined

  const finish = (closeCode: number): void => {
    if (signal.aborted) return
    life.abort()
    onBegun()
    connection.listener({ type: 'closed', code: closeCode })
  }
  const posts = createPosts(`${url}/frames`, () => finish(LOST), signal)

  const onData = (json: string): void => {
    const event = ifPossible(
      () => JSON.parse(json) as { type?: unknown; id?: unknown; code?: unknown } | null,
    )
    switch (event?.type) {
      case 'stream':
        phase = 'begun'
        posts.begin(String(event.id))
        onBegun()
        return connection.listener({ type: 'opened' })
      case 'close':
        code = Number(event.code)
        return
      default: {
        const parsed = parseFrame(json)
        if (parsed) connection.listener(parsed)
      }
    }
  }

  /** Waits until this tab may open a stream. */
  const takeLock = async (): Promise<void> => {
    await lock.take(
      {
        onWait() {
          phase = 'queued'
          connection.listener({ type: 'queued' })
        },
        onYield() {
          void posts.close(pageCloseCodes.hidden, true)
          finish(LOST)
        },
      },
      signal,
    )
    if (phase === 'queued' && !signal.aborted) connection.listener({ type: 'served' })
  }

  const run = async (): Promise<void> => {
    await takeLock()
    if (signal.aborted) return
    phase = 'asked'
    const timer = setTimeout(() => {
      if (phase !== 'begun') finish(LOST)
    }, FIRST_FRAME_TIMEOUT)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    const response = await fetch(`${url}/stream`, {
      method: 'POST',
      body: toJson(start()),
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

  /** Tells the gateway that the page is left or hidden. An open request or a held lock would keep the page out of the browser's cache. */
  const leave = (closeCode: number): void => {
    if (phase === 'begun' && !signal.aborted) void posts.close(closeCode, true)
    life.abort()
    lock.release()
  }

  const end = async (closeCode: number): Promise<void> => {
    // If the session is still starting, its `end` can be posted only when the stream has its id.
    if (phase === 'asked' && posts.hasEarly()) await withTimeout(END_TIMEOUT, (done) => (onBegun = done))
    if (phase === 'begun' && !signal.aborted)
      await withTimeout(END_TIMEOUT, (done) => void posts.close(closeCode, false).then(done))
    life.abort()
  }

  let isClosed = false
  const connection: Connection = {
    listener,
    send: (frame) => posts.send(toJson(frame)),
    async close(closeCode = 1000) {
      if (isClosed) return
      isClosed = true
      connection.listener = () => undefined
      if (Object.values(pageCloseCodes).includes(closeCode)) leave(closeCode)
      else await end(closeCode)
    },
  }
  run().catch(() => {
    if (phase === 'begun') setTimeout(() => finish(LOST), LOSS_DELAY)
    else finish(LOST)
  })
  return connection
}
