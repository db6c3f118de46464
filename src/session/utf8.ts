/** Text as it goes over the wire: a lone surrogate becomes its replacement. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
