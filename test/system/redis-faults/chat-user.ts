import assert from 'node:assert/strict'
import { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { ChatSession, type Message } from '../../../src/session/index.js'
import { wholeInbox } from '../../support/clients/whole-inbox.js'
import { orderFaults } from '../../support/engine/order-faults.js'
import { within } from '../../support/raw-client.js'
import { appId, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

/** How many messages of a user are sent and not acknowledged. */
const IN_FLIGHT = 4
/** Milliseconds between two messages of one user. */
const PACE = 200
/** Milliseconds in which everything is acknowledged and received after the last fault. */
const TIMEOUT = 90_000

interface Address {
  endpoint: string
  /** The certificate to trust. */
  ca?: Buffer
}

interface Acknowledged {
  to: string
  body: string
  offset: number
  at: number
}

/** One session of a user, with a record of what it sent and received. */
export class ChatUser {
  readonly userId: string
  readonly session: ChatSession
  readonly acknowledged: Acknowledged[] = []
  /** The messages that the session received, by epoch. At `messages-lost` it reads the inbox from the beginning. */
  readonly epochs: Message[][] = [[]]
  /** Ends of the session, refused messages, and offsets that two messages had. */
  readonly faults: string[] = []
  /** The inbox's epoch in each `started`, of which each connection has one. */
  readonly starts: string[] = []
  /** When the session was last given `lost: true`. */
  #lossReportedAt = -Infinity
  /** The messages by epoch and offset. */
  readonly #bodies = new Map<string, string>()
  #id: string | null = null
  #isEnding = false

  private constructor(userId: string, { endpoint, ca }: Address, token: string) {
    this.userId = userId
    const { starts } = this
    const Socket = class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, ca && { ca })
        this.on('message', (data: Buffer) => {
          const frame = JSON.parse(data.toString()) as Record<string, unknown>
          if (frame['type'] === 'started') starts.push(String(frame['epoch']))
        })
      }
    }
    this.session = new ChatSession({ endpoint, appId, token, WebSocket: Socket })
    this.session.addEventListener('message', ({ detail: { message } }) => {
      this.received.push(message)
      this.#note(message)
    })
    this.session.addEventListener('error', ({ detail: { error } }) => {
      const { code } = error
      if (code !== 'messages-lost') return
      this.epochs.push([])
      this.#lossReportedAt = performance.now()
    })
    this.session.addEventListener('state', ({ detail: { state, error } }) => {
      if (!this.#isEnding && (state === 'ended' || state === 'failed'))
        this.faults.push(`the session of ${userId} is ${state}: ${error?.code ?? 'no error'}`)
    })
    // If a test fails, an open connection would keep the process of its file running.
    after(() => this.end())
  }

  static async start(userId: string, address: Address): Promise<ChatUser> {
    const user = new ChatUser(userId, address, await tokenFor(userId))
    const { succeeded } = await user.session.start()
    assert.ok(succeeded, userId)
    user.#id = user.session.sessionId
    return user
  }

  /** What the session received in the present epoch. */
  get received(): Message[] {
    return this.epochs.at(-1) ?? []
  }

  /** Whether the session is still the one that was started. */
  get hasKeptSession(): boolean {
    return this.#id !== null && this.session.sessionId === this.#id
  }

  /** Whether the session was given `lost: true` after a time. */
  wasLossReportedAfter(at: number): boolean {
    return this.#lossReportedAt > at
  }

  /** Sends numbered messages to others in turn until it is stopped. Resolves when all are acknowledged. */
  async sendUntil(stopped: AbortSignal, others: readonly string[]): Promise<void> {
    const numbers = new Map<string, number>()
    let turn = 0
    const worker = async (): Promise<void> => {
      while (!stopped.aborted) {
        const to = others[turn++ % others.length] ?? ''
        const number = numbers.get(to) ?? 0
        numbers.set(to, number + 1)
        const body = `${this.userId}>${to} ${number}`
        try {
          const { offset } = await this.session.send({ to, body })
          this.acknowledged.push({ to, body, offset, at: performance.now() })
          this.#note({ body, offset })
        } catch (error) {
          this.faults.push(`"${body}" was refused: ${String(error)}`)
        }
        await pause(PACE * Math.random())
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  }

  /** Returns the whole inbox. */
  async inbox(): Promise<Message[]> {
    const all = await wholeInbox(this.session)
    all.forEach((message) => this.#note(message))
    return all
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.session.end()
  }

  #note({ offset, body = '' }: Pick<Message, 'offset' | 'body'>): void {
    const place = `offset ${offset} of epoch ${this.starts.at(-1)}`
    const earlier = this.#bodies.get(place) ?? body
    if (earlier !== body)
      this.faults.push(`${this.userId}: ${place} was given to "${earlier}" and to "${body}"`)
    this.#bodies.set(place, body)
  }
}

/** A time, as `performance.now()` returns it, in which acknowledged messages may have been lost. */
export interface Loss {
  from: number
  until: number
}

export interface FinishOptions {
  losses?: readonly Loss[]
  /** Whether the inboxes of a sender and a recipient may be on different servers, so that one of them has a message that the other lost. */
  areApart?: boolean
  /** Whether no session may have connected again. */
  isUnfelt?: boolean
}

export interface Crowd {
  readonly users: readonly ChatUser[]
  /** How many messages were acknowledged so far. */
  acknowledged(): number
  /**
   * Sends no more messages. Compares each inbox with the acknowledged messages and with what the session received: each message must be
   * there once and in order. Throws with all faults. Resolves with the number of messages in all inboxes, and the number of lost ones. If
   * a user's session was given `lost: true` after a loss, messages of that loss may be missing in the user's inbox, or have later offsets. A
   * session that came back in the time of a loss, to a gateway on the old master, may be another one.
   */
  finish(options?: FinishOptions): Promise<{ count: number; lost: number }>
}

/** Starts one session of each user. All send to each other until `finish`. */
export const startCrowd = async (
  endpoint: string,
  userIds: readonly string[],
  ca?: Buffer,
): Promise<Crowd> => {
  const address = { endpoint, ...(ca && { ca }) }
  const users = await Promise.all(userIds.map((userId) => ChatUser.start(userId, address)))
  const stop = new AbortController()
  after(() => stop.abort())
  const sending = users.map((user) =>
    user.sendUntil(
      stop.signal,
      userIds.filter((userId) => userId !== user.userId),
    ),
  )
  return {
    users,
    acknowledged: () => users.reduce((sum, user) => sum + user.acknowledged.length, 0),
    async finish({ losses = [], areApart = false, isUnfelt = false } = {}) {
      stop.abort()
      await within(Promise.all(sending), 'acknowledgement of the last messages', TIMEOUT)
      const inboxes = new Map<string, Message[]>()
      for (const user of users)
        inboxes.set(user.userId, await within(user.inbox(), `inbox of ${user.userId}`, TIMEOUT))
      const offsets = new Map(
        [...inboxes].map(([userId, stored]) => [
          userId,
          new Map(stored.map(({ body = '', offset }) => [body, offset])),
        ]),
      )
      const byId = new Map(users.map((user) => [user.userId, user]))
      const faults: string[] = []
      for (const { userId, starts } of isUnfelt ? users : [])
        if (starts.length > 1)
          faults.push(`${userId} has connected ${starts.length} times, in the epochs ${starts.join()}`)
      /** The bodies that each inbox has lost, or got again, perhaps behind later messages. */
      const lost = new Map(userIds.map((userId) => [userId, new Set<string>()]))
      const lostBodies = new Set<string>()
      for (const user of users)
        for (const { to, body, offset, at } of user.acknowledged) {
          const own = offsets.get(user.userId)?.get(body)
          const isReceived = offsets.get(to)?.has(body) === true
          if (own === offset && isReceived) continue
          const both = [user.userId, to]
          const without = both.filter((userId) => offsets.get(userId)?.has(body) !== true)
          const isExpected =
            (areApart || without.length !== 1) &&
            losses.some(({ from, until }) => from < at && at < until) &&
            both.some((userId) => byId.get(userId)?.wasLossReportedAfter(at)) &&
            without.every((userId) => byId.get(userId)?.wasLossReportedAfter(at))
          if (isExpected) {
            both.forEach((userId) => lost.get(userId)?.add(body))
            if (without.length > 0) lostBodies.add(body)
          } else
            faults.push(
              `"${body}" was acknowledged at ${offset}: the sender has it at ${own ?? 'no offset'}, and ${to} ${isReceived ? 'has it' : 'does not have it'}`,
            )
        }
      let count = 0
      for (const user of users) {
        const { userId } = user
        const isLost = (body: string): boolean => lost.get(userId)?.has(body) === true
        const stored = inboxes.get(userId) ?? []
        count += stored.length
        faults.push(...orderFaults(stored, isLost).map((fault) => `inbox of ${userId}: ${fault}`))
        await until(`${userId} received all`, () => user.received.length >= stored.length, true, TIMEOUT)
        for (const received of user.epochs)
          faults.push(...orderFaults(received, isLost).map((fault) => `received by ${userId}: ${fault}`))
        if (user.received.length > stored.length)
          faults.push(`${userId} received ${user.received.length} messages of ${stored.length}`)
        if (!user.hasKeptSession) faults.push(`${userId} has another session`)
        faults.push(...user.faults)
      }
      assert.deepEqual(faults, [])
      return { count, lost: lostBodies.size }
    },
  }
}
