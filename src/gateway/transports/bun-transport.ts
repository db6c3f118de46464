import type { Connection } from '../connection/connection.js'
import type { Transport } from '../connection/transport.js'
import type { BunWebSocket } from './bun-runtime.js'
import type { Slot } from '../limits/connection-limits.js'
import { CLOSE_TIMEOUT } from './handshake.js'
import { sendBuffers } from './send-buffers.js'
import { createTurnFlush } from './turn-flush.js'

/** If the frames of a turn have more characters, they are written before the turn ends. */
const MAX_BATCH = 8_192

/** How many bytes a masked control frame has without its payload. */
const CONTROL_HEADER = 6

const flushLater = createTurnFlush((run) => setImmediate(run))

const sendCollected = ({ data }: BunWebSocket<BunTransport>): void => data.sendCollected()

/**
 * A WebSocket of Bun's server. The frames of one turn of the event loop are sent in one write. The write is scheduled with `setImmediate`.
 * Bun empties the queues of promises and of `nextTick` after each frame that arrives, so those queues would collect nothing.
 */
export class BunTransport implements Transport {
  readonly kind = 'websocket'
  #socket: BunWebSocket<BunTransport> | undefined
  /** Answers the handshake. Undefined afterwards, because the function keeps the request in memory. */
  #upgrade: ((transport: BunTransport) => void) | undefined
  readonly #onClosed: (transport: BunTransport) => void
  /** Counts the socket for the limits of connections. */
  readonly slot: Slot
  #connection: Connection | undefined
  /** The frames of this turn. Undefined if there are none, because an empty array for each socket would take memory. */
  #frames: string[] | undefined
  #characters = 0
  /** Whether `flush` will be called at the end of this turn. */
  #isScheduled = false
  /** Whether bytes wait for the kernel: true from a write that the kernel did not take completely until `onDrain`. */
  #isFull = false
  /** The functions that resolve the promises of `drained()`. */
  #waiting: (() => void)[] | undefined
  /** Set when the gateway has closed the WebSocket. The close frame is sent when every earlier frame was sent. */
  #closing: { code: number; reason: string; timer: NodeJS.Timeout } | undefined
  #isClosed = false

  /**
   * `upgrade` is called once, and lets Bun answer the handshake. If Bun answers it, Bun calls `open`. Otherwise `upgrade` calls `onClose`.
   * `onClosed` is called once, when the socket is closed.
   */
  constructor(
    upgrade: (transport: BunTransport) => void,
    slot: Slot,
    onClosed: (transport: BunTransport) => void,
  ) {
    this.#upgrade = upgrade
    this.slot = slot
    this.#onClosed = onClosed
  }

  /** Called when the handshake is done. Bun writes its response together with the frames that are sent here. */
  open(socket: BunWebSocket<BunTransport>): void {
    this.#socket = socket
    this.sendCollected()
  }

  /**
   * From now on passes frames to `connection`. The handshake is answered after the promises of this turn, so that `started` is sent
   * together with the answer if the engine is in memory. The answer can't wait for a later turn, because Bun would refuse frames that come
   * with the handshake.
   */
  receiveFor(connection: Connection): void {
    this.#connection = connection
    queueMicrotask(() => process.nextTick(() => this.flush()))
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** How many bytes wait for the client. */
  get bufferedAmount(): number {
    return this.#isClosed ? 0 : (this.#socket?.getBufferedAmount() ?? 0)
  }

  /** Destroys the socket. */
  terminate(): void {
    if (!this.#isClosed) this.#opened()?.terminate()
  }

  send(text: string): void {
    if (this.#isClosed || this.#closing) return
    const frames = (this.#frames ??= [])
    frames.push(text)
    this.#characters += text.length
    // This writes at once, so that `isFull()` counts the bytes.
    if (this.#characters > MAX_BATCH) return this.flush()
    this.#schedule()
  }

  /** Writes the frames of this turn. */
  flush(): void {
    this.#isScheduled = false
    if (this.#isClosed) return
    const socket = this.#opened()
    if (!socket || !this.#frames) return this.#countWaiting()
    if (this.#frames.length === 1) this.sendCollected()
    else socket.cork(sendCollected)
    this.#countWaiting()
  }

  /** Sends the frames of this turn. Within `open` and `cork` Bun collects them into one write. */
  sendCollected(): void {
    const frames = this.#frames ?? []
    this.#frames = undefined
    this.#characters = 0
    for (const frame of frames) {
      if (this.#socket?.sendText(frame) !== 0) continue
      // The socket is closed, or more bytes wait than Bun keeps. A client must not miss a frame and then receive the next one.
      this.terminate()
      return
    }
  }

  close(code: number, reason: string): void {
    if (this.#isClosed || this.#closing) return
    this.flush()
    // If the client is gone, `flush` could not answer the handshake, and the socket is closed now.
    if (this.isClosed) return
    const timer = setTimeout(() => this.terminate(), CLOSE_TIMEOUT).unref()
    this.#closing = { code, reason, timer }
    // The close frame waits for earlier frames. After a close frame Bun no longer reports when they are sent, and a process that ends
    // too early would lose them.
    if (!this.#isFull) this.#socket?.close(code, reason)
  }

  pause(): void {
    if (!this.#isClosed) this.#opened()?.pause()
  }

  resume(): void {
    if (!this.#isClosed) this.#opened()?.resume()
  }

  isFull(): boolean {
    return this.#isFull
  }

  drained(): Promise<void> {
    this.flush()
    return this.#isFull ? new Promise((resolve) => (this.#waiting ??= []).push(resolve)) : Promise.resolve()
  }

  onMessage(data: string | Buffer): void {
    if (typeof data === 'string') this.#connection?.receive(data, Buffer.byteLength(data))
    else this.#connection?.end('bad-request', 'Frames must be text.')
  }

  /** Called with a ping or a pong of the WebSocket protocol. Bun has answered a ping already. */
  onControl(payload: Buffer): void {
    this.#connection?.receiveControl(CONTROL_HEADER + payload.length)
    this.#countWaiting()
  }

  /** Called when Bun has written bytes that waited. */
  onDrain(): void {
    if (this.bufferedAmount > 0) return
    this.#release()
    if (this.#closing) this.#socket?.close(this.#closing.code, this.#closing.reason)
  }

  /** Called when the socket is closed. Bun also calls it inside `socket.close()`. */
  onClose(code: number): void {
    this.#isClosed = true
    clearTimeout(this.#closing?.timer)
    this.#frames = undefined
    this.#release()
    this.#onClosed(this)
    // If the gateway has closed the connection, `Connection.end` has released the session already.
    if (!this.#closing) this.#connection?.onClose(code)
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#socket) return
    this.#isScheduled = true
    flushLater(this)
  }

  /** Lets Bun answer the handshake, if that is not done, and returns the socket; undefined if Bun could not answer. */
  #opened(): BunWebSocket<BunTransport> | undefined {
    const upgrade = this.#upgrade
    this.#upgrade = undefined
    upgrade?.(this)
    return this.#socket
  }

  #countWaiting(): void {
    if (this.bufferedAmount === 0) return
    this.#isFull = true
    sendBuffers.update(this)
  }

  #release(): void {
    if (!this.#isFull) return
    this.#isFull = false
    sendBuffers.release(this)
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const resolve of waiting) resolve()
  }
}
