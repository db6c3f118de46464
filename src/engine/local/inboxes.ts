import { createHmac } from 'node:crypto'
import type { Message } from '../../protocol/index.js'
import type { Commit } from './group-commit.js'
import type {
  NewMessage,
  InboxState,
  MessagePage,
  Position,
  Retention,
  SendRules,
  SendResult,
  EngineEvent,
  UserRef,
} from '../engine.js'
import { Inbox, mayAge, messageOf, type KeptInbox, type KeptMessage } from './inbox.js'
import { Recent } from '../util/lru-cache.js'
import { digestOf, SentIds, type Stored } from './idempotency.js'
import { lastOf, readAll, rows, type Operation, type Range, type Store } from './store.js'
import { Upkeep, type Chore } from '../util/scheduler.js'
import { Usage } from './usage.js'
import type { Users } from './users.js'

/** How many inboxes are kept at hand. */
const AT_HAND = 20_000
/** What a message takes besides its content, about, in bytes: its key, and what is counted with it. */
const AROUND = 100
/** Inboxes that are looked at together for what is too old, and about the most messages that are deleted with them. */
const SLICE = 32
const MOST_GONE = 256
/** Milliseconds from one such look to the next, and after one that found something, which has taken longer. */
const PAUSE = 100
const PAUSE_AFTER_WORK = 20
/** When all inboxes of an app were looked at: a rest of so much of what messages may be old, in these bounds. */
const REST = 1 / 32
const SHORTEST_REST = 1_000
const LONGEST_REST = 3_600_000

const EPOCH_BYTES = 12

export interface InboxesOptions {
  store: Store
  commit: Commit
  users: Users
  /** Another one when acknowledged writes may be gone. */
  epochKey: string
  tell: (told: EngineEvent) => void
  /** Told what fails for nobody who asked. */
  onError: (error: unknown) => void
}

/** What an app keeps, and where the look through its inboxes has come to. */
interface Keeps {
  retention: Retention
  after: string | undefined
  aging: Chore
}

/** The inboxes in a store. */
export class Inboxes {
  readonly #store: Store
  readonly #commit: Commit
  readonly #users: Users
  readonly #epochKey: string
  readonly #tell: (told: EngineEvent) => void
  readonly #usage: Usage
  readonly #ids: SentIds
  readonly #recent = new Recent<Inbox>(AT_HAND, (inbox) => this.#isSettled(inbox))
  readonly #upkeep: Upkeep
  readonly #keeps = new Map<string, Keeps>()
  readonly #underWay = new Set<Promise<unknown>>()
  /** Apps that there was no room for in this turn. */
  readonly #full = new Set<string>()

  constructor({ store, commit, users, epochKey, tell, onError }: InboxesOptions) {
    this.#store = store
    this.#commit = commit
    this.#users = users
    this.#epochKey = epochKey
    this.#tell = tell
    this.#usage = new Usage(store, commit)
    this.#upkeep = new Upkeep(() => commit.takesWrites, onError)
    this.#ids = new SentIds(store, commit, this.#upkeep)
  }

  retain(appId: string, retention: Retention): void {
    const known = this.#keeps.get(appId)
    if (known?.retention.age === retention.age) {
      known.retention = retention
      return
    }
    const aging = known?.aging ?? this.#upkeep.chore((now) => this.#age(appId, now))
    this.#keeps.set(appId, { retention, after: undefined, aging })
    this.#upkeep.want(aging, Date.now())
  }

  state(of: UserRef): InboxState {
    return this.#open(of).state()
  }

  send(draft: NewMessage, rules: SendRules): Promise<SendResult> {
    this.#commit.check()
    const now = Date.now()
    this.retain(draft.appId, rules.retention)
    const idRow = rows.sent(draft)
    const digest = digestOf(draft)
    const earlier = this.#ids.find(idRow, digest, now)
    if (earlier) return earlier
    const { appId, id, from, to, body, data } = draft
    const recipient = { appId, userId: to }
    if (!rules.unknownRecipients && this.#users.sender(recipient) === undefined) {
      return Promise.resolve({ outcome: 'unknown-user' })
    }
    const sender = from === null ? null : (this.#users.sender({ appId, userId: from }) ?? null)
    const given = {
      id,
      from,
      to,
      sender,
      ...(body !== undefined && { body }),
      ...(data && { data }),
      sentAt: now,
    }
    const json = JSON.stringify(given)
    // What was given stays the caller's; what is told is read back.
    const content = data ? (JSON.parse(json) as typeof given) : given

    const inboxes = [this.#open(recipient)]
    if (from !== null && from !== to) inboxes.push(this.#open({ appId, userId: from }))
    const size = Buffer.byteLength(json) + AROUND
    const more = { inboxes: inboxes.filter(({ exists }) => !exists).length, bytes: size * inboxes.length }
    const operations: Operation[] = []
    for (const inbox of inboxes) this.#free(inbox, rules.retention, now, false, operations)
    if (!this.#usage.fits(appId, more, rules.quota)) {
      for (const inbox of inboxes) this.#free(inbox, rules.retention, now, true, operations)
    }
    if (this.#full.has(appId) || !this.#usage.fits(appId, more, rules.quota)) {
      this.#later(operations)
      this.#holdFull(appId)
      return Promise.resolve({ outcome: 'full' })
    }

    this.#usage.add(appId, more)
    const copies = inboxes.map((inbox) => {
      const isReceived = from !== inbox.of.userId
      operations.push(inbox.append(json, size, isReceived, now, rules.retention.messages))
      if (inbox.isBehind) this.#changed(inbox)
      inbox.batch = this.#commit.gathering
      return { inbox, mark: inbox.assigned }
    })
    const [offset = 0, ownOffset = offset] = copies.map(({ mark }) => mark.offset)
    const sent: Stored = {
      outcome: 'stored',
      offset,
      ownOffset: from === null ? null : ownOffset,
      sentAt: now,
    }
    operations.push(this.#ids.add(idRow, digest, sent, now + rules.sendWindow))
    const answer = new Promise<Stored>((resolve, reject) => {
      const settle = (): void => {
        this.#ids.settled(idRow)
        for (const { inbox, mark } of copies) {
          inbox.settle(mark)
          this.#tellMessage(inbox, { offset: mark.offset, ...content })
        }
        resolve(sent)
      }
      this.#commit.write(operations, { resolve: settle, reject })
    })
    this.#ids.wait(idRow, digest, answer)
    return answer
  }

  async after(of: UserRef, position: Position, limit: number): Promise<MessagePage> {
    const inbox = this.#open(of)
    const { first, offset: newest } = inbox.durable
    const comparable = position.epoch === inbox.epoch && position.offset <= newest
    const from = comparable ? position.offset : 0
    const messages = await this.#messages(of, Math.max(from + 1, first), newest + 1, limit)
    // By what was found: some may have gone while it was read.
    const next = messages[0]?.offset ?? newest + 1
    return { messages, lost: !comparable || next > from + 1 }
  }

  async before(
    of: UserRef,
    { epoch, offset }: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null> {
    const inbox = this.#open(of)
    if (epoch !== inbox.epoch) return null
    const { first, offset: newest } = inbox.durable
    const messages = await this.#messages(of, first, Math.min(offset ?? Infinity, newest + 1), limit, true)
    return messages.reverse()
  }

  markRead(of: UserRef, { epoch, offset }: Position): InboxState | null {
    const inbox = this.#open(of)
    if (epoch !== inbox.epoch) return null
    this.#commit.check()
    if (!inbox.markRead(offset)) return inbox.state()
    this.#changed(inbox)
    this.#tell({ type: 'read', user: inbox.of, inbox: inbox.state() })
    return inbox.state()
  }

  /**
   * Goes on for inboxes whose store has failed: read marks that were on their way are kept, and messages that turn out
   * to be there, though nobody could know, are told.
   */
  async takeOver(from: Inboxes): Promise<void> {
    for (const [appId, { retention }] of from.#keeps) this.retain(appId, retention)
    for (const before of from.#recent.values()) {
      if (from.#isSettled(before)) continue
      const inbox = this.#open(before.of)
      if (inbox.epoch !== before.epoch) continue
      if (inbox.markRead(before.readOffset)) this.#changed(inbox)
      const untold = await this.#messages(
        before.of,
        before.durable.offset + 1,
        inbox.durable.offset + 1,
        Infinity,
      )
      for (const message of untold) this.#tellMessage(inbox, message)
    }
  }

  /** Tidies up no more, and resolves when nothing is read. */
  async done(): Promise<void> {
    await this.#upkeep.stop()
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
  }

  #open({ appId, userId }: UserRef): Inbox {
    const of = { appId, userId }
    const row = rows.inbox(of)
    const known = this.#recent.get(row)
    if (known) return known
    // An inbox needs no row to have an epoch: it follows from whose it is.
    const mac = createHmac('sha256', this.#epochKey).update(row).digest()
    const epoch = mac.toString('base64url', 0, EPOCH_BYTES)
    const inbox = new Inbox(of, epoch, this.#store)
    this.#recent.set(row, inbox)
    return inbox
  }

  #tellMessage({ of, epoch }: Inbox, message: Message): void {
    this.#tell({ type: 'message', user: of, epoch, message })
  }

  #changed(inbox: Inbox): void {
    inbox.exists = true
    inbox.batch = this.#commit.gathering
    this.#commit.later(inbox.row, inbox.write)
  }

  #isSettled(inbox: Inbox): boolean {
    return inbox.batch <= this.#commit.written
  }

  #messages(of: UserRef, from: number, to: number, limit: number, reverse = false): Promise<Message[]> {
    if (from >= to) return Promise.resolve([])
    const range: Range = { ...rows.messages(of, from, to), reverse, limit }
    return this.#track(readAll<KeptMessage>(this.#store, range)).then((found) =>
      found.map(([, kept]) => messageOf(kept)),
    )
  }

  /** Lets go of what an inbox need not keep; `pressing`: of the last byte of it. */
  #free(
    inbox: Inbox,
    { messages, age }: Retention,
    now: number,
    pressing: boolean,
    operations: Operation[],
  ): void {
    const { first } = inbox.durable
    if (inbox.isAging(now, age)) inbox.dropOld(now, age)
    if (pressing) inbox.dropBeyond(messages)
    const swept = inbox.sweep(pressing)
    if (inbox.durable.first !== first || swept) this.#changed(inbox)
    if (!swept) return
    for (const operation of swept.operations) operations.push(operation)
    this.#usage.add(inbox.of.appId, { inboxes: 0, bytes: -swept.freed })
  }

  /** A smaller message right behind one that did not fit must not overtake it before its sender can know. */
  #holdFull(appId: string): void {
    this.#full.add(appId)
    queueMicrotask(() => this.#full.delete(appId))
  }

  /** Looks at the next few inboxes of an app, for messages that are too old. */
  async #age(appId: string, now: number): Promise<number> {
    const keeps = this.#keeps.get(appId)
    if (!keeps) return Infinity
    const { retention } = keeps
    const range = { ...rows.inboxesAfter(appId, keeps.after), limit: SLICE }
    const found = await readAll<KeptInbox>(this.#store, range)
    const operations: Operation[] = []
    let looked = 0
    for (const [row, kept] of found) {
      if (operations.length >= MOST_GONE) break
      if (mayAge(kept, now, retention.age)) {
        const inbox = this.#open({ appId, userId: lastOf(row) })
        if (inbox.isAging(now, retention.age)) this.#free(inbox, retention, now, true, operations)
        // There is more of it than is looked at in one go.
        if (inbox.isAging(now, retention.age)) break
      }
      keeps.after = row
      looked++
    }
    if (operations.length > 0) {
      this.#later(operations)
      await this.#commit.passedOn()
    }
    if (looked === SLICE) return now + PAUSE
    if (looked < found.length) return Date.now() + PAUSE_AFTER_WORK
    keeps.after = undefined
    return now + Math.min(Math.max(retention.age * REST, SHORTEST_REST), LONGEST_REST)
  }

  #later(operations: Operation[]): void {
    const [first] = operations
    if (first) this.#commit.later(`gone ${first.key}`, (batch) => batch.push(...operations))
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    const leave = (): boolean => this.#underWay.delete(work)
    work.then(leave, leave)
    return work
  }
}
