import { infoOf, isOver } from '../machine/selectors.js'
import { sessionUrl } from '../transports/websocket.js'
import { hasEvents } from '../util/runtime.js'
import { utf8 } from '../util/utf8.js'
import type { CallsHost } from './host.js'

/** The most messages and the most bytes of one HTTP request. */
const MAX_SENDS = 16
const MAX_BYTES = 61_440

/**
 * Posts text without cookies, which the gateway does not read. Firefox before version 133 has no `keepalive`. There a beacon is sent, which
 * has cookies.
 */
const keepAlive = (url: string, body: string): void => {
  if (!('keepalive' in Request.prototype)) return void navigator.sendBeacon(url, body)
  fetch(url, { method: 'POST', body, keepalive: true, credentials: 'omit', cache: 'no-store' }).catch(
    () => undefined,
  )
}

/**
 * Posts the messages that wait when the user leaves the page. The browser completes the request after the page is gone. The next page sends
 * these messages again with the same ids, so none is stored twice. The returned function is called at each start and for each new
 * connection.
 */
export const createPostOnLeave = ({
  session,
  endpoint,
  knownUserId,
  runner,
  credentials,
  outbox,
}: CallsHost): (() => void) => {
  /** The latest credentials. They are kept here, because at `pagehide` the session may discard them before the listener below is called. */
  let proof: ReturnType<typeof credentials.held> = null
  /** The id of the user, if it is known. */
  let userId = knownUserId
  /** Whether the user has left the page, and the messages that wait are to be posted. */
  let isPosting = false
  /** How many messages were posted since the page was left. The page gets no answer to them, so they stay at the front of the outbox. */
  let posted = 0

  const bodyOf = (sends: ReturnType<typeof outbox.leave>): string | null => {
    const { token, signature } = proof?.fields ?? {}
    if (!token && !signature) return null
    return JSON.stringify({
      appId: session.appId,
      userId: proof?.from === 'gateway' ? undefined : userId,
      token,
      signature,
      sends: sends.map(({ id, to, body, data }) => ({ id, to, body, data })),
    })
  }

  /** Posts as many of the waiting messages as fit into one request. */
  const post = (): void => {
    const all = outbox.leave().slice(posted)
    for (let count = Math.min(MAX_SENDS, all.length); count > 0; count -= 1) {
      const body = bodyOf(all.slice(0, count))
      if (body === null) return
      if (utf8(body).length > MAX_BYTES) continue
      posted += count
      // The other messages did not fit, and no later message must arrive before them. So this post is the last one.
      if (count < all.length) isPosting = false
      return keepAlive(`${sessionUrl(endpoint).replace('ws', 'http')}/send`, body)
    }
  }

  const onLeftOrBack = ({ type }: Event): void => {
    isPosting = type === 'pagehide'
    posted = 0
    if (isPosting) post()
  }
  const stopIfOver = (): void => {
    if (!isOver(runner.state()) || !hasEvents()) return
    removeEventListener('pagehide', onLeftOrBack)
    removeEventListener('pageshow', onLeftOrBack)
  }
  const noteProof = (): void => {
    proof = credentials.held() ?? proof
  }
  // When the page is left, its own listeners may send more messages. These are posted, too.
  session.addEventListener('pending', () => {
    noteProof()
    if (isPosting) post()
  })
  session.addEventListener('state', stopIfOver)

  return () => {
    noteProof()
    userId = infoOf(runner.state())?.user.id ?? userId
    if (!hasEvents()) return
    addEventListener('pagehide', onLeftOrBack)
    addEventListener('pageshow', onLeftOrBack)
    stopIfOver()
  }
}
