// A client that uses only docs/PROTOCOL.md and none of this project's client code. It reconnects at once when its connection
// is lost.
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { startProtocol, type Frame } from '../../support/raw-client.js'
import { appId, tokenFor } from '../../support/tokens.js'
import { createOrderCheck } from '../../support/engine/order-faults.js'

/** Milliseconds between two attempts to connect. */
const RETRY_DELAY = 10
/** How many messages are unacknowledged at the same time. */
const IN_FLIGHT = 4
/** Milliseconds in which all messages must be acknowledged and received after the last send. */
const TIMEOUT = 60_000

/** Sends numbered messages to one user. Sends unacknowledged messages again, in order, after each reconnect. */
export class RawSender {
  readonly userId: string
  /** The offset of the sender's own copy of each acknowledged message, by id. */
  readonly acknowledged = new Map<string, number>()
  /** The id of each received message, by offset. All are copies of its own messages. */
  readonly received = new Map<number, string>()
  /** Faults, as sentences. */
  readonly wrong: string[] = []
  readonly #checkOrder = createOrderCheck((fault) => this.wrong.push(fault))
  /** The offset of the last received message. */
  #offset = 0
  readonly #life: AbortSignal
  readonly #url: string
  readonly #to: string
  /** The unacknowledged `send` frames by id, in order. */
  readonly #waiting = new Map<string, Frame>()
  #count = 0
  #started: Frame | undefined
  #last: WebSocket | undefined
  /** The last socket, from its `started` until its close. */
  #socket: WebSocket | undefined
  #isStopping = false
  #isLate = false
  #done = Promise.resolve()

  /** Reconnects until `life` aborts. */
  constructor(url: string, userId: string, to: string, life: AbortSignal) {
    this.#life = life
    life.addEventListener('abort', () => this.#last?.terminate(), { once: true })
    this.#url = `${url.replace('http', 'ws')}/v1/session`
    this.userId = userId
    this.#to = to
  }

  /** Whether messages are unacknowledged on an open connection. */
  get isSending(): boolean {
    return this.#socket !== undefined && this.#waiting.size > 0
  }

  start(): void {
    this.#done = this.#live()
  }

  /**
   * Sends no new messages. Resolves when all messages are acknowledged and received and the session has ended. After
   * `TIMEOUT` it resolves too, and the missing messages are in `wrong`.
   */
  async stop(): Promise<void> {
    this.#isStopping = true
    const timer = setTimeout(() => {
      for (const id of this.#waiting.keys()) this.wrong.push(`"${id}" was never acknowledged`)
      const came = new Set(this.received.values())
      for (const [id, offset] of this.acknowledged)
        if (!came.has(id))
          this.wrong.push(`"${id}" was acknowledged at ${offset}, and its copy was never received`)
      this.#isLate = true
      this.#last?.terminate()
    }, TIMEOUT)
    await this.#done
    clearTimeout(timer)
  }

  async #live(): Promise<void> {
    const token = await tokenFor(this.userId)
    for (let code = 0; code !== 1000 && !this.#isLate; await pause(RETRY_DELAY)) {
      const start = {
        type: 'start',
        appId,
        token,
        ...(this.#started && { resume: this.#position(this.#started) }),
      }
      const socket = (this.#last = new WebSocket(this.#url, ['chat-session.v1', startProtocol(start)]))
      socket.on('message', (data: Buffer) => this.#onFrame(JSON.parse(data.toString()) as Frame, socket))
      // A close follows.
      socket.on('error', () => undefined)
      code = await new Promise((resolve) => socket.once('close', resolve))
      this.#socket = undefined
      if (code !== 1000 && code !== 1006) this.wrong.push(`its connection closed with ${code}`)
      if (this.#life.aborted) return
    }
  }

  #position({ resumeKey: key, epoch }: Frame): Record<string, unknown> {
    return { key, epoch, offset: this.#offset }
  }

  #onFrame(frame: Frame, socket: WebSocket): void {
    const write = (...frames: Frame[]): void => frames.forEach((each) => socket.send(JSON.stringify(each)))
    if (frame.type === 'started') {
      if (this.#started && frame['sessionId'] !== this.#started['sessionId'])
        this.wrong.push('its session is another one')
      this.#started = frame
      this.#socket = socket
      write({ type: 'pong' }, ...this.#waiting.values())
    } else if (frame.type === 'sent') {
      const id = frame['id'] as string
      if (this.#waiting.delete(id)) this.acknowledged.set(id, frame['offset'] as number)
    } else if (frame.type === 'message') {
      const [offset, id] = [frame['offset'] as number, frame['id'] as string]
      this.#checkOrder({ offset, body: id })
      this.received.set(offset, id)
      this.#offset = offset
    } else if (frame.type === 'ping') write({ type: 'pong' })
    else if (frame.type !== 'ended') this.wrong.push(`it received ${JSON.stringify(frame)}`)
    if (!this.#socket) return
    while (!this.#isStopping && this.#waiting.size < IN_FLIGHT) {
      const id = `${this.userId} ${this.#count++}`
      const send = { type: 'send', id, to: this.#to, body: id }
      this.#waiting.set(id, send)
      write(send)
    }
    // The own copies of all messages have arrived.
    if (this.#isStopping && this.#waiting.size === 0 && this.received.size >= this.#count)
      write({ type: 'end' })
  }
}
