import { createHmac } from 'node:crypto'
import type { Message } from '../../protocol/index.js'
import type { GroupCommit } from './group-commit.js'
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
import { Inbox, mayHaveExpired, messageOf, type InboxRow, type MessageRow } from './inbox.js'
import { Recent } from '../util/lru-cache.js'
import { digestOf, IdempotencyKeys, type StoredResult } from './idempotency.js'
import { lastOf, readAll, rows, type Operation, type Range, type Store } from './store.js'
import { Scheduler, type Job } from '../util/scheduler.js'
import { Usage } from './usage.js'
import type { Users } from './users.js'

/** How many inboxes are kept at hand. */
const MAX_CACHED = 20_000
/** What a message takes besides its content, about, in bytes: its key, and what is counted with it. */
const MESSAGE_OVERHEAD = 100
/** Inboxes that are looked at together for what is too old, and about the most messages that are deleted with them. */
const INBOXES_PER_STEP = 32
const MAX_DELETIONS_PER_STEP = 256
/** Milliseconds from one such look to the next, and after one that found something, which has taken longer. */
const STEP_DELAY = 100
const WORK_DELAY = 20
/** When all inboxes of an app were looked at: a rest of so much of what messages may be old, in these bounds. */
const SWEEP_RATIO = 1 / 32
const MIN_SWEEP_INTERVAL = 1_000
const MAX_SWEEP_INTERVAL = 3_600_000

const EPOCH_BYTES = 12

export interface InboxesOptions {
  store: Store
  commit: GroupCommit
  users: Users
  /** Another one when acknowledged writes may be gone. */
  epochKey: string
  emit: (told: EngineEvent) => void
  /** Told what fails for nobody who asked. */
  onError: (error: unknown) => void
}

/** What an app keeps, and where the look through its inboxes has come to. */
interface RetentionSweep {
  retention: Retention
  after: string | undefined
  job: Job
}

/** The inboxes in a store. */
export class Inboxes {
  readonly #store: Store
  readonly #commit: GroupCommit
  readonly #users: Users
  readonly #epochKey: string
  readonly #emit: (told: EngineEvent) => void
  readonly #usage: Usage
  readonly #idempotencyKeys: IdempotencyKeys
  readonly #cache = new Recent<Inbox>(MAX_CACHED, (inbox) => this.#isSettled(inbox))
  readonly #scheduler: Scheduler
  readonly #sweeps = new Map<string, RetentionSweep>()
  readonly #reads = new Set<Promise<unknown>>()
  /** Apps that there was no room for in this turn. */
  readonly #full = new Set<string>()

  constructor({ store, commit, users, epochKey, emit: tell, onError }: InboxesOptions) {
    this.#store = store
    this.#commit = commit
    this.#users = users
    this.#epochKey = epochKey
    this.#emit = tell
    this.#usage = new Usage(store, commit)
    this.#scheduler = new Scheduler(() => commit.isWritable, onError)
    this.#idempotencyKeys = new IdempotencyKeys(store, commit, this.#scheduler)
  }

  retain(appId: string, retention: Retention): void {
    const known = this.#sweeps.get(appId)
    if (known?.retention.age === retention.age) {
      known.retention = retention
      return
    }
    const aging = known?.job ?? this.#scheduler.job((now) => this.#sweep(appId, now))
    this.#sweeps.set(appId, { retention, after: undefined, job: aging })
    this.#scheduler.schedule(aging, Date.now())
  }

  state(of: UserRef): InboxState {
    return this.#open(of).state()
  }

  send(draft: NewMessage, rules: SendRules): Promise<SendResult> {
    this.#commit.assertWritable()
    const now = Date.now()
    this.retain(draft.appId, rules.retention)
    const idRow = rows.sent(draft)
    const digest = digestOf(draft)
    const earlier = this.#idempotencyKeys.find(idRow, digest, now)
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
    const size = Buffer.byteLength(json) + MESSAGE_OVERHEAD
    const more = { inboxes: inboxes.filter(({ exists }) => !exists).length, bytes: size * inboxes.length }
    const operations: Operation[] = []
    for (const inbox of inboxes) this.#deleteUnretained(inbox, rules.retention, now, false, operations)
    if (!this.#usage.fits(appId, more, rules.quota)) {
      for (const inbox of inboxes) this.#deleteUnretained(inbox, rules.retention, now, true, operations)
    }
    if (this.#full.has(appId) || !this.#usage.fits(appId, more, rules.quota)) {
      this.#defer(operations)
      this.#holdFull(appId)
      return Promise.resolve({ outcome: 'full' })
    }

    this.#usage.add(appId, more)
    const copies = inboxes.map((inbox) => {
      const isReceived = from !== inbox.of.userId
      operations.push(inbox.append(json, size, isReceived, now, rules.retention.messages))
      if (inbox.isBehind) this.#markChanged(inbox)
      inbox.batch = this.#commit.nextBatch
      return { inbox, mark: inbox.assigned }
    })
    const [offset = 0, ownOffset = offset] = copies.map(({ mark }) => mark.offset)
    const sent: StoredResult = {
      outcome: 'stored',
      offset,
      ownOffset: from === null ? null : ownOffset,
      sentAt: now,
    }
    operations.push(this.#idempotencyKeys.add(idRow, digest, sent, now + rules.sendWindow))
    const answer = new Promise<StoredResult>((resolve, reject) => {
      const settle = (): void => {
        this.#idempotencyKeys.removePending(idRow)
        for (const { inbox, mark } of copies) {
          inbox.settle(mark)
          this.#emitMessage(inbox, { offset: mark.offset, ...content })
        }
        resolve(sent)
      }
      this.#commit.write(operations, { resolve: settle, reject })
    })
    this.#idempotencyKeys.addPending(idRow, digest, answer)
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
    this.#commit.assertWritable()
    if (!inbox.markRead(offset)) return inbox.state()
    this.#markChanged(inbox)
    this.#emit({ type: 'read', user: inbox.of, inbox: inbox.state() })
    return inbox.state()
  }

  /**
   * Goes on for inboxes whose store has failed: read marks that were on their way are kept, and messages that turn out
   * to be there, though nobody could know, are told.
   */
  async takeOver(from: Inboxes): Promise<void> {
    for (const [appId, { retention }] of from.#sweeps) this.retain(appId, retention)
    for (const before of from.#cache.values()) {
      if (from.#isSettled(before)) continue
      const inbox = this.#open(before.of)
      if (inbox.epoch !== before.epoch) continue
      if (inbox.markRead(before.readOffset)) this.#markChanged(inbox)
      const untold = await this.#messages(
        before.of,
        before.durable.offset + 1,
        inbox.durable.offset + 1,
        Infinity,
      )
      for (const message of untold) this.#emitMessage(inbox, message)
    }
  }

  /** Tidies up no more, and resolves when nothing is read. */
  async stop(): Promise<void> {
    await this.#scheduler.stop()
    while (this.#reads.size > 0) await Promise.allSettled(this.#reads)
  }

  #open({ appId, userId }: UserRef): Inbox {
    const of = { appId, userId }
    const row = rows.inbox(of)
    const known = this.#cache.get(row)
    if (known) return known
    // An inbox needs no row to have an epoch: it follows from whose it is.
    const mac = createHmac('sha256', this.#epochKey).update(row).digest()
    const epoch = mac.toString('base64url', 0, EPOCH_BYTES)
    const inbox = new Inbox(of, epoch, this.#store)
    this.#cache.set(row, inbox)
    return inbox
  }

  #emitMessage({ of, epoch }: Inbox, message: Message): void {
    this.#emit({ type: 'message', user: of, epoch, message })
  }

  #markChanged(inbox: Inbox): void {
    inbox.exists = true
    inbox.batch = this.#commit.nextBatch
    this.#commit.defer(inbox.row, inbox.write)
  }

  #isSettled(inbox: Inbox): boolean {
    return inbox.batch <= this.#commit.lastWritten
  }

  #messages(of: UserRef, from: number, to: number, limit: number, reverse = false): Promise<Message[]> {
    if (from >= to) return Promise.resolve([])
    const range: Range = { ...rows.messages(of, from, to), reverse, limit }
    return this.#trackRead(readAll<MessageRow>(this.#store, range)).then((found) =>
      found.map(([, kept]) => messageOf(kept)),
    )
  }

  /** Lets go of what an inbox need not keep; `pressing`: of the last byte of it. */
  #deleteUnretained(
    inbox: Inbox,
    { messages, age }: Retention,
    now: number,
    pressing: boolean,
    operations: Operation[],
  ): void {
    const { first } = inbox.durable
    if (inbox.hasExpired(now, age)) inbox.expire(now, age)
    if (pressing) inbox.trim(messages)
    const swept = inbox.sweep(pressing)
    if (inbox.durable.first !== first || swept) this.#markChanged(inbox)
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
  async #sweep(appId: string, now: number): Promise<number> {
    const keeps = this.#sweeps.get(appId)
    if (!keeps) return Infinity
    const { retention } = keeps
    const range = { ...rows.inboxesAfter(appId, keeps.after), limit: INBOXES_PER_STEP }
    const found = await readAll<InboxRow>(this.#store, range)
    const operations: Operation[] = []
    let looked = 0
    for (const [row, kept] of found) {
      if (operations.length >= MAX_DELETIONS_PER_STEP) break
      if (mayHaveExpired(kept, now, retention.age)) {
        const inbox = this.#open({ appId, userId: lastOf(row) })
        if (inbox.hasExpired(now, retention.age))
          this.#deleteUnretained(inbox, retention, now, true, operations)
        // There is more of it than is looked at in one go.
        if (inbox.hasExpired(now, retention.age)) break
      }
      keeps.after = row
      looked++
    }
    if (operations.length > 0) {
      this.#defer(operations)
      await this.#commit.flush()
    }
    if (looked === INBOXES_PER_STEP) return now + STEP_DELAY
    if (looked < found.length) return Date.now() + WORK_DELAY
    keeps.after = undefined
    return now + Math.min(Math.max(retention.age * SWEEP_RATIO, MIN_SWEEP_INTERVAL), MAX_SWEEP_INTERVAL)
  }

  #defer(operations: Operation[]): void {
    const [first] = operations
    if (first) this.#commit.defer(`gone ${first.key}`, (batch) => batch.push(...operations))
  }

  #trackRead<T>(work: Promise<T>): Promise<T> {
    this.#reads.add(work)
    const leave = (): boolean => this.#reads.delete(work)
    work.then(leave, leave)
    return work
  }
}
