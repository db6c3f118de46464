import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import * as ws from 'ws'
import type { Connection } from '../connection/connection.js'
import type { Transport } from '../connection/transport.js'
import { lingeringClose } from '../http/lingering-close.js'
import { sendBuffers } from './send-buffers.js'
import { createSlicedPush } from './slices.js'
import { textFrame } from './text-frame.js'

/** Bytes that are collected into one write. With more, `isFull()` would return true for a client that reads fast. */
const MAX_BATCH = 8_192

/** Bytes of a masked control frame besides its payload. */
const CONTROL_HEADER = 6

/** Bytes that are read after the gateway's close, for the client's own close frame. A client that keeps sending would take CPU time. */
const MAX_AFTER_CLOSE = 4_096

/** The property in which a socket has its transport, so that one listener serves all sockets: a closure for each would cost memory. */
const TRANSPORT: unique symbol = Symbol('transport')
type Carrier<Emitter> = Emitter & { [TRANSPORT]?: WsTransport }

/**
 * The transports that have frames or a pong to write at the end of this turn. One list and one callback for all of them cost less than
 * a callback for each.
 */
let unflushed: WsTransport[] = []

const flushAll = (): void => {
  const transports = unflushed
  unflushed = []
  for (const transport of transports) transport.flush()
}

/** Milliseconds for which the answer to a handshake waits for an expected frame, and at most twice as long. The engine may take some ten milliseconds to write. */
const ANSWER_WAIT = 25

/** The transports whose answer waits, by the interval in which they came. One timer serves all of them. */
let unanswered: [older: WsTransport[], recent: WsTransport[]] = [[], []]
let answerTimer: NodeJS.Timeout | undefined

const answerOlder = (): void => {
  const [older, recent] = unanswered
  unanswered = [recent, []]
  answerTimer = recent.length > 0 ? setTimeout(answerOlder, ANSWER_WAIT).unref() : undefined
  for (const transport of older) transport.flush()
}

const answer = (transport: WsTransport): void => transport.answer()

/**
 * Returns the class of WebSockets that write the frames of this turn before their close frame, also if ws closes one by itself. They call
 * their transport in place of listeners, which Node would keep in a table for each socket. A function, because the build of ws for
 * browsers has no class to extend: a page's bundler may follow the import of the gateway.
 */
export const createFlushingWebSocket = (): typeof ws.WebSocket =>
  class extends ws.WebSocket {
    [TRANSPORT]?: WsTransport

    override close(code?: number, reason?: string | Buffer): void {
      this[TRANSPORT]?.flush()
      super.close(code, reason)
    }

    override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
      const transport = this[TRANSPORT]
      if (!transport) return super.emit(event, first, second)
      if (event === 'message') transport.onMessage(first as Buffer, second as boolean)
      else if (event === 'pong') transport.onControl(first as Buffer)
      else if (event === 'ping') transport.onPing(first as Buffer)
      else if (event === 'close') transport.onClose(first as number)
      // After an `error` follows `close`, which ends the connection. Nothing is logged, because any client can break its own socket.
      return true
    }
  }

/**
 * The frames of one turn leave in one write: a system call for each frame would cost more than the frame itself. Frames are written
 * to the stream and not by `ws.send`, which makes two writes and several objects of each: that saves a sixth of the CPU time of a message.
 * ws itself writes only whole control frames, and nothing is compressed, so frames are not mixed up.
 */
export class WsTransport implements Transport {
  readonly #socket: ws.WebSocket
  readonly #stream: Duplex
  /** The frames of this turn, as `textFrame` returns them. */
  #frames: string
  /** Whether `flush` will be called at the end of this turn. */
  #isScheduled = true
  /** Whether a frame is expected, and was not sent yet. */
  #awaitsFrame = false
  /** Whether the listeners that call `release` are added: the client has read too slowly before. */
  #isCounted = false
  /** The payload of the latest ping that is not answered yet. */
  #pong: Buffer | undefined
  #bytesAfterClose = 0
  #connection: Connection | undefined
  /** Bytes of a message that the client has begun and not finished. */
  #unfinished = 0
  /** Whether the latest chunk finished a message. */
  #isFinished = false
  /** Milliseconds that a message may take from its first chunk to its last. */
  #messageTimeout = 0
  #messageTimer: NodeJS.Timeout | undefined

  /**
   * `accepted` is the response to the handshake. It leaves at the end of this turn, or with an expected frame, in one write and as one text.
   * As two writes of a corked stream they took 3 % more of a start's CPU time.
   */
  constructor(socket: ws.WebSocket, stream: Duplex, accepted: string) {
    this.#socket = socket
    this.#stream = stream
    this.#frames = accepted
    setImmediate(answer, this)
  }

  expectFrame(): void {
    this.#awaitsFrame = true
  }

  /**
   * Answers the handshake, now or with the expected frame: a write of its own would take a tenth of the CPU time of a start that waits for
   * a disk.
   */
  answer(): void {
    if (!this.#awaitsFrame) return this.flush()
    this.#isScheduled = false
    unanswered[1].push(this)
    answerTimer ??= setTimeout(answerOlder, ANSWER_WAIT).unref()
  }

  /** Passes the frames that come to `connection`. A message may take `timeout` milliseconds. */
  receiveFor(connection: Connection, timeout: number): void {
    const [socket, stream]: [Carrier<ws.WebSocket>, Carrier<Duplex>] = [this.#socket, this.#stream]
    this.#connection = connection
    this.#messageTimeout = timeout
    socket[TRANSPORT] = stream[TRANSPORT] = this
    stream.push = slicedPush
    stream.on('data', onChunk)
    const endListeners = stream.listeners('end')
    // Added before the others are removed: without a listener Node would delete the property, and V8 then makes the object a large table.
    stream.on('end', onEnd)
    for (const listener of endListeners) stream.off('end', listener as () => void)
  }

  /** Whether the client is authenticated and its session has started. */
  get isLive(): boolean {
    return this.#connection?.isLive ?? false
  }

  onMessage(data: Buffer, isBinary: boolean): void {
    this.#isFinished = true
    if (isBinary) this.#connection?.end('bad-request', 'Frames must be text.')
    else this.#connection?.receive(data.toString(), data.length)
  }

  /** A ping or a pong of the WebSocket protocol came. */
  onControl(payload: Buffer): void {
    const bytes = CONTROL_HEADER + payload.length
    // It may come before, between and after the fragments of a message.
    this.#unfinished -= bytes
    this.#connection?.receiveControl(bytes)
  }

  /** Called after ws has parsed a chunk. */
  onChunk(bytes: number): void {
    this.#unfinished = this.#isFinished ? 0 : this.#unfinished + bytes
    this.#isFinished = false
    if (this.#unfinished <= 0) this.#cancelMessageTimer()
    else this.#messageTimer ??= setTimeout(() => this.#onMessageTimeout(), this.#messageTimeout).unref()
    if (this.#socket.readyState === ws.WebSocket.OPEN) return
    this.#bytesAfterClose += bytes
    if (this.#bytesAfterClose > MAX_AFTER_CLOSE) lingeringClose(this.#stream)
  }

  /**
   * The client closed its side. Closes the gateway's side when the connection has answered its frames. The listener of ws would close it
   * at once, and the client would get no answer to its last frames. It is not called later either: it ends the receiver of ws, which ws
   * ends again when the socket closes, and for that Node makes an error with its stack. That was 5 % of a session's CPU time.
   */
  async onEnd(): Promise<void> {
    await this.#connection?.onEnd()
    this.flush()
    const stream = this.#stream
    // If the kernel has every byte already, `end` would only add a system call and a turn. TLS has a last record to send.
    if (stream.writableLength === 0 && stream instanceof Socket && !(stream instanceof TLSSocket))
      stream.destroy()
    else stream.end()
  }

  /** A ping of the WebSocket protocol came. */
  onPing(payload: Buffer): void {
    this.onControl(payload)
    this.pong(payload)
  }

  onClose(code: number): void {
    this.#cancelMessageTimer()
    this.#connection?.onClose(code)
  }

  #onMessageTimeout(): void {
    this.#connection?.end('timeout', 'A message was not finished in time.')
  }

  #cancelMessageTimer(): void {
    clearTimeout(this.#messageTimer)
    this.#messageTimer = undefined
  }

  /** Whether frames can be sent. ws does not know that `onEnd` has closed the gateway's side. */
  get #isOpen(): boolean {
    return this.#socket.readyState === ws.WebSocket.OPEN && this.#stream.writable
  }

  send(text: string): void {
    if (!this.#isOpen) return
    this.#awaitsFrame = false
    const frame = textFrame(text)
    if (this.#frames.length + frame.length > MAX_BATCH) this.#write()
    this.#frames += frame
    // Written at once, so that `isFull()` counts it.
    if (frame.length > MAX_BATCH) this.#write()
    else this.#schedule()
  }

  /** Answers a ping of the WebSocket protocol. Of the pings of one turn only the latest is answered (RFC 6455, 5.5.3). */
  pong(payload: Buffer): void {
    // A client that never reads could fill the memory with pongs.
    if (!this.#isOpen || this.isFull()) return
    this.#pong = payload
    this.#schedule()
  }

  close(code: number, reason: string): void {
    if (this.#stream.writable) this.#socket.close(code, reason)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
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
      const release = (): void => sendBuffers.release(this.#socket)
      this.#stream.on('drain', release).on('close', release)
    }
    sendBuffers.update(this.#socket)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (unflushed.push(this) === 1) process.nextTick(flushAll)
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
    this.#write()
    if (this.#pong && this.#isOpen) this.#socket.pong(this.#pong)
    this.#pong = undefined
  }
}

function onChunk(this: Carrier<Duplex>, chunk: Buffer): void {
  this[TRANSPORT]?.onChunk(chunk.length)
}

function onEnd(this: Carrier<Duplex>): void {
  void this[TRANSPORT]?.onEnd()
}

const slicedPush = createSlicedPush((socket: Carrier<Duplex>) => !socket[TRANSPORT]?.isLive)
