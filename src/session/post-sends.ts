import type { LeftSend } from './storage/outbox.js'
import { sessionUrl } from './transports/websocket.js'
import { utf8 } from './util/utf8.js'
import { toJson } from './util/to-json.js'

/** The most messages and the most bytes of one HTTP request. */
const MAX_SENDS = 16
const MAX_BYTES = 61_440

/** Whose messages a request has, and what proves it. */
interface PostedBy {
  appId: string
  userId: string | undefined
  token: string | undefined
  signature: string | undefined
}

/** Posts the messages of a list that were not posted before. The list may only grow at its end. */
export type PostSends = (sends: LeftSend[]) => void

/**
 * Returns what posts the messages that wait when the user leaves the page, and those that the page's own listeners still send then. With
 * `keepalive` the browser completes the request after the page is gone. The next page sends these messages again with the same ids, so none
 * is stored twice.
 */
export const createPostSends = (endpoint: string, by: PostedBy): PostSends => {
  // Without these the gateway takes no message.
  if (!by.token && !by.signature) return () => undefined
  const url = `${sessionUrl(endpoint).replace('ws', 'http')}/send`
  let posted = 0
  return (all) => {
    const waiting = all.slice(posted, posted + MAX_SENDS)
    for (let count = waiting.length; count > 0; count -= 1) {
      // The gateway ignores what only the next page needs of them.
      const body = toJson({ ...by, sends: waiting.slice(0, count) })
      if (utf8(body).length > MAX_BYTES) continue
      posted += count
      // The other messages did not fit, and no later message must arrive before them. So this post is the last one.
      if (posted < all.length) posted = Infinity
      fetch(url, { method: 'POST', body, keepalive: true, credentials: 'omit' }).catch(() => undefined)
      return
    }
  }
}
