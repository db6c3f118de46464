import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine, Peer, Retention, UserRef } from '../../engine.js'
import { app, createRandom, deliver, until, type SuiteContext } from '../kit.js'

const OWNERS = 4
const OPERATIONS = 4_000
const PHASES = 5
/** How many messages an inbox keeps after most sends, and how many after the others. */
const KEPT = 40
const KEPT_SHORTLY = 7
const PAGE = 4
/** A large message has this many characters. An inbox has room for one of them and `KEPT` small ones, but not for two large ones. */
const LARGE = 16_000
const retention: Retention = { messages: KEPT, age: 3_600_000, bytes: 1.9 * LARGE }
/** The age in milliseconds that `expire` sets for a moment, and how many operations come after the messages that must expire. */
const SHORT_AGE = 60
const LATE_OPERATIONS = 15

interface Kept {
  offset: number
  from: string | null
  to: string
  isLarge: boolean
}

/** The expected answers to the calls about one owner: plain lists, which are searched for each answer. */
class Model {
  readonly owner: string
  messages: Kept[] = []
  newest = 0
  readOffset = 0
  /** The mark of each peer, with the peer's newest message when it was set. */
  marks = new Map<string | null, { offset: number; newest: Kept }>()

  constructor(owner: string) {
    this.owner = owner
  }

  add(message: Omit<Kept, 'offset'>, kept: number): void {
    const large = this.messages.findLastIndex(({ isLarge }) => isLarge && message.isLarge)
    this.messages.push({ ...message, offset: ++this.newest })
    this.messages = this.messages.slice(large + 1).slice(-kept)
  }

  peerOf({ from, to }: Kept): string | null {
    return from === this.owner ? to : from
  }

  with(peer: string | null): Kept[] {
    return this.messages.filter((message) => this.peerOf(message) === peer)
  }

  markOf(peer: string | null): number {
    const mark = this.marks.get(peer)
    return Math.max(this.readOffset, mark && this.messages.includes(mark.newest) ? mark.offset : 0)
  }

  unread(peer: string | null): number {
    const mark = this.markOf(peer)
    return this.with(peer).filter(({ offset, from }) => from !== this.owner && offset > mark).length
  }

  get peers(): { id: string | null; unread: number; readOffset: number; newest: number }[] {
    const ids = [...new Set(this.messages.map((message) => this.peerOf(message)))]
    return ids
      .map((id) => ({
        ...{ id, unread: this.unread(id), readOffset: this.markOf(id) },
        newest: this.with(id).at(-1)?.offset ?? 0,
      }))
      .sort((a, b) => b.newest - a.newest)
  }

  get state() {
    const unread = this.peers.reduce((sum, peer) => sum + peer.unread, 0)
    return { offset: this.newest, readOffset: this.readOffset, unread }
  }

  markRead(offset: number): void {
    this.readOffset = Math.max(this.readOffset, Math.min(offset, this.newest))
  }

  markPeerRead(peer: string | null, target: number): void {
    const offset = Math.min(target, this.newest)
    const newest = this.with(peer).at(-1)
    if (newest && offset > this.markOf(peer)) this.marks.set(peer, { offset, newest })
  }

  clear(): void {
    Object.assign(this, { messages: [], newest: 0, readOffset: 0, marks: new Map() })
  }
}

const summaryOf = ({ id, unread, readOffset, newest }: Peer) => ({
  ...{ id, unread, readOffset, newest: newest.offset },
})

/** Makes random calls for one owner, and compares each answer with the model. */
const operate = async (engine: Engine, model: Model, count: number, random: () => number): Promise<void> => {
  const of: UserRef = { appId: app, userId: model.owner }
  const pick = (max: number): number => Math.floor(random() * max)
  const peers = [...Array.from({ length: 4 }, (_, n) => `${model.owner} ${n}`), null, model.owner]
  const anyPeer = (): string | null => peers[pick(peers.length)] ?? null
  const anyOffset = (): number => Math.max(0, model.newest + 5 - pick(KEPT + 10))

  const compareState = async (): Promise<void> => {
    const { offset, readOffset, unread } = await engine.inbox(of)
    assert.deepEqual({ offset, readOffset, unread }, model.state)
  }
  const comparePeers = async (): Promise<void> => {
    const found: Peer[] = []
    for (let before = null, isLast = false; !isLast;) {
      const page = await engine.peers(of, before, PAGE)
      found.push(...page.peers)
      isLast = page.next === null
      before = page.next
    }
    assert.deepEqual(found.map(summaryOf), model.peers)
    const inbox = await engine.inbox(of)
    assert.equal((await engine.status(of)).unread, model.state.unread)
    for (const peer of peers) {
      const all = model.with(peer).map(({ offset }) => offset)
      const [from, limit] = [anyOffset(), 1 + pick(6)]
      const after = await engine.messagesWith(of, peer, { after: from }, limit)
      const later = all.filter((offset) => offset > from)
      assert.deepEqual(
        after.messages.map(({ offset }) => offset),
        later.slice(0, limit),
      )
      assert.equal(after.next, later.length > limit ? later[limit - 1] : null)
      const before = await engine.messagesWith(of, peer, { before: from }, limit)
      const earlier = all.filter((offset) => offset < from)
      assert.deepEqual(
        before.messages.map(({ offset }) => offset),
        earlier.slice(-limit),
      )
      assert.equal(before.next, earlier.length > limit ? earlier.at(-limit) : null)
      assert.deepEqual(before.inbox, inbox)
      assert.equal(before.newest, all.at(-1) ?? 0)
    }
    const exchanges = await engine.exchanges(of, peers)
    peers.forEach((peer, n) => {
      const own = model.with(peer)
      const received = own.some(({ from, to }) => from !== model.owner || to === from)
      assert.deepEqual(exchanges[n], { received, sent: own.some(({ from }) => from === model.owner) })
    })
  }

  for (let n = 0; n < count; n++) {
    const kind = random()
    if (kind < 0.55) {
      const messages = random() < 0.03 ? KEPT_SHORTLY : KEPT
      // With `KEPT_SHORTLY` only the backend sends: a message of a user with more unread messages than that could be refused.
      const peer = messages === KEPT ? anyPeer() : null
      const isSent = peer === model.owner || (peer !== null && random() < 0.25)
      const [from, to] = isSent ? [model.owner, peer] : [peer, model.owner]
      // A large message of another user could be refused, so only the owner and the backend send large ones.
      const isLarge = (isSent || peer === null) && random() < 0.03
      model.add({ from, to, isLarge }, messages)
      const body = 'x'.repeat(isLarge ? LARGE : 1)
      await deliver(engine, { from, to, body }, { retention: { ...retention, messages } })
    } else if (kind < 0.85) {
      const { epoch } = await engine.inbox(of)
      const [peer, offset] = [random() < 0.05 ? 'nobody' : anyPeer(), anyOffset()]
      model.markPeerRead(peer, offset)
      const read = await engine.markPeerRead(of, peer, { epoch, offset })
      assert.deepEqual(read, {
        inbox: { epoch, ...model.state },
        peer: { id: peer, unread: model.unread(peer), readOffset: model.markOf(peer) },
      })
    } else if (kind < 0.88) {
      const { epoch } = await engine.inbox(of)
      const offset = anyOffset()
      model.markRead(offset)
      assert.deepEqual(await engine.markRead(of, { epoch, offset }), { epoch, ...model.state })
    } else if (kind < 0.882) {
      model.clear()
      await engine.deleteUser(of)
    } else if (kind < 0.95) await comparePeers()
    await compareState()
  }
  await comparePeers()
}

/**
 * Calls `more`, which sends messages, and lets the messages from before the call expire. How many of the later messages also expire depends
 * on the machine, so the models take the oldest kept message from the engine.
 */
const expire = async (
  engine: Engine,
  models: readonly Model[],
  more: () => Promise<unknown>,
): Promise<void> => {
  const expired = models.map(({ newest }) => newest)
  await sleep(SHORT_AGE)
  await more()
  await engine.configure(app, { retention: { ...retention, age: SHORT_AGE }, webhooks: null })
  const firstOf = async ({ owner, newest }: Model): Promise<number> => {
    const of = { appId: app, userId: owner }
    const { epoch } = await engine.inbox(of)
    return (await engine.messagesAfter(of, { epoch, offset: 0 }, 1)).messages[0]?.offset ?? newest + 1
  }
  for (const [n, model] of models.entries())
    // If the user was deleted meanwhile, the offsets have begun anew, and nothing is left to expire.
    if (model.newest >= (expired[n] ?? 0))
      await until(`what ${model.owner} had expires`, async () => (await firstOf(model)) > (expired[n] ?? 0))
  await engine.configure(app, { retention, webhooks: null })
  for (const model of models) {
    const first = await firstOf(model)
    model.messages = model.messages.filter(({ offset }) => offset >= first)
  }
}

/** A part of the suite: the unread messages of an inbox and of each peer, compared with a model. */
export const peersModelSuite = ({ describe, on, reopen, durable }: SuiteContext): void => {
  describe('what is unread', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    on(
      `is what ${OPERATIONS} random operations make it, for an inbox and each peer (seed ${seed})`,
      async (engine) => {
        const random = createRandom(seed)
        const models = Array.from({ length: OWNERS }, (_, n) => new Model(`owner ${n}`))
        const randoms = models.map(() => createRandom(Math.floor(random() * 2 ** 31)))
        const operateAll = (count: number): Promise<unknown> =>
          Promise.all(models.map((model, n) => operate(engine, model, count, randoms[n] ?? random)))
        for (let phase = 0; phase < PHASES; phase++) {
          await operateAll(OPERATIONS / OWNERS / PHASES - LATE_OPERATIONS)
          const operateLate = (): Promise<unknown> => operateAll(LATE_OPERATIONS)
          await (phase % 2 === 0 ? expire(engine, models, operateLate) : operateLate())
          if (durable) await reopen(engine)
        }
      },
    )
  })
}
