import { isUtf8 } from 'node:buffer'
import { limits } from '../../../protocol/index.js'
import { EIGHT_BYTES, FIN, MAX_SHORT, opcodes, TWO_BYTES } from './frame-format.js'

/** The close codes for violations (RFC 6455, 7.4.1). */
const MALFORMED = 1002
const NOT_UTF8 = 1007
const TOO_MANY_PARTS = 1008
const TOO_LARGE = 1009

/** The bits of a frame's first two bytes, except `FIN`, which is in frame-format.ts. */
const RESERVED = 0x70
const OPCODE = 0x0f
const MASKED = 0x80
const LENGTH = 0x7f

const MASK_BYTES = 4

interface FrameLimits {
  /** The most bytes of a message. */
  message: number
  /** The most fragments of a message. */
  fragments: number
  /** The most chunks of data in which a frame may arrive, so that a client that sends byte by byte can't fill the memory. */
  chunks: number
}

const gatewayLimits: FrameLimits = {
  // The connection answers a message between `limits.frame` and this size with `ended`. A larger message only gets a close code.
  message: 2 * limits.frame,
  // Even an empty fragment takes 120 bytes of memory. Clients send a message of 64 kB in one fragment.
  fragments: 64,
  chunks: 512,
}

/** Gets the messages and the control frames of a client, with unmasked payloads. */
export interface FrameListener {
  /** Called with a whole message. A text is valid UTF-8. */
  onMessage(payload: Buffer, isBinary: boolean): void
  onPing(payload: Buffer): void
  onPong(payload: Buffer): void
  /** Called with a close frame, after which the reader stops. The payload is empty, or has a valid code and a reason in UTF-8. */
  onCloseFrame(payload: Buffer): void
  /**
   * Called when the client has broken the protocol or a limit, after which the reader stops. The connection must be closed with this code.
   */
  onViolation(code: number): void
}

const NOTHING = Buffer.alloc(0)

/** The codes that a close frame may have (RFC 6455, 7.4). */
const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
  (code >= 3000 && code <= 4999)

const isControl = (opcode: number): boolean => opcode >= opcodes.close

/** Returns the close code if the first two bytes of a frame are not valid; 0 if they are. */
const checkHead = (first: number, second: number, isWithinMessage: boolean): number => {
  const opcode = first & OPCODE
  const length = second & LENGTH
  const isValid =
    (first & RESERVED) === 0 &&
    (second & MASKED) !== 0 &&
    (isControl(opcode)
      ? opcode <= opcodes.pong &&
        (first & FIN) !== 0 &&
        length <= MAX_SHORT &&
        (opcode !== opcodes.close || length !== 1)
      : opcode === opcodes.continuation
        ? isWithinMessage
        : opcode <= opcodes.binary && !isWithinMessage)
  return isValid ? 0 : MALFORMED
}

const unmask = (payload: Buffer, data: Buffer, maskAt: number): void => {
  for (let index = 0; index < payload.length; index++)
    payload[index] = (payload[index] ?? 0) ^ (data[maskAt + (index & 3)] ?? 0)
}

/** A message whose last fragment has not arrived. */
interface UnfinishedMessage {
  readonly isBinary: boolean
  readonly fragments: Buffer[]
  bytes: number
}

/** The chunks of a frame whose last byte has not arrived. */
interface UnfinishedFrame {
  readonly chunks: Buffer[]
  bytes: number
  /** How many bytes are needed before the frame can be read. */
  readonly needed: number
}

/** Reads a client's WebSocket frames (RFC 6455, 5). */
export class FrameReader {
  readonly #listener: FrameListener
  readonly #limits: FrameLimits
  #message: UnfinishedMessage | undefined
  #rest: UnfinishedFrame | undefined
  /** How many more bytes are read; undefined until `stopAfter` is called. */
  #left: number | undefined
  #isEnded = false

  constructor(listener: FrameListener, frameLimits = gatewayLimits) {
    this.#listener = listener
    this.#limits = frameLimits
  }

  /** Whether a frame or a message has begun and is not finished. */
  get isUnfinished(): boolean {
    return this.#message !== undefined || this.#rest !== undefined
  }

  /** Lets the reader read `bytes` more bytes, and the rest of the frame in which they end. It skips all later frames. */
  stopAfter(bytes: number): void {
    this.#left ??= bytes
  }

  /**
   * Reads the next bytes of the client. Calls the listener for each control frame and each whole message. Payloads are unmasked in place.
   */
  read(chunk: Buffer): void {
    if (this.#hasEnded()) return
    const data = this.#withRest(chunk)
    if (!data) return
    let at = 0
    while (at < data.length) {
      const end = this.#readFrame(data, at)
      if (this.#hasEnded()) return
      if (end > data.length) {
        this.#rest = { chunks: [data.subarray(at)], bytes: data.length - at, needed: end - at }
        return
      }
      if (this.#left !== undefined && (this.#left -= end - at) <= 0) return this.#end()
      at = end
    }
  }

  /** Joins the unread bytes of earlier chunks with this chunk. Returns undefined if the frame needs more bytes or has too many chunks. */
  #withRest(chunk: Buffer): Buffer | undefined {
    const rest = this.#rest
    if (!rest) return chunk
    if (rest.chunks.length >= this.#limits.chunks) {
      this.#refuse(TOO_MANY_PARTS)
      return undefined
    }
    rest.chunks.push(chunk)
    rest.bytes += chunk.length
    if (rest.bytes < rest.needed) return undefined
    this.#rest = undefined
    return Buffer.concat(rest.chunks, rest.bytes)
  }

  /**
   * Reads the frame that begins at `at`. Returns the position of its end. If the data end earlier, returns the position that they must
   * reach before the frame is tried again.
   */
  #readFrame(data: Buffer, at: number): number {
    if (data.length < at + 2) return at + 2
    const [first = 0, second = 0] = [data[at], data[at + 1]]
    const code = checkHead(first, second, this.#message !== undefined)
    if (code !== 0) {
      this.#refuse(code)
      return at
    }
    let length = second & LENGTH
    let maskAt = at + 2
    if (length >= TWO_BYTES) {
      maskAt += length === TWO_BYTES ? 2 : 8
      if (data.length < maskAt) return maskAt
      // A length beyond 2 ** 53 is rounded, but any such length is too large.
      length =
        length === EIGHT_BYTES
          ? data.readUInt32BE(at + 2) * 2 ** 32 + data.readUInt32BE(at + 6)
          : data.readUInt16BE(at + 2)
    }
    const opcode = first & OPCODE
    // The frame is refused before its payload arrives, because the payload would have to wait in memory.
    if (!isControl(opcode) && length + (this.#message?.bytes ?? 0) > this.#limits.message) {
      this.#refuse(TOO_LARGE)
      return at
    }
    const payloadAt = maskAt + MASK_BYTES
    const end = payloadAt + length
    if (data.length < end) return end
    const payload = length === 0 ? NOTHING : data.subarray(payloadAt, end)
    unmask(payload, data, maskAt)
    if (isControl(opcode)) this.#onControl(opcode, payload)
    else this.#onFragment(opcode, payload, (first & FIN) !== 0)
    return end
  }

  #onControl(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.ping) return this.#listener.onPing(payload)
    if (opcode === opcodes.pong) return this.#listener.onPong(payload)
    if (payload.length > 0) {
      if (!isCloseCode(payload.readUInt16BE(0))) return this.#refuse(MALFORMED)
      if (!isUtf8(payload.subarray(2))) return this.#refuse(NOT_UTF8)
    }
    this.#end()
    this.#listener.onCloseFrame(payload)
  }

  #onFragment(opcode: number, payload: Buffer, isLast: boolean): void {
    let message = this.#message
    if (!message) {
      if (isLast) return this.#onMessage(payload, opcode === opcodes.binary)
      message = this.#message = { isBinary: opcode === opcodes.binary, fragments: [], bytes: 0 }
    }
    if (message.fragments.length >= this.#limits.fragments) return this.#refuse(TOO_MANY_PARTS)
    message.fragments.push(payload)
    message.bytes += payload.length
    if (!isLast) return
    this.#message = undefined
    this.#onMessage(Buffer.concat(message.fragments, message.bytes), message.isBinary)
  }

  #onMessage(payload: Buffer, isBinary: boolean): void {
    if (!isBinary && !isUtf8(payload)) return this.#refuse(NOT_UTF8)
    this.#listener.onMessage(payload, isBinary)
  }

  /** This is a method, because the compiler assumes that a call of the listener does not change `#isEnded`. */
  #hasEnded(): boolean {
    return this.#isEnded
  }

  #refuse(code: number): void {
    this.#end()
    this.#listener.onViolation(code)
  }

  #end(): void {
    this.#isEnded = true
    this.#message = undefined
    this.#rest = undefined
  }
}
