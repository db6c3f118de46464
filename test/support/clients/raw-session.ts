// A session on a TCP connection on which a test writes the bytes of frames by itself.
import { readFrames, type ReceivedFrame } from './gateway-frames.js'
import { startOf } from '../starts.js'
import { handshake, openRaw, startProtocol, type Frame, type RawSocket } from '../raw-client.js'
import { until } from '../until.js'

export const opcodes = {
  continuation: 0,
  text: 1,
  binary: 2,
  reserved: 3,
  close: 8,
  ping: 9,
  pong: 10,
} as const

/** Returns a client's frame of any length, masked with zeros (RFC 6455, 5.2). */
export const rawFrame = (
  opcode: keyof typeof opcodes,
  content: string | Buffer,
  { isLast = true } = {},
): Buffer => {
  const payload = Buffer.from(content as Buffer)
  const { length } = payload
  const size = Buffer.alloc(length < 126 ? 1 : length <= 0xffff ? 3 : 9)
  size[0] = 0x80 | (length < 126 ? length : length <= 0xffff ? 126 : 127)
  if (size.length === 3) size.writeUInt16BE(length, 1)
  if (size.length === 9) size.writeUIntBE(length, 3, 6)
  return Buffer.concat([Buffer.from([(isLast ? 0x80 : 0) | opcodes[opcode]]), size, Buffer.alloc(4), payload])
}

export interface RawSession extends Pick<RawSocket, 'socket' | 'closed'> {
  /** The frames of the WebSocket protocol that came so far. */
  webSocketFrames(): ReceivedFrame[]
  /** The frames of the gateway that came so far. */
  frames(): Frame[]
  /** The code of the gateway's close frame, 1005 if it has none; undefined before it comes. */
  closeCode(): number | undefined
}

/** Resolves when a session of `userId` has started on a new TCP connection. */
export const openSession = async (url: string, userId: string): Promise<RawSession> => {
  const raw = await openRaw(url)
  raw.socket.write(
    handshake({
      'Sec-WebSocket-Protocol': `chat-session.v1, ${startProtocol(await startOf(userId))}`,
    }),
  )
  const webSocketFrames = (): ReceivedFrame[] => {
    const bytes = raw.received()
    const end = bytes.indexOf('\r\n\r\n')
    return end < 0 ? [] : readFrames(bytes.subarray(end + 4))
  }
  const frames = (): Frame[] =>
    webSocketFrames()
      .filter(({ opcode }) => opcode === opcodes.text)
      .map(({ payload }) => JSON.parse(payload.toString()) as Frame)
  await until('a session', () => frames().some(({ type }) => type === 'started'))
  return {
    socket: raw.socket,
    closed: raw.closed,
    webSocketFrames,
    frames,
    closeCode: () => {
      const close = webSocketFrames().find(({ opcode }) => opcode === opcodes.close)
      return close && (close.payload.length < 2 ? 1005 : close.payload.readUInt16BE(0))
    },
  }
}
