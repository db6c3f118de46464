import assert from 'node:assert/strict'
import { after } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { ChatSession, type Message } from '../../src/session/index.js'
import { orderFaults } from '../faults/order-faults.js'
import { within } from '../support/raw-client.js'
import { appId, tokenFor } from '../support/tokens.js'
import { until } from '../support/until.js'

/** Messages that a user has sent and that are not acknowledged. */
const IN_FLIGHT = 4
/** Milliseconds between two messages of one of these. */
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
}

/** One session of a user, with a record of what it sent and received. */
export class ChatUser {
  readonly userId: string
  readonly session: ChatSession
  readonly acknowledged: Acknowledged[] = []
  /** What the session received, by epoch: with `messages-lost` it begins to read the inbox again. */
  readonly epochs: Message[][] = [[]]
  /** Ends of the session, and messages that were refused. */
  readonly faults: string[] = []
  #isEnding = false

  private constructor(userId: string, { endpoint, ca }: Address, token: string) {
    this.userId = userId
    const Socket = class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, ca && { ca })
      }
    }
    this.session = new ChatSession({ endpoint, appId, token, WebSocket: Socket as never })
    this.session.addEventListener('message', ({ detail }) => this.received.push(detail))
    this.session.addEventListener('error', ({ detail: { code } }) => {
      if (code === 'messages-lost') this.epochs.push([])
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
    return user
  }

  /** What the session received in the present epoch. */
  get received(): Message[] {
    return this.epochs.at(-1) ?? []
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
          this.acknowledged.push({ to, body, offset })
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
    const all: Message[] = []
    for (;;) {
      const page = await this.session.history({ after: all.at(-1)?.offset ?? 0, limit: 100 })
      if (page.length === 0) return all
      all.push(...page)
    }
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.session.end()
  }
}

export interface Crowd {
  readonly users: readonly ChatUser[]
  /** How many messages were acknowledged so far. */
  acknowledged(): number
  /**
   * Sends no more. Compares each inbox with what was acknowledged and with what the session received: each message is there
   * once and in order. Throws with all faults. Resolves with the number of messages in all inboxes.
   */
  finish(): Promise<number>
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
    async finish() {
      stop.abort()
      await within(Promise.all(sending), 'acknowledgement of the last messages', TIMEOUT)
      const inboxes = new Map<string, Map<string, number>>()
      let count = 0
      const faults = users.flatMap(({ faults: ofUser }) => ofUser)
      for (const user of users) {
        const { userId } = user
        const stored = await within(user.inbox(), `inbox of ${userId}`, TIMEOUT)
        count += stored.length
        inboxes.set(userId, new Map(stored.map(({ body = '', offset }) => [body, offset])))
        faults.push(...orderFaults(stored).map((fault) => `inbox of ${userId}: ${fault}`))
        await until(`${userId} received all`, () => user.received.length >= stored.length, true, TIMEOUT)
        for (const received of user.epochs)
          faults.push(...orderFaults(received).map((fault) => `received by ${userId}: ${fault}`))
        if (user.received.length > stored.length)
          faults.push(`${userId} received ${user.received.length} messages of ${stored.length}`)
      }
      for (const { userId, acknowledged } of users)
        for (const { to, body, offset } of acknowledged) {
          const own = inboxes.get(userId)?.get(body)
          if (own !== offset)
            faults.push(
              `"${body}" was acknowledged at ${offset}, and the sender has it at ${own ?? 'no offset'}`,
            )
          if (inboxes.get(to)?.get(body) === undefined)
            faults.push(`"${body}" was acknowledged, and ${to} does not have it`)
        }
      assert.deepEqual(faults, [])
      return count
    },
  }
}
