interface CloseCode {
  /** The WebSocket close code. Several codes may share a number: the `ended` frame before the close names the code. */
  close: number
  /** Whether a session that failed or ended with this code starts again when new credentials are set. */
  isRevivable?: true
}

/** Every code that a gateway ends a connection with. If a row is added, the compiler and the tests name each other place that needs it. */
export const closeCodes = {
  ended: { close: 1000 },
  unauthenticated: { close: 4101, isRevivable: true },
  'token-expired': { close: 4102, isRevivable: true },
  // A token of another user ends a session with this code, and a token of the right user starts it again.
  'bad-request': { close: 4400, isRevivable: true },
  refused: { close: 4403 },
  'origin-refused': { close: 4403 },
  'guests-refused': { close: 4403, isRevivable: true },
  'unknown-app': { close: 4404 },
  replaced: { close: 4409 },
  revoked: { close: 4410, isRevivable: true },
  'too-many-sessions': { close: 4429 },
  'too-large': { close: 4413 },
  unavailable: { close: 4503 },
  timeout: { close: 4508 },
  'rate-limited': { close: 4529 },
} as const satisfies Record<string, CloseCode>

export type EndCode = keyof typeof closeCodes

/** Every code that a `refused` frame may carry. Only `refused` frames carry the last two: the session goes on. */
export type RefusalCode =
  | Extract<
      EndCode,
      'bad-request' | 'too-large' | 'rate-limited' | 'refused' | 'unauthenticated' | 'unavailable'
    >
  | 'conflict'
  | 'unknown-user'

export type ProtocolCode = EndCode | RefusalCode

/** The close codes of a client that may come back: its session is detached, and ends after `leaveWindow`. */
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

/** If several codes share a number, a close without an `ended` frame gets this one, because it claims the least. */
export const generalCodes: Readonly<Record<number, EndCode>> = { 4403: 'refused' }

/** The code of a close without an `ended` frame. */
export const codeOfClose = (close: number): EndCode => {
  const known = generalCodes[close] ?? Object.entries(closeCodes).find(([, row]) => row.close === close)?.[0]
  if (known) return known as EndCode
  if (close === 1009) return 'too-large'
  return ({ ended: 'ended', refetch: 'unauthenticated', stop: 'bad-request', retry: 'unavailable' } as const)[
    closeAction(close)
  ]
}

/** Returns whether the same request may succeed later. */
export const isRetryable = (code: ProtocolCode): boolean =>
  code in closeCodes && closeAction(closeCodes[code as EndCode].close) === 'retry'
