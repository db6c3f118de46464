/** How many slots a cluster has. */
export const SLOTS = 16_384

/** The CRC-16 (XMODEM) by which a cluster assigns a slot to a hash tag. */
const crc16 = (text: string): number => {
  let crc = 0
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc
}

/** Returns the slot of a hash tag. This file computes it, because the engine needs slots before it loads ioredis, which is optional. */
export const slotOf = (tag: string): number => crc16(tag) % SLOTS

/** Returns the slot of a key or a sharded channel. The text in the first braces decides it, or the whole name if there is no such text. */
export const slotOfKey = (key: string): number => {
  const start = key.indexOf('{')
  const end = start < 0 ? -1 : key.indexOf('}', start + 1)
  return slotOf(end > start + 1 ? key.slice(start + 1, end) : key)
}
