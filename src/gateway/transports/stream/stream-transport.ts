import type { Connection } from '../../connection/connection.js'
import type { Transport } from '../../connection/transport.js'
import { CLOSE_TIMEOUT, LOST } from '../handshake.js'
import { sendBuffers, type SlowSocket } from '../send-buffers.js'
import { createTurnFlush } from '../turn-flush.js'
import { eventOf, PADDING } from './event-format.js'
import { closeCodeOf } from './post.js'

/** The response that carries a stream, as the server of a runtime writes it. */
export interface EventSink {
  /** Bytes that wait for the client. */
  readonly bufferedAmount: number
  /** Returns whether the client reads more slowly than events are written. */
  isFull(): boolean
  write(text: string): void
  /** Ends the response after the events before. */
  end(): void
  /** Destroys the socket. */
  destroy(): void
}

/** Characters that are collected into one write. */
const MAX_BATCH = 8_192

const flushLater = createTurnFlush((run) => setImmediate(run))

/** A promise of the end of a pause. */
interface Pause {
  readonly ended: Promise<void>
  end(): void
}

const createPause = (): Pause => {
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  return { ended, end }
}

/** A connection by an event stream down and posts up. The events of one turn leave in one write. */
export class StreamTransport implements Transport, SlowSocket {
  readonly kind = 'stream'
  readonly #sink: EventSink
  readonly #onEnded: () => void
  #connection: Connection | undefined
  /** The events of this turn. */
  #events = ''
  /** Whether `flush` will be called at the end of this turn. */
  #isScheduled = false
  /** Whether the stream has ended for the client: it gets no further event, and its posts are unknown. */
  #isEnded = false
  #closeTimer: NodeJS.Timeout | undefined
  /** Resolve the promises of `drained()`. */
  #waiting: (() => void)[] = []
  #pause: Pause | undefined
  /** The `seq` of the latest post that was taken, and of the one that waits for the end of a pause. */
  #seq = 0
  #waitingSeq = 0
  #handed: Promise<boolean> = Promise.resolve(true)

  /** `onEnded` is called once, when the stream has ended. */
  constructor(sink: EventSink, onEnded: () => void) {
    this.#sink = sink
    this.#onEnded = onEnded
  }

  /** Passes the frames that come to `connection`, and tells the client the stream's id. */
  begin(connection: Connection, id: string): void {
    this.#connection = connection
    this.#sink.write(PADDING + eventOf(JSON.stringify({ type: 'stream', id })))
  }

  /**
   * Hands the frames of a post to the connection. Resolves with false if the stream has ended or a post is missing; otherwise with true,
   * once the client may send more.
   */
  take(seq: number, frames: readonly string[]): Promise<boolean> {
    if (this.#isEnded) return Promise.resolve(false)
    if (seq < this.#seq) return Promise.resolve(true)
    // The answer to a repeated post waits as long as the answer to the post itself.
    if (seq === this.#seq || seq === this.#waitingSeq) return this.#handed
    if (seq !== this.#seq + 1 || this.#waitingSeq !== 0) return Promise.resolve(false)
    if (!this.#pause) return (this.#handed = this.#hand(seq, frames))
    this.#waitingSeq = seq
    return (this.#handed = this.#pause.ended.then(() => {
      this.#waitingSeq = 0
      return !this.#isEnded && this.#hand(seq, frames)
    }))
  }

  async #hand(seq: number, frames: readonly string[]): Promise<boolean> {
    this.#seq = seq
    const code = closeCodeOf(frames.at(-1) ?? '')
    for (const text of code === undefined ? frames : frames.slice(0, -1))
      this.#connection?.receive(text, Buffer.byteLength(text))
    if (code !== undefined) this.#closeBy(code)
    // The frames are handed over, so the post is taken even if the stream ends meanwhile.
    await this.#pause?.ended
    return true
  }

  /** Answers the client's `close`. The answers to its other frames may come too late for it, as on a WebSocket. */
  #closeBy(code: number): void {
    this.close(code)
    this.#connection?.onClose(code)
  }

  send(text: string): void {
    if (this.#isEnded) return
    this.#events += eventOf(text)
    // This writes at once, so that `isFull()` counts the bytes.
    if (this.#events.length > MAX_BATCH) return this.flush()
    if (this.#isScheduled) return
    this.#isScheduled = true
    flushLater(this)
  }

  close(code: number): void {
    if (this.#isEnded) return
    this.send(JSON.stringify({ type: 'close', code }))
    this.flush()
    this.#end()
    this.#sink.end()
    this.#closeTimer = setTimeout(() => this.#sink.destroy(), CLOSE_TIMEOUT).unref()
  }

  pause(): void {
    if (!this.#isEnded) this.#pause ??= createPause()
  }

  resume(): void {
    const pause = this.#pause
    this.#pause = undefined
    pause?.end()
  }

  isFull(): boolean {
    return this.#sink.isFull()
  }

  drained(): Promise<void> {
    this.flush()
    return this.#isEnded || !this.isFull()
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiting.push(resolve))
  }

  get bufferedAmount(): number {
    return this.#sink.bufferedAmount
  }

  /** Closes without a `close` event, because the client reads too slowly. */
  terminate(): void {
    this.#sink.destroy()
  }

  /** Writes the events of this turn. */
  flush(): void {
    this.#isScheduled = false
    if (this.#events === '' || this.#isEnded) return
    const events = this.#events
    this.#events = ''
    this.#sink.write(events)
    if (this.isFull()) sendBuffers.update(this)
  }

  /** The client has read what waited. */
  onDrain(): void {
    sendBuffers.release(this)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** The response is closed: it has ended, or the client has left. */
  onClosed(): void {
    clearTimeout(this.#closeTimer)
    const isLost = !this.#isEnded
    this.#end()
    this.onDrain()
    // A connection that the gateway has closed is released by its own `end`, with its own reason.
    if (isLost) this.#connection?.onClose(LOST)
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#onEnded()
    this.resume()
  }
}
