// The frames that the gateway writes itself, as RFC 6455, 5.2 describes them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textFrame } from '../../../../src/gateway/transports/frames/frame-writer.js'

/** Returns an unmasked text frame, made byte by byte. */
const frameOf = (text: string): Buffer => {
  const payload = Buffer.from(text)
  const { length } = payload
  if (length < 126) return Buffer.concat([Buffer.from([0x81, length]), payload])
  const header = Buffer.alloc(length < 65_536 ? 4 : 10)
  header.writeUInt8(0x81, 0)
  header.writeUInt8(length < 65_536 ? 126 : 127, 1)
  if (length < 65_536) header.writeUInt16BE(length, 2)
  else header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, payload])
}

const texts: Record<string, string> = {
  'an empty text': '',
  'a short text': '{"type":"ping"}',
  'the longest text with a length of one byte': 'a'.repeat(125),
  'the shortest text with a length of two bytes': 'a'.repeat(126),
  'the longest text with a length of two bytes': 'a'.repeat(65_535),
  'the shortest text with a length of eight bytes': 'a'.repeat(65_536),
  'a text of 70 kB in two-byte characters': 'é'.repeat(35_000),
  'Latin-1 characters, which take two bytes': 'Ça coûte 5 £ à Zürich',
  'characters of three and of four bytes': 'Это 5 €, 今日は 👋🏽',
  'more than 125 bytes in fewer characters': '€'.repeat(60),
  'a lone surrogate': 'a\uD83Db',
}

for (const [what, text] of Object.entries(texts))
  test(`${what} is framed`, () => {
    assert.deepEqual(Buffer.from(textFrame(text), 'latin1'), frameOf(text))
  })
