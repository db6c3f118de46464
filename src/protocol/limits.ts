/** Sizes in bytes of UTF-8. */
export const limits = {
  /** One frame. */
  frame: 65_536,
  /** A profile as JSON. */
  profile: 4_096,
  /** Auth params as JSON. */
  authParams: 4_096,
  /**
   * The subprotocol that carries a `start` frame. Many proxies accept only 8 kB of headers, so a longer `start` is sent as the first frame.
   */
  startHeader: 4_096,
  /** All headers of the WebSocket handshake together. */
  headers: 32_768,
  userId: 255,
  /** The id that a sender gives to a message, in characters. */
  messageId: 64,
  /** A message's body and data together. */
  message: 16_384,
} as const

/** Returns how many bytes `text` has as UTF-8. A lone surrogate counts as the three bytes of its replacement. */
export const byteLength = (text: string): number => {
  let bytes = 0
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4
  }
  return bytes
}

/** The first characters of every guest's id. No other user's id begins with them. */
export const GUEST_PREFIX = 'guest:'

/** Bidirectional format characters are forbidden, because they can make one id look like another one. */
const forbiddenInIds = /\p{Surrogate}|\p{Cc}|\p{Bidi_Control}/u

/**
 * Returns whether `id` is 1 to 255 bytes of well-formed UTF-8 without control characters and bidirectional format characters. `.` and `..`
 * are no user ids, because they would disappear from a URL's path.
 */
export const isUserId = (id: string): boolean =>
  id !== '' &&
  id !== '.' &&
  id !== '..' &&
  // A code unit of UTF-16 takes at most three bytes, so the bytes of a short id need no count.
  (3 * id.length <= limits.userId || byteLength(id) <= limits.userId) &&
  !forbiddenInIds.test(id)

/** What a user id must be, for the sentences of errors. */
export const USER_ID_RULE =
  "1 to 255 bytes of well-formed UTF-8 without control or bidirectional format characters, not '.' or '..'; or a safe integer, which counts as its digits"

/**
 * Returns a user id that is a safe integer as its digits, because many databases number their users. Returns everything else as it is: a
 * larger number may have lost digits already, and `String` would make a user called undefined of a missing id.
 */
export const userIdText = <T>(id: T): T | string => (Number.isSafeInteger(id) ? String(id) : id)

export const isGuestId = (id: string): boolean => id.startsWith(GUEST_PREFIX)

export const isAppId = (id: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(id)
