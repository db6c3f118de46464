/** Sizes in bytes of UTF-8. */
export const limits = {
  /** One frame; what a client may send before `started` in all, too. */
  frame: 65_536,
  /** A profile as JSON. */
  profile: 4_096,
  /** Auth params as JSON. */
  authParams: 4_096,
  /** The subprotocol that carries a start frame: a longer one is sent as the first frame. Proxies take 8 kB of headers. */
  startHeader: 4_096,
  /** All headers of the handshake together. */
  headers: 32_768,
  userId: 255,
  /** The id that a sender gives a message, in characters. */
  messageId: 64,
  /** A message's body and data together. */
  message: 16_384,
} as const

/** Bytes that `text` takes as UTF-8; a lone surrogate counts as the three bytes of its replacement. */
export const byteLength = (text: string): number => {
  let bytes = 0
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4
  }
  return bytes
}

/** Guests' ids begin with this, and no other way of starting makes such an id. */
export const GUEST_PREFIX = 'guest:'

const lonelySurrogateOrControl = /\p{Surrogate}|\p{Cc}/u

/** 1 to 255 bytes of well-formed UTF-8 without control characters; `.` and `..` would vanish from a URL's path. */
export const isUserId = (id: string): boolean =>
  id !== '' &&
  id !== '.' &&
  id !== '..' &&
  byteLength(id) <= limits.userId &&
  !lonelySurrogateOrControl.test(id)

export const isGuestId = (id: string): boolean => id.startsWith(GUEST_PREFIX)

export const isAppId = (id: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(id)
