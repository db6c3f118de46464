/** Why a connection ends, with the close code that says so. Several codes may share one; `ended` names which. */
export const ends = {
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
  'too-large': 4413,
  unavailable: 4503,
  timeout: 4508,
  'rate-limited': 4529,
} as const

export type EndCode = keyof typeof ends

/** What a single frame can be refused with while the session goes on. */
export type RefusalCode =
  | Extract<
      EndCode,
      'bad-request' | 'too-large' | 'rate-limited' | 'refused' | 'unauthenticated' | 'unavailable'
    >
  | 'conflict'
  | 'unknown-user'

export type ProtocolCode = EndCode | RefusalCode

/** Close codes of WebSocket itself (RFC 6455, 7.4.1) that another try would meet again. */
const hopeless = [1002, 1003, 1007, 1008, 1009, 1010]

const band = (close: number): number => Math.floor(close / 100)

/** What a client does about a close: nothing, ask for fresh credentials, give up, or connect again. */
export type Verdict = 'ended' | 'renew' | 'stop' | 'retry'

/** The hundreds decide, so that a client knows what to do about a code it has never seen. */
export const verdictOf = (close: number): Verdict => {
  if (close === ends.ended) return 'ended'
  if (band(close) === 41) return 'renew'
  if (band(close) === 44 || hopeless.includes(close)) return 'stop'
  return 'retry'
}

/** The name of a close that came without an `ended` frame. */
export const codeOf = (close: number): EndCode => {
  const known = Object.entries(ends).find(([, number]) => number === close)?.[0]
  if (known) return known as EndCode
  if (close === 1009) return 'too-large'
  return ({ ended: 'ended', renew: 'unauthenticated', stop: 'bad-request', retry: 'unavailable' } as const)[
    verdictOf(close)
  ]
}

/** Whether the very same thing may succeed when it is tried again later. */
export const isRetryable = (code: ProtocolCode): boolean =>
  code in ends && verdictOf(ends[code as EndCode]) === 'retry'
