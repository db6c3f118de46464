/** Returns the bytes that a WebSocket sends for `text`; a lone surrogate becomes the replacement character. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
