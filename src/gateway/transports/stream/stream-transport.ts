import type { Connection } from '../../connection/connection.js'
import type { Transport } from '../../connection/transport.js'
import { CLOSE_TIMEOUT, LOST } from '../handshake.js'
import { sendBuffers, type SlowSocket } from '../send-buffers.js'
import { createTurnFlush } from '../turn-flush.js'
import { closeCodeOf } from './post.js'

/** How many bytes are sent before the first event, so that a proxy with a buffer fills it and passes on the response. */
const PADDING_BYTES = 4_096

/** A comment in the format of event streams, which clients skip. */
const PADDING = `:${' '.repeat(PADDING_BYTES - 3)}\n\n`

/** Returns the event of a frame. JSON has no line break, which would end the event. */
const eventOf = (json: string): string => `data: ${json}\n\n`

export const EVENT_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8' }

/** The response that carries a stream, on the server of one runtime. */
export interface EventSink {
  /** How many bytes wait for the client. */
  readonly bufferedAmount: number
  /** Returns whether the client reads more slowly than events are written. */
  isFull(): boolean
  write(text: string): void
  /** Ends the response after the events so far. */
  end(): void
  /** Destroys the socket. */
  destroy(): void
}

/** If the events of a turn have more characters, they are written before the turn ends. */
const MAX_BATCH = 8_192

/**
 * Milliseconds that the gateway waits for a last post when a client has left its stream. A browser aborts the stream of a page that is left
 * and then sends the page's last post, which says that the page is gone. The post comes by another socket, so it may be read later.
 */
const LAST_POST_TIME = 2_000

const flushLater = createTurnFlush((run) => setImmediate(run))

/**
 * A transport with an event stream to the client and posts from the client. The events of one turn of the event loop are sent in one write.
 */
export class StreamTransport implements Transport, SlowSocket {
  readonly kind = 'stream'
  readonly #sink: EventSink
  readonly #onEnded: () => void
  #connection: Connection | undefined
  /** The events of this turn. */
  #events = ''
  /** Whether `flush` will be called at the end of this turn. */
  #isScheduled = false
  /** Whether the stream has ended. Then the client gets no further event, and its posts get the answer for an unknown stream. */
  #isEnded = false
  /** Runs from when the client has left the response until the stream has ended. */
  #lostTimer: NodeJS.Timeout | undefined
  #closeTimer: NodeJS.Timeout | undefined
  /** The functions that resolve the promises of `drained()`. */
  #waiting: (() => void)[] = []
  /** The end of a pause, in which the client's posts wait; undefined while there is none. */
  #pauseEnded: Promise<void> | undefined
  #endPause: (() => void) | undefined
  /** The `seq` of the latest post that was taken, and the `seq` of the post that waits for the end of a pause; 0 if there is none. */
  #seq = 0
  #waitingSeq = 0
  #handed: Promise<boolean> = Promise.resolve(true)

  /** `onEnded` is called once, when the stream has ended. */
  constructor(sink: EventSink, onEnded: () => void) {
    this.#sink = sink
    this.#onEnded = onEnded
  }

  /** From now on passes frames to `connection`. Sends the stream's id to the client. */
  begin(connection: Connection, id: string): void {
    this.#connection = connection
    this.#sink.write(PADDING + eventOf(JSON.stringify({ type: 'stream', id })))
  }

  /**
   * Hands the frames of a post to the connection. Resolves with false if the stream has ended or an earlier post is missing. Otherwise
   * resolves with true when the client may send more.
   */
  take(seq: number, frames: readonly string[]): Promise<boolean> {
    if (this.#isEnded) return Promise.resolve(false)
    if (seq < this.#seq) return Promise.resolve(true)
    // The answer to a repeated post waits as long as the answer to the post itself.
    if (seq === this.#seq || seq === this.#waitingSeq) return this.#handed
    if (seq !== this.#seq + 1 || this.#waitingSeq !== 0) return Promise.resolve(false)
    if (!this.#pauseEnded) return (this.#handed = this.#hand(seq, frames))
    this.#waitingSeq = seq
    return (this.#handed = this.#pauseEnded.then(() => {
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
    // The connection has the frames. So the post counts as taken even if the stream ends meanwhile.
    await this.#pauseEnded
    return true
  }

  /** Answers the client's `close`. The answers to the client's other frames may come too late, as on a WebSocket. */
  #closeBy(code: number): void {
    this.close(code)
    this.#connection?.onClose(code)
  }

  /** Whether the client has left the response. Then nothing is written to it, and its posts are still taken until the stream has ended. */
  get #isLeft(): boolean {
    return this.#lostTimer !== undefined
  }

  send(text: string): void {
    if (this.#isEnded || this.#isLeft) return
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
    if (!this.#isEnded) this.#pauseEnded ??= new Promise((resolve) => (this.#endPause = resolve))
  }

  resume(): void {
    this.#pauseEnded = undefined
    this.#endPause?.()
  }

  isFull(): boolean {
    return !this.#isLeft && this.#sink.isFull()
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
    if (this.#events === '' || this.#isEnded || this.#isLeft) return
    const events = this.#events
    this.#events = ''
    this.#sink.write(events)
    if (this.isFull()) sendBuffers.update(this)
  }

  /** Called when the client has read the waiting bytes. */
  onDrain(): void {
    sendBuffers.release(this)
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Called when the response is closed, because it has ended or the client has left. */
  onClosed(): void {
    clearTimeout(this.#closeTimer)
    this.onDrain()
    // If the gateway has closed the connection, `Connection.end` has released the session already.
    if (this.#isEnded) return
    // A session that has not started has nothing to leave.
    if (this.#connection?.status.state === 'opening') this.#lose()
    else this.#lostTimer = setTimeout(() => this.#lose(), LAST_POST_TIME)
  }

  #lose(): void {
    this.#end()
    this.#connection?.onClose(LOST)
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearTimeout(this.#lostTimer)
    this.#onEnded()
    this.resume()
  }
}
