/**
 * Every code with which a gateway ends a connection, and its WebSocket close code. Several codes may share a number. The `ended` frame
 * before the close names the code. If that frame is missing, a client takes the first code in this table that has the number: it is the
 * most general one. If a row is added, the compiler and the tests name all other places that need the code.
 */
export const closeCodes = {
  ended: 1000,
  unauthenticated: 4101,
  'token-expired': 4102,
  'bad-request': 4400,
  refused: 4403,
  'origin-refused': 4403,
  'guests-refused': 4403,
  'unknown-app': 4404,
  replaced: 4409,
  revoked: 4410,
  'too-many-sessions': 4429,
  'too-large': 4413,
  unavailable: 4503,
  timeout: 4508,
  'rate-limited': 4529,
} as const

/** The codes after which a session that failed or ended starts again when new credentials are set. */
export const revivableCodes: readonly string[] = [
  'unauthenticated',
  'token-expired',
  // A token of another user ends a session with this code. A token of the right user starts the session again.
  'bad-request',
  'guests-refused',
  'revoked',
] satisfies EndCode[]

export type EndCode = keyof typeof closeCodes

/** Every code that a `refused` frame may have. No `ended` frame has `conflict` or `unknown-user`. */
export type RefusalCode =
  | Extract<
      EndCode,
      'bad-request' | 'too-large' | 'rate-limited' | 'refused' | 'unauthenticated' | 'unavailable'
    >
  | 'conflict'
  | 'unknown-user'

export type ProtocolCode = EndCode | RefusalCode

/** The close codes of a client that perhaps comes back. Its session ends unless the client resumes it within the config's `leaveWindow`. */
export const pageCloseCodes = {
  /** The browser itself closes the socket, because it leaves the page (RFC 6455, 7.4.1). */
  leaving: 1001,
  /** The script closes the socket: the user leaves the page (`pagehide`), or the page is hidden and gives up its connection. */
  hidden: 4000,
}

/** WebSocket's own close codes (RFC 6455, 7.4.1) after which a new connection would fail in the same way. */
const permanent = [1002, 1003, 1007, 1008, 1009, 1010]

const hundredsOf = (close: number): number => Math.floor(close / 100)

/** How a client reacts to a close: it ends its session, fetches fresh credentials, gives up, or connects again. */
export type CloseAction = 'ended' | 'refetch' | 'stop' | 'retry'

/** Returns how a client reacts to a close code. In 4xxx the first two digits decide, so a client can handle codes newer than itself. */
export const closeAction = (close: number): CloseAction => {
  if (close === closeCodes.ended) return 'ended'
  if (hundredsOf(close) === 41) return 'refetch'
  if (hundredsOf(close) === 44 || permanent.includes(close)) return 'stop'
  return 'retry'
}

/** Returns the code of a close without an `ended` frame. */
export const codeOfClose = (close: number): EndCode => {
  const known = (Object.keys(closeCodes) as EndCode[]).find((code) => closeCodes[code] === close)
  if (known) return known
  if (close === 1009) return 'too-large'
  if (closeAction(close) === 'refetch') return 'unauthenticated'
  return closeAction(close) === 'stop' ? 'bad-request' : 'unavailable'
}

/** Returns whether a request that failed with `code` may succeed later. */
export const isRetryable = (code: ProtocolCode): boolean =>
  code in closeCodes && closeAction(closeCodes[code as EndCode]) === 'retry'
