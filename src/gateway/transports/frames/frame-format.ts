/** The opcodes of frames (RFC 6455, 5.2). */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** The bit of the first byte that is set in the last fragment of a message. */
export const FIN = 0x80

/** The largest length that fits into the second byte. It is also the largest payload of a control frame. */
export const MAX_SHORT = 125
/** The values of the second byte which say that the length is in the next two or eight bytes. */
export const TWO_BYTES = 126
export const EIGHT_BYTES = 127
