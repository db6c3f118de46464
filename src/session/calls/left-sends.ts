import { isGuestId } from '../../protocol/index.js'
import type { SessionError } from '../errors.js'
import { ifPossible } from '../util/if-possible.js'
import { isOver, isPageGone, type SessionInfo } from '../machine/state.js'
import { hasEvents } from '../util/runtime.js'
import { LEFT_SENDS, leaveSends, leftKey, type LeftRecord } from '../storage/left-sends.js'
import type { LeftSend } from '../storage/outbox.js'
import { sessionUrl } from '../transports/websocket.js'
import { utf8 } from '../util/utf8.js'
import type { CallsHost } from './host.js'

/** The most messages and the most bytes of one HTTP request that `post` sends. */
const MAX_SENDS = 16
const MAX_BYTES = 61_440

/** Parses the record that an earlier page stored. Returns undefined for other content, which another script may have written. */
const parseRecord = (json: string | null): LeftRecord | undefined =>
  ifPossible(() => {
    const [endpoint, appId, userId, sends] = JSON.parse(json ?? '') as LeftRecord
    const known = sends.filter(({ id, to, writtenAt }) => id && to && writtenAt > 0)
    return [endpoint, appId, userId, known]
  })

const idOf = (userId: LeftRecord[2] | undefined): string | undefined =>
  typeof userId === 'string' ? userId : undefined

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
 * Returns a function that sends the messages which earlier pages of the tab have put into `sessionStorage`. This function is called at
 * each start and for each new connection. When the user leaves this page, the messages that wait are posted. `info` returns the gateway's
 * latest state of the session; null while there is none.
 */
export const createLeftSends = (
  { session, endpoint, knownUserId, credentials, runner, outbox, reportPending, SessionError }: CallsHost,
  info: () => SessionInfo | null,
): (() => void) => {
  const { appId } = session
  let user = knownUserId
  /**
   * The latest credentials. They are kept here, because at `pagehide` the session may discard them before this file's listener is called.
   */
  let proof: ReturnType<typeof credentials.held> = null
  const noteProof = (): void => {
    proof = credentials.held() ?? proof
  }
  /** Whether the user has left the page, and the messages that wait are to be posted. */
  let isPosting = false
  /** How many messages were posted since the page was left. The page gets no answer to them, so they stay at the front of the outbox. */
  let posted = 0

  const isLogOut = (code: string | undefined): boolean => ['signed-out', 'revoked', undefined].includes(code)

  /**
   * The code with which the session has failed; undefined once it is active. A listener may have started the session again before `restore`
   * learns that a message was rejected.
   */
  let failure: string | undefined

  /**
   * Sends a message of an earlier page, if it is this user's and the gateway would still recognize its id. If the session fails, `keep`
   * gets the message. A `pending` event reports any other failure, because the promise of `send()` is gone with its page.
   */
  const restore = (
    { id, to, body, data, writtenAt }: LeftSend,
    isMine: boolean,
    keep: (send: LeftSend) => void,
  ): void => {
    const isLate = writtenAt + (info()?.sendWindow ?? Infinity) <= Date.now()
    const send = { type: 'send', id, to, body, data } as LeftSend
    const sent: Promise<unknown> =
      isMine && !isLate
        ? outbox.add(send, {
            writtenAt,
            merge: (older) =>
              older.type === 'send' && older.id === id && older.to === to ? older : undefined,
          })
        : Promise.reject(new SessionError('unknown-outcome'))
    sent.catch((error: unknown) => {
      const { code } = error as SessionError
      if (code === failure && !isLogOut(code)) keep({ ...send, writtenAt })
      else reportPending([{ id, to, error: error as SessionError }])
    })
  }

  /**
   * Removes from the storage this app's records for which `isWanted` returns true, and returns them. Also removes records that can't be
   * read.
   */
  const take = (isWanted: (userId: string | undefined) => boolean): LeftRecord[] =>
    (ifPossible(() => Object.keys(sessionStorage)) ?? []).flatMap((key) => {
      if (!key.startsWith(LEFT_SENDS)) return []
      const record = parseRecord(sessionStorage.getItem(key))
      const [place, app, userId] = record ?? []
      if (record && (place !== String(endpoint) || app !== appId || !isWanted(idOf(userId)))) return []
      sessionStorage.removeItem(key)
      return record ? [record] : []
    })

  /**
   * Posts the waiting messages that were not posted yet. The browser completes the request after the page is gone. The next page sends
   * these messages again with the same ids, so none is stored twice.
   */
  const post = (): void => {
    if (!proof?.token && !proof?.signature) return
    const all = outbox.leave().slice(posted)
    for (let count = Math.min(MAX_SENDS, all.length); count; count--) {
      const sends = all.slice(0, count).map(({ id, to, body, data }) => ({ id, to, body, data }))
      const json = JSON.stringify({ appId, userId: user, ...proof, sends })
      if (utf8(json).length > MAX_BYTES) continue
      posted += count
      // The other messages did not fit, and no later message must arrive before them. So this post is the last one.
      if (count < all.length) isPosting = false
      return keepAlive(`${sessionUrl(endpoint).replace('ws', 'http')}/send`, json)
    }
  }
  // When the page is left, its own listeners may send more messages. These are posted, too.
  session.addEventListener('pending', () => {
    noteProof()
    if (isPosting) post()
  })

  const leftOrBack = ({ type }: Event): void => {
    isPosting = type === 'pagehide'
    posted = 0
    if (isPosting) post()
  }
  const listen = (change: 'addEventListener' | 'removeEventListener'): void => {
    if (hasEvents()) for (const type of ['pagehide', 'pageshow']) globalThis[change](type, leftOrBack)
  }

  /** The user is logged out, so nobody will send the stored messages of this user. */
  const forget = (): void => void take((userId) => userId === user)

  const stopIfOver = (): boolean => {
    const isStopped = isOver(session.state)
    if (isStopped) listen('removeEventListener')
    // If the session has failed without a log-out, a later page may have a good token, and sends what waits.
    if (isStopped && isLogOut(session.error?.code)) forget()
    return isStopped
  }
  // A log-out after the session has failed does not change its state.
  session.addEventListener('logout', forget)
  session.addEventListener('state', (event) => {
    const { state, error } = (event as CustomEvent<{ state: string; error: SessionError | null }>).detail
    if (state !== 'starting') failure = error?.code
    stopIfOver()
  })

  return () => {
    if (session.state === 'idle' || stopIfOver()) return
    listen('addEventListener')
    noteProof()
    // If this script loads after the page was left, the records are for the next page.
    if (isPageGone(runner.state())) return
    const verified = info()
    user = verified?.user.id ?? knownUserId
    // Before the gateway has verified the user, only messages of the user whom the page names are taken. After that the messages of all
    // users are taken, but those of others are not sent.
    for (const [, , userId, sends] of take((userId) => !!verified || (!!userId && userId === user))) {
      const isMine = userId ? userId === user : !!verified?.guest
      // If another user has logged in, that user must not learn what the earlier one sent. But two guests of one tab are one person.
      const id = idOf(userId)
      const isSecret = id ? !(verified?.guest && isGuestId(id)) : userId && verified?.guest
      if (!isMine && isSecret) continue
      const [key, kept] = [leftKey(), [] as LeftSend[]]
      for (const each of sends)
        restore(each, isMine, (send) => {
          kept.push(send)
          leaveSends(key, [endpoint, appId, userId, kept])
        })
    }
    reportPending([])
  }
}
