// A client that a stranger could write from docs/PROTOCOL.md, and an impatient one: it knows the wire and nothing else,
// and connects again the moment its connection is lost.
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { startProtocol, type Frame } from '../support/raw-client.js'
import { appId, tokenFor } from './gateway-process.js'
import { createJudge } from './judge.js'

/** Milliseconds after which it knocks again at a gateway that is not there. */
const KNOCK = 10
/** Messages that wait for their acknowledgement at the same time. */
const IN_FLIGHT = 4
/** Milliseconds in which all has to be acknowledged and received when nothing new is sent. */
const PATIENCE = 60_000

/** Sends numbered messages to one user, and each again in order until it is acknowledged. */
export class RawSender {
  readonly userId: string
  /** Where the own copy of each message is that was acknowledged, by id. */
  readonly acknowledged = new Map<string, number>()
  /** By offset, the id of each message that came: copies of its own, and nothing else is sent to it. */
  readonly received = new Map<number, string>()
  /** What went wrong, as sentences. */
  readonly wrong: string[] = []
  readonly #judge = createJudge((sentence) => this.wrong.push(sentence))
  /** The offset of the last message that came. */
  #offset = 0
  readonly #life: AbortSignal
  readonly #url: string
  readonly #to: string
  /** What is on its way, by id, in order. */
  readonly #waiting = new Map<string, Frame>()
  #count = 0
  #started: Frame | undefined
  #last: WebSocket | undefined
  /** The last one, while its session is there. */
  #socket: WebSocket | undefined
  #isStopping = false
  #isLate = false
  #done = Promise.resolve()

  /** Comes again until `life` aborts. */
  constructor(url: string, userId: string, to: string, life: AbortSignal) {
    this.#life = life
    life.addEventListener('abort', () => this.#last?.terminate(), { once: true })
    this.#url = `${url.replace('http', 'ws')}/v1/session`
    this.userId = userId
    this.#to = to
  }

  /** Whether messages are on their way over a connection that stands. */
  get isSending(): boolean {
    return this.#socket !== undefined && this.#waiting.size > 0
  }

  start(): void {
    this.#done = this.#live()
  }

  /**
   * Sends nothing new; resolves when all is acknowledged and received, and the session has ended, or when that takes too
   * long: what is missing is wrong then.
   */
  async stop(): Promise<void> {
    this.#isStopping = true
    const timer = setTimeout(() => {
      for (const id of this.#waiting.keys()) this.wrong.push(`"${id}" was never acknowledged`)
      const came = new Set(this.received.values())
      for (const [id, offset] of this.acknowledged)
        if (!came.has(id)) this.wrong.push(`"${id}" was acknowledged at ${offset}, and its copy never came`)
      this.#isLate = true
      this.#last?.terminate()
    }, PATIENCE)
    await this.#done
    clearTimeout(timer)
  }

  async #live(): Promise<void> {
    const token = await tokenFor(this.userId)
    for (let code = 0; code !== 1000 && !this.#isLate; await pause(KNOCK)) {
      const start = {
        type: 'start',
        appId,
        token,
        ...(this.#started && { resume: this.#position(this.#started) }),
      }
      const socket = (this.#last = new WebSocket(this.#url, ['chat-session.v1', startProtocol(start)]))
      socket.on('message', (data: Buffer) => this.#hear(JSON.parse(data.toString()) as Frame, socket))
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

  #hear(frame: Frame, socket: WebSocket): void {
    const say = (...frames: Frame[]): void => frames.forEach((each) => socket.send(JSON.stringify(each)))
    if (frame.type === 'started') {
      if (this.#started && frame['sessionId'] !== this.#started['sessionId'])
        this.wrong.push('its session is another one')
      this.#started = frame
      this.#socket = socket
      say({ type: 'pong' }, ...this.#waiting.values())
    } else if (frame.type === 'sent') {
      const id = frame['id'] as string
      if (this.#waiting.delete(id)) this.acknowledged.set(id, frame['offset'] as number)
    } else if (frame.type === 'message') {
      const [offset, id] = [frame['offset'] as number, frame['id'] as string]
      this.#judge({ offset, body: id })
      this.received.set(offset, id)
      this.#offset = offset
    } else if (frame.type === 'ping') say({ type: 'pong' })
    else if (frame.type !== 'ended') this.wrong.push(`it received ${JSON.stringify(frame)}`)
    if (!this.#socket) return
    while (!this.#isStopping && this.#waiting.size < IN_FLIGHT) {
      const id = `${this.userId} ${this.#count++}`
      const send = { type: 'send', id, to: this.#to, body: id }
      this.#waiting.set(id, send)
      say(send)
    }
    // More than it sent is wrong, and found by then.
    if (this.#isStopping && this.#waiting.size === 0 && this.received.size >= this.#count)
      say({ type: 'end' })
  }
}
