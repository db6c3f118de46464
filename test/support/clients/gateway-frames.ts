// The WebSocket frames of a gateway, parsed from the bytes of a connection.
import assert from 'node:assert/strict'
import { closeCodes, gatewayFrames, parse, type EndCode } from '../../../src/protocol/index.js'

export interface ReceivedFrame {
  opcode: number
  payload: Buffer
}

/** Parses the WebSocket frames of a server (RFC 6455, 5.2). An incomplete last frame is left out. */
export const readFrames = (bytes: Buffer): ReceivedFrame[] => {
  const frames: ReceivedFrame[] = []
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first = 0, second = 0] = bytes.subarray(at)
    assert.equal(first & 0xf0, 0x80, 'a frame of the gateway is not fragmented and has no reserved bit')
    assert.equal(second & 0x80, 0, 'a server does not mask')
    const extended = second === 127 ? 8 : second === 126 ? 2 : 0
    if (at + 2 + extended > bytes.length) break
    const length =
      extended === 0 ? second : bytes.readUIntBE(at + 2 + Math.max(0, extended - 6), Math.min(6, extended))
    const from = at + 2 + extended
    if (from + length > bytes.length) break
    frames.push({ opcode: first & 0xf, payload: bytes.subarray(from, from + length) })
    at = from + length
  }
  return frames
}

/** Asserts that text frames are valid, and that an `ended` frame and the close after it have the same code. Returns that code. */
export const assertSpeaksProtocol = (frames: ReceivedFrame[]): string | undefined => {
  let ended: EndCode | undefined
  for (const { opcode, payload } of frames) {
    if (opcode === 8) {
      // The answer to a close without a code has no code (RFC 6455, 7.1.5).
      const close = payload.length < 2 ? 1005 : payload.readUInt16BE(0)
      if (ended) assert.equal(close, closeCodes[ended])
      return ended ?? String(close)
    }
    if (opcode !== 1) continue
    assert.equal(ended, undefined, 'nothing follows an ended frame')
    const parsed = parse(gatewayFrames, payload.toString())
    assert.ok(parsed.ok, payload.toString())
    if (parsed.frame.type === 'ended') ended = parsed.frame.code as EndCode
  }
  return ended
}
