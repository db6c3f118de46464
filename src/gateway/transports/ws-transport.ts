import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Connection } from '../connection/connection.js'
import type { Transport } from '../connection/transport.js'
import { lingeringClose } from '../http/lingering-close.js'
import { opcodes } from './frames/frame-format.js'
import { FrameReader, type FrameListener } from './frames/frame-reader.js'
import { closePayload, controlFrame, textFrame } from './frames/frame-writer.js'
import { CLOSE_TIMEOUT, LOST, NO_CODE } from './handshake.js'
import { sendBuffers, type SlowSocket } from './send-buffers.js'
import { createTurnFlush } from './turn-flush.js'

/**
 * If the frames of a turn have more bytes, they are written before the turn ends. With a larger number `isFull()` would return true for a
 * client that reads fast.
 */
const MAX_BATCH = 8_192

/** How many bytes a masked control frame has without its payload. */
const CONTROL_HEADER = 6

/**
 * The most bytes that are read after the gateway's close, to find the client's own close frame. Without a limit a client that keeps sending
 * would take CPU time.
 */
const MAX_AFTER_CLOSE = 4_096

/**
 * If an expected frame does not come, the answer to the handshake is sent after this many milliseconds. An engine may take about ten
 * milliseconds to write the session, so the wait is longer.
 */
const ANSWER_WAIT = 25

/** The property in which a socket has its transport. With it one listener serves all sockets; a closure for each would cost memory. */
const TRANSPORT: unique symbol = Symbol('transport')
type Carrier<Stream> = Stream & { [TRANSPORT]?: WsTransport }

const flushLater = createTurnFlush((run) => process.nextTick(run))

const answer = (transport: WsTransport): void => transport.answer()

const flush = (transport: WsTransport): void => transport.flush()

const destroy = (stream: Duplex): void => void stream.destroy()

/**
 * A WebSocket on Node (RFC 6455). The frames of one turn of the event loop are sent in one write, because a system call for each frame
 * would cost more than the frame itself.
 */
export class WsTransport implements Transport, FrameListener, SlowSocket {
  readonly kind = 'websocket'
  readonly #stream: Duplex
  /** Reads the client's frames. It is created for the next chunk if no frame is unfinished: an idle session needs none. */
  #reader: FrameReader | undefined
  /** The frames of this turn, as `textFrame` returns them. */
  #frames: string
  /** Whether `flush` will be called at the end of this turn. */
  #isScheduled = true
  /** Whether a frame is expected and not sent yet. */
  #awaitsFrame = false
  /** Whether the listeners that call `release` are added. They are added when the client reads too slowly for the first time. */
  #isCounted = false
  /** The payload of the latest ping that is not answered yet. */
  #pong: Buffer | undefined
  /** Whether a close frame was sent, or the socket is closed. */
  #isClosing = false
  /** The code of the client's close frame; `LOST` until it arrives. */
  #closeCode = LOST
  #closeTimer: NodeJS.Timeout | undefined
  #bytesAfterClose = 0
  #connection: Connection | undefined
  /** Milliseconds that a message may take from its first chunk to its last. */
  #messageTimeout = 0
  #messageTimer: NodeJS.Timeout | undefined

  /**
   * `accepted` is the response to the handshake. It is sent with the frames of this turn, or with an expected frame, as one string in one
   * write. Two writes of a corked socket would add 3% to the CPU time of a session's start.
   */
  constructor(stream: Duplex, accepted: string) {
    this.#stream = stream
    this.#frames = accepted
    setImmediate(answer, this)
  }

  expectFrame(): void {
    this.#awaitsFrame = true
  }

  /**
   * Answers the handshake now, or together with the expected frame. If a session's start waits for a disk, a separate write would take a
   * tenth of the start's CPU time.
   */
  answer(): void {
    if (!this.#awaitsFrame) return this.flush()
    this.#isScheduled = false
    setTimeout(flush, ANSWER_WAIT, this).unref()
  }

  /** From now on passes frames to `connection`. A message may take `timeout` milliseconds. */
  receiveFor(connection: Connection, timeout: number): void {
    const stream: Carrier<Duplex> = this.#stream
    this.#connection = connection
    this.#messageTimeout = timeout
    stream[TRANSPORT] = this
    stream.on('data', onChunk).on('close', onClosed)
    const endListeners = stream.listeners('end')
    // The listener is added before the others are removed. If the last listener of an event is removed, Node deletes the event's
    // property, and V8 turns the object of all listeners into a large table: an idle session takes 16% more memory.
    stream.on('end', onEnd)
    for (const listener of endListeners) stream.off('end', listener as () => void)
  }

  onMessage(data: Buffer, isBinary: boolean): void {
    this.#cancelMessageTimer()
    if (isBinary) this.#connection?.end('bad-request', 'Frames must be text.')
    else this.#connection?.receive(data.toString(), data.length)
  }

  onPong(payload: Buffer): void {
    this.#connection?.receiveControl(CONTROL_HEADER + payload.length)
  }

  onPing(payload: Buffer): void {
    this.onPong(payload)
    // A client that never reads could fill the memory with pongs.
    if (!this.#isOpen || this.isFull()) return
    // Only the latest ping of a turn is answered (RFC 6455, 5.5.3).
    this.#pong = payload
    this.#schedule()
  }

  /** Answers the client's close frame, unless that frame is itself an answer. Then closes the gateway's side (RFC 6455, 7.1.1). */
  onCloseFrame(payload: Buffer): void {
    this.#closeCode = payload.length === 0 ? NO_CODE : payload.readUInt16BE(0)
    this.#sendClose(payload.toString('latin1'))
    this.#endStream()
    this.#connection?.onClose(this.#closeCode)
  }

  onViolation(code: number): void {
    this.#sendClose(closePayload(code, ''))
    this.#endStream()
  }

  onChunk(chunk: Buffer): void {
    this.#read(chunk)
    if (this.#reader?.isUnfinished) this.#startMessageTimer()
    else this.#cancelMessageTimer()
    if (!this.#isClosing) return
    this.#bytesAfterClose += chunk.length
    if (this.#bytesAfterClose > MAX_AFTER_CLOSE) lingeringClose(this.#stream)
  }

  /**
   * Called when the client has closed its side. Closes the gateway's side when the connection has answered the client's frames, so that the
   * client gets the answers to its last frames.
   */
  async onEnd(): Promise<void> {
    await this.#connection?.onEnd()
    this.flush()
    const stream = this.#stream
    // If the kernel has every byte already, `end` would only add a system call and a turn of the event loop. A TLS socket needs `end`,
    // because TLS has a last record to send.
    if (stream.writableLength === 0 && stream instanceof Socket && !(stream instanceof TLSSocket))
      stream.destroy()
    else stream.end()
  }

  /** Called when the socket was closed, after a close frame or without one. */
  onClosed(): void {
    this.#isClosing = true
    clearTimeout(this.#closeTimer)
    // If the socket is paused, the client's last frames are still in its buffer.
    const last = this.#stream.readableLength > 0 ? (this.#stream.read() as Buffer | null) : null
    if (last) this.#read(last)
    this.#cancelMessageTimer()
    this.#connection?.onClose(this.#closeCode)
  }

  #read(chunk: Buffer): void {
    const reader = (this.#reader ??= new FrameReader(this))
    reader.read(chunk)
    // After a close the reader is kept, because it knows how much more it reads.
    if (!reader.isUnfinished && !this.#isClosing) this.#reader = undefined
  }

  #onMessageTimeout(): void {
    this.#connection?.end('timeout', 'A message was not finished in time.')
  }

  /** Starts the timer for a message that is not finished. While the socket is paused, the client can't finish it. */
  #startMessageTimer(): void {
    if (this.#reader?.isUnfinished && !this.#isClosing && !this.#stream.isPaused())
      this.#messageTimer ??= setTimeout(() => this.#onMessageTimeout(), this.#messageTimeout).unref()
  }

  #cancelMessageTimer(): void {
    clearTimeout(this.#messageTimer)
    this.#messageTimer = undefined
  }

  /** Whether frames can be sent. */
  get #isOpen(): boolean {
    return !this.#isClosing && this.#stream.writable
  }

  send(text: string): void {
    if (!this.#isOpen) return
    this.#awaitsFrame = false
    const frame = textFrame(text)
    if (this.#frames.length + frame.length > MAX_BATCH) this.#write()
    this.#frames += frame
    // This writes at once, so that `isFull()` counts the bytes.
    if (frame.length > MAX_BATCH) this.#write()
    else this.#schedule()
  }

  close(code: number, reason: string): void {
    this.#sendClose(closePayload(code, reason))
  }

  pause(): void {
    this.#stream.pause()
    // The client can't finish a message while the gateway does not read it.
    this.#cancelMessageTimer()
  }

  resume(): void {
    this.#stream.resume()
    this.#startMessageTimer()
  }

  /** Closes without a close frame, because the client reads too slowly. */
  terminate(): void {
    this.#isClosing = true
    this.#stream.destroy()
  }

  /** How many bytes wait for the client. */
  get bufferedAmount(): number {
    return this.#stream.writableLength
  }

  isFull(): boolean {
    return this.#stream.writableNeedDrain
  }

  drained(): Promise<void> {
    this.#write()
    const stream = this.#stream
    return new Promise((resolve) => {
      if (!stream.writableNeedDrain) return resolve()
      const done = (): void => {
        stream.off('drain', done).off('close', done)
        resolve()
      }
      stream.on('drain', done).on('close', done)
    })
  }

  #countWaiting(): void {
    if (!this.#isCounted) {
      this.#isCounted = true
      const release = (): void => sendBuffers.release(this)
      this.#stream.on('drain', release).on('close', release)
    }
    sendBuffers.update(this)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    flushLater(this)
  }

  #write(): void {
    if (this.#frames === '') return
    if (this.#stream.writable) this.#stream.write(this.#frames, 'latin1')
    this.#frames = ''
    if (this.isFull()) this.#countWaiting()
  }

  /** Writes the frames of this turn, and then the pong. */
  flush(): void {
    this.#isScheduled = false
    if (this.#pong && this.#isOpen) this.#frames += controlFrame(opcodes.pong, this.#pong.toString('latin1'))
    this.#pong = undefined
    this.#write()
  }

  /** Sends a close frame after the frames of this turn, unless a close frame was sent before. The client has `CLOSE_TIMEOUT` to answer. */
  #sendClose(payload: string): void {
    if (this.#isClosing) return
    this.flush()
    this.#isClosing = true
    this.#reader ??= new FrameReader(this)
    this.#reader.stopAfter(MAX_AFTER_CLOSE)
    // After `onEnd` nothing can be written. The timer is still needed, because a client that never reads would keep the socket open.
    if (this.#stream.writable) this.#stream.write(controlFrame(opcodes.close, payload), 'latin1')
    this.#closeTimer = setTimeout(destroy, CLOSE_TIMEOUT, this.#stream)
  }

  /** Closes the gateway's side, and reads until the client closes its side, because a paused socket would never end. */
  #endStream(): void {
    this.#stream.end()
    this.#stream.resume()
  }
}

function onChunk(this: Carrier<Duplex>, chunk: Buffer): void {
  this[TRANSPORT]?.onChunk(chunk)
}

function onClosed(this: Carrier<Duplex>): void {
  this[TRANSPORT]?.onClosed()
}

function onEnd(this: Carrier<Duplex>): void {
  void this[TRANSPORT]?.onEnd()
}
