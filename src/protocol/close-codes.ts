interface CloseCode {
  /** The WebSocket close code. Several codes may share a number: the `ended` frame before the close names the code. */
  close: number
  /** One sentence for the developer who meets the code. The script-tag build leaves it out (rollup.config.mjs). */
  message: string
  /** Whether a session that failed or ended with this code starts again when new credentials are set. */
  _isRevivable: boolean
}

const end = (close: number, message: string, isRevivable = false): CloseCode => ({
  close,
  message,
  _isRevivable: isRevivable,
})

const revivableEnd = (close: number, message: string): CloseCode => end(close, message, true)

/** Every code that a gateway ends a connection with. A new code needs a row here and its documentation, no other code. */
export const closeCodes = {
  ended: end(1000, 'The session was ended on purpose.'),
  unauthenticated: revivableEnd(
    4101,
    'The credentials were not accepted: check the secret, the app id and the user id they were made for.',
  ),
  'token-expired': revivableEnd(
    4102,
    'The token has expired: give a fresh one, or a tokenFetcher or token-url that can fetch one.',
  ),
  // Another user's token ends a session with this code.
  'bad-request': revivableEnd(4400, 'The gateway could not understand what it received.'),
  refused: end(4403, "The app's rules refuse this."),
  'origin-refused': end(
    4403,
    "This page's origin is not in the app's list of origins: add it to the gateway's config.",
  ),
  'guests-refused': revivableEnd(
    4403,
    "This app takes no guests: give credentials, or allow guests in the gateway's config.",
  ),
  'unknown-app': end(4404, 'The gateway knows no app with this id.'),
  replaced: end(4409, 'Another connection took this session over.'),
  revoked: revivableEnd(4410, "The app's backend revoked the user's sessions: log in again."),
  'too-many-sessions': end(
    4429,
    'The user has too many sessions, and this one made room for a newer one. It starts again when its page becomes visible.',
  ),
  'too-large': end(4413, 'The data that was sent is larger than the gateway takes.'),
  unavailable: end(4503, 'The gateway cannot be reached or is not ready. The client tries again.'),
  timeout: end(4508, 'The other side was silent for too long.'),
  'rate-limited': end(4529, 'Too much was sent in too short a time: wait before the next try.'),
}

export type EndCode = keyof typeof closeCodes

/** The codes that only a `refused` frame carries: the session goes on. */
const refusalMessages = {
  conflict: 'The same id was used before with other content.',
  'unknown-user': 'There is no user with this id in the app.',
}

/** Every code that a `refused` frame may carry. */
export type RefusalCode =
  | Extract<
      EndCode,
      'bad-request' | 'too-large' | 'rate-limited' | 'refused' | 'unauthenticated' | 'unavailable'
    >
  | keyof typeof refusalMessages

export type ProtocolCode = EndCode | RefusalCode

const messageOf = ([code, { message }]: [string, CloseCode]): [string, string] => [code, message]

/** The sentence of every code that a gateway sends. */
export const errorMessages: Readonly<Record<ProtocolCode, string>> = /* @__PURE__ */ Object.assign(
  /* @__PURE__ */ Object.fromEntries(/* @__PURE__ */ Object.entries(closeCodes).map(messageOf)) as Record<
    EndCode,
    string
  >,
  refusalMessages,
)

/** The close codes of a client that may come back: the gateway holds its session for `leaveWindow`. */
export const pageCloseCodes = {
  /** The browser leaves the page (RFC 6455, 7.4.1). */
  leaving: 1001,
  /** At `pagehide` the client closes its page's connection: the page is left, and may go into the back/forward cache. */
  hidden: 4000,
}

/** WebSocket's own close codes (RFC 6455, 7.4.1) after which a new connection would fail in the same way. */
const permanent = [1002, 1003, 1007, 1008, 1009, 1010]

const hundredsOf = (close: number): number => Math.floor(close / 100)

/** How a client reacts to a close: it does nothing, fetches fresh credentials, gives up, or connects again. */
export type CloseAction = 'ended' | 'refetch' | 'stop' | 'retry'

/** The hundreds decide, so that a client knows what to do after a code that is newer than the client. */
export const closeAction = (close: number): CloseAction => {
  if (close === closeCodes.ended.close) return 'ended'
  if (hundredsOf(close) === 41) return 'refetch'
  if (hundredsOf(close) === 44 || permanent.includes(close)) return 'stop'
  return 'retry'
}

/** The code of a close without an `ended` frame. */
export const codeOfClose = (close: number): EndCode => {
  const known = Object.entries(closeCodes).find(([, row]) => row.close === close)?.[0]
  if (known) return known as EndCode
  if (close === 1009) return 'too-large'
  return ({ ended: 'ended', refetch: 'unauthenticated', stop: 'bad-request', retry: 'unavailable' } as const)[
    closeAction(close)
  ]
}

/** Returns whether the same request may succeed later. */
export const isRetryable = (code: ProtocolCode): boolean =>
  code in closeCodes && closeAction(closeCodes[code as EndCode].close) === 'retry'
