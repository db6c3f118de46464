import { createHmac } from 'node:crypto'
import type { Message } from '../protocol/index.js'
import type { Commit } from './commit.js'
import type { Draft, InboxState, Page, Position, SendRules, Sent, Signal, UserRef } from './engine.js'
import { Inbox, messageOf, type KeptMessage } from './inbox.js'
import { Recent } from './recent.js'
import { digestOf, SentIds, type Stored } from './sent-ids.js'
import { lastOf, readAll, rows, type Operation, type Range, type Store } from './store.js'
import { Usage } from './usage.js'
import type { Users } from './users.js'

/** How many inboxes are kept at hand. */
const AT_HAND = 20_000
/** What a message takes besides its content, about, in bytes: its key, and what is counted with it. */
const AROUND = 100
/** How often idle inboxes of an app are looked through for what is too old, in milliseconds, and how many at once. */
const ROUND = 1_000
const PER_ROUND = 32

const EPOCH_LENGTH = 16

export interface InboxesOptions {
  store: Store
  commit: Commit
  users: Users
  /** Another one when acknowledged writes may be gone. */
  epochKey: string
  tell: (told: Signal) => void
}

/** The inboxes in a store. */
export class Inboxes {
  readonly #store: Store
  readonly #commit: Commit
  readonly #users: Users
  readonly #epochKey: string
  readonly #tell: (told: Signal) => void
  readonly #usage: Usage
  readonly #ids: SentIds
  readonly #recent = new Recent<Inbox>(AT_HAND, (inbox) => this.#isSettled(inbox))
  /** Where the look through an app's idle inboxes has come to, and when it goes on. */
  readonly #rounds = new Map<string, { row: string | undefined; at: number }>()
  readonly #underWay = new Set<Promise<unknown>>()
  /** Apps that there was no room for in this turn. */
  readonly #full = new Set<string>()

  constructor({ store, commit, users, epochKey, tell }: InboxesOptions) {
    this.#store = store
    this.#commit = commit
    this.#users = users
    this.#epochKey = epochKey
    this.#tell = tell
    this.#usage = new Usage(store, commit)
    this.#ids = new SentIds(store, commit)
  }

  state(of: UserRef): InboxState {
    return this.#open(of).state()
  }

  send(draft: Draft, rules: SendRules): Promise<Sent> {
    this.#commit.check()
    const now = Date.now()
    this.#tidy(draft.appId, rules, now)
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
    for (const inbox of inboxes) this.#free(inbox, rules, now, false, operations)
    if (!this.#usage.fits(appId, more, rules.quota)) {
      for (const inbox of inboxes) this.#free(inbox, rules, now, true, operations)
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

  async after(of: UserRef, position: Position, limit: number): Promise<Page> {
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

  /** Resolves when nothing is read and nothing tidied up any more. */
  async done(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
  }

  #open({ appId, userId }: UserRef): Inbox {
    const of = { appId, userId }
    const row = rows.inbox(of)
    const known = this.#recent.get(row)
    if (known) return known
    // An inbox needs no row to have an epoch: it follows from whose it is.
    const epoch = createHmac('sha256', this.#epochKey).update(row).digest('base64url').slice(0, EPOCH_LENGTH)
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
  #free(inbox: Inbox, rules: SendRules, now: number, pressing: boolean, operations: Operation[]): void {
    const { first } = inbox.durable
    if (inbox.isAging(now, rules.retention.age)) inbox.dropOld(now, rules.retention.age)
    if (pressing) inbox.dropBeyond(rules.retention.messages)
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

  /** Takes away what is over, a little with every message, since nothing else would. */
  #tidy(appId: string, rules: SendRules, now: number): void {
    if (this.#ids.isDue(now)) this.#inBackground(this.#ids.sweep(now))
    const round = this.#rounds.get(appId)
    if (round && now < round.at) return
    const row = round?.row
    this.#rounds.set(appId, { row, at: now + ROUND })
    this.#inBackground(this.#ageIdle(appId, row, rules, now))
  }

  /** Looks at the next few inboxes of an app, for messages that are too old in inboxes that nobody writes to. */
  async #ageIdle(appId: string, after: string | undefined, rules: SendRules, now: number): Promise<void> {
    const range = { ...rows.inboxesAfter(appId, after), limit: PER_ROUND }
    const found = await readAll(this.#store, range)
    const operations: Operation[] = []
    let row = after
    let isUnfinished = false
    for (const [next] of found) {
      const inbox = this.#open({ appId, userId: lastOf(next) })
      if (inbox.isAging(now, rules.retention.age)) this.#free(inbox, rules, now, true, operations)
      isUnfinished = inbox.isAging(now, rules.retention.age)
      if (isUnfinished) break
      row = next
    }
    this.#later(operations)
    const isOver = !isUnfinished && found.length < PER_ROUND
    this.#rounds.set(appId, { row: isOver ? undefined : row, at: now + ROUND })
  }

  #later(operations: Operation[]): void {
    const [first] = operations
    if (first) this.#commit.later(`gone ${first.key}`, (batch) => batch.push(...operations))
  }

  #inBackground(work: Promise<void>): void {
    // Whatever it fails of, the next message meets too, and tells.
    this.#track(work).catch(() => undefined)
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    const leave = (): boolean => this.#underWay.delete(work)
    work.then(leave, leave)
    return work
  }
}
