import { pageCloseCodes, type ClientFrameOf } from '../../../protocol/index.js'
import { withTimeout } from '../../util/clock.js'
import { ifPossible } from '../../util/if-possible.js'
import { takeConnection } from './connection-lock.js'
import { createEventReader } from './events.js'
import { LOST, type Lane, type LaneListener } from './lane.js'
import { createPosts } from './posts.js'

/** Milliseconds in which the first frame has to arrive. */
const FIRST_FRAME_TIMEOUT = 8_000
/** Milliseconds for which a session that ends while it starts waits for the stream's id, and for which `close` waits for its answer. */
const END_TIMEOUT = 5_000

/** The statuses of a gateway, or of a proxy, without streams. */
const ABSENT = [404, 405]

interface StreamOptions {
  /** The address of the session: `https://HOST/v1/session`. */
  url: string
  start: ClientFrameOf<'start'>
  listener: LaneListener
  /** Called if the gateway has no streams. */
  onAbsent(): void
}

/** Opens an event stream with posts. The stream counts as open when its first frame arrives. */
export const openStream = ({ url, start, listener, onAbsent }: StreamOptions): Lane => {
  const life = new AbortController()
  const { signal } = life
  let code = LOST
  /** Set when the session closes the stream. After that the listener is not called. */
  let isClosed = false
  /** Set while `close` waits for the stream's id. */
  let onBegun: (() => void) | undefined
  let hasBegun = false

  const finish = (closeCode: number): void => {
    if (signal.aborted) return
    life.abort()
    onBegun?.()
    if (!isClosed) listener.closed(closeCode)
  }
  const posts = createPosts(`${url}/frames`, () => finish(LOST), signal)

  const onData = (json: string): void => {
    // If the text is no frame, the listener reports that.
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
    const { hidden } = pageCloseCodes
    const yieldConnection = (): void => void posts.close(hidden, true).then(() => finish(LOST))
    const { origin } = new URL(url)
    await takeConnection(origin, yieldConnection, signal)
    if (signal.aborted) return
    const timer = setTimeout(() => hasBegun || finish(LOST), FIRST_FRAME_TIMEOUT)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    const response = await fetch(`${url}/stream`, {
      method: 'POST',
      body: JSON.stringify(start),
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
      const isLeaving = Object.values(pageCloseCodes).includes(closeCode)
      // If the session is still starting, its `end` waits for the stream's id.
      if (posts.hasEarly() && !isLeaving) await withTimeout(END_TIMEOUT, (done) => (onBegun = done))
      if (hasBegun && !signal.aborted)
        await withTimeout(END_TIMEOUT, (done) => void posts.close(closeCode, isLeaving).then(done))
      life.abort()
    },
  }
}
