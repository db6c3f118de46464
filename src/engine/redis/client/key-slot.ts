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

export const slotOf = (tag: string): number => crc16(tag) % SLOTS

/** Slots of tags. Tags are few, and the hash takes a microsecond. */
const slots = new Map<string, number>()
const MAX_SLOTS = 4_096

/** Returns the slot of a key or a sharded channel: of the text in its first braces, or of all of it if there is none. */
export const slotOfKey = (key: string): number => {
  const start = key.indexOf('{')
  const end = start < 0 ? -1 : key.indexOf('}', start + 1)
  const tag = end > start + 1 ? key.slice(start + 1, end) : key
  const known = slots.get(tag)
  if (known !== undefined) return known
  const slot = slotOf(tag)
  if (slots.size >= MAX_SLOTS) slots.clear()
  slots.set(tag, slot)
  return slot
}
