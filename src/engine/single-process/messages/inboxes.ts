import { isGuestId } from '../../../protocol/index.js'
import type {
  Adoption,
  AdoptionRequest,
  EngineEvent,
  InboxState,
  CheckedMessage,
  Position,
  Retention,
  SendResult,
  SendRules,
  UserRef,
} from '../../engine.js'
import type { Clock } from '../../../util/clock.js'
import { Scheduler } from '../../../util/scheduler.js'
import { engineRules } from '../../rules.js'
import type { GroupCommit } from '../store/group-commit.js'
import { AdoptedMessages } from './adopted-messages.js'
import type { Inbox } from './inbox.js'
import { StoredIdempotencyKeys, type IdempotencyKeys, type StoredResult } from './idempotency.js'
import { PendingSend, messageAt, type Content, type SentInboxes } from './pending-send.js'
import { InboxPurge } from './inbox-purge.js'
import { InboxReader } from './inbox-reader.js'
import { InboxTable } from './inbox-table.js'
import { Peers } from './peers.js'
import { MemoryIdempotencyKeys } from './memory-idempotency.js'
import { Reads } from '../store/reads.js'
import { RetentionSweep, type SweptInboxes } from './retention-sweep.js'
import type { Pushes } from '../push/pushes.js'
import type { Adoptions } from '../sessions/adoptions.js'
import type { Revocations } from '../sessions/revocations.js'
import { SenderShares } from './sender-shares.js'
import { rows, userKey } from '../store/rows.js'
import { del, type Operation, type Store } from '../store/store.js'
import { UnreadChecks } from './unread-checks.js'
import { UnreadLimit } from './unread-limit.js'
import { WaitingSends } from './waiting-sends.js'
import type { Usage } from '../store/usage.js'
import type { Users } from '../sessions/users.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'

const NOBODY: readonly UserRef[] = []

export interface InboxesOptions {
  store: Store
  commit: GroupCommit
  users: Users
  usage: Usage
  revocations: Revocations
  adoptions: Adoptions
  pushes: Pushes
  webhooks: WebhookEvents
  /** The clock of every duration in the store. */
  clock: Clock
  /** The secret from which epochs are derived. It changes when acknowledged writes may be missing. */
  epochKey: string
  /** Whether the store is on a disk. */
  isPersistent: boolean
  /** About how many bytes the inboxes in memory may take. */
  cacheBytes: number
  emit: (event: EngineEvent) => void
  /** Called when retention has deleted the last message of an inbox. */
  onEmptied: (of: UserRef) => void
  /** Called with errors of background jobs. */
  onError: (error: unknown) => void
}

/** The inboxes in a store. */
export class Inboxes {
  readonly reader: InboxReader
  readonly peers: Peers
  readonly #commit: GroupCommit
  readonly #users: Users
  readonly #clock: Clock
  readonly #emit: (event: EngineEvent) => void
  readonly #onEmptied: (of: UserRef) => void
  readonly #usage: Usage
  readonly #revocations: Revocations
  readonly #adoptions: Adoptions
  readonly #pushes: Pushes
  readonly #adopted: AdoptedMessages
  readonly #idempotencyKeys: IdempotencyKeys
  readonly #table: InboxTable
  readonly #unreadLimit: UnreadLimit
  readonly #waitingSends = new WaitingSends()
  readonly #shares: SenderShares
  readonly #scheduler: Scheduler
  readonly #retentionSweep: RetentionSweep
  readonly #purge: InboxPurge
  readonly #webhooks: WebhookEvents
  readonly #unreadChecks: UnreadChecks
  readonly #reads: Reads
  /** Apps whose quota has refused a message in the current task of the event loop. */
  readonly #full = new Set<string>()

  constructor(options: InboxesOptions) {
    const { store, commit, users, usage, revocations, webhooks, clock, emit, onEmptied, onError } = options
    this.#commit = commit
    this.#users = users
    this.#table = new InboxTable(options)
    this.#unreadLimit = new UnreadLimit((of) => this.#table.open(of))
    this.#shares = new SenderShares(this.#table, commit)
    this.#emit = emit
    this.#onEmptied = onEmptied
    this.#usage = usage
    this.#revocations = revocations
    this.#adoptions = options.adoptions
    this.#pushes = options.pushes
    this.#reads = new Reads(store)
    this.reader = new InboxReader(this.#reads, (of) => this.#table.open(of))
    this.peers = new Peers({
      ...{ store, reads: this.#reads, commit, table: this.#table, webhooks, emit },
      cacheBytes: options.cacheBytes,
      onRead: (inbox) => this.#unreadLimit.forget(inbox),
    })
    this.#webhooks = webhooks
    this.#clock = clock
    this.#scheduler = new Scheduler(clock, () => commit.isWritable, onError)
    this.#unreadChecks = new UnreadChecks({
      ...{ reads: this.#reads, commit, clock, scheduler: this.#scheduler, webhooks },
      // An adopted guest gets no `message.unread`, because the messages are moving to the user.
      unreadOf: async (of) => (options.adoptions.of(of) ? null : this.reader.unread(of)),
    })
    const swept: SweptInboxes = {
      open: (of) => this.#table.open(of),
      deleteUnretained: (inbox, retention, now, operations) =>
        this.#deleteUnretained(inbox, retention, now, true, operations),
      write: (operations) => {
        this.#deferDeletions(operations)
        return commit.flush()
      },
    }
    this.#retentionSweep = new RetentionSweep(store, clock, this.#scheduler, swept)
    this.#purge = new InboxPurge({
      store,
      reads: this.#reads,
      commit,
      scheduler: this.#scheduler,
      clock,
      shares: this.#shares,
    })
    this.#adopted = new AdoptedMessages({
      ...{ commit, clock, scheduler: this.#scheduler, reads: this.#reads, reader: this.reader, swept },
      ...{
        table: this.#table,
        shares: this.#shares,
        purge: this.#purge,
        adoptions: options.adoptions,
        users,
        usage,
        emit,
      },
      retentionOf: (appId) => this.#retentionSweep.retentionOf(appId),
    })
    this.#idempotencyKeys = options.isPersistent
      ? new StoredIdempotencyKeys({ store, commit, clock, scheduler: this.#scheduler })
      : new MemoryIdempotencyKeys()
  }

  /** Called once before the first send. See `StoredIdempotencyKeys.load`. */
  loadIds(): Promise<void> {
    return this.#idempotencyKeys.load()
  }

  /** Sets the app's retention, and starts a sweep of its inboxes if the age has changed. */
  retain(appId: string, retention: Retention): void {
    this.#retentionSweep.retain(appId, retention)
  }

  /**
   * Starts the app's background jobs: they move messages of adopted guests, emit `push-due`, and look for unread messages if the app asks
   * for `message.unread`.
   */
  resume(appId: string): void {
    this.#unreadChecks.resume(appId)
    this.#adopted.resume(appId)
    this.#pushes.resume(appId)
  }

  /** Marks a guest as adopted. */
  adopt(request: AdoptionRequest): Promise<Adoption | null> {
    const { appId, guestId, retention } = request
    this.#commit.assertWritable()
    this.retain(appId, retention)
    return this.#adoptions.adopt(request, () => {
      const operations: Operation[] = []
      const inbox = this.#table.peek({ appId, userId: guestId })
      if (inbox.exists) this.#deleteUnretained(inbox, retention, this.#clock.now(), false, operations)
      return { messages: inbox.retained.messages, operations }
    })
  }

  /** See `AdoptedMessages.move`. */
  moveAdopted(guest: UserRef): Promise<void> {
    return this.#adopted.move(guest)
  }

  /** Returns whether the inbox has a message, or one is being stored. */
  hasMessages(of: UserRef): boolean {
    return this.#table.peek(of).hasMessages
  }

  state(of: UserRef): InboxState {
    return this.#table.peek(of).state()
  }

  send(message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    if (this.#waitingSends.blocks(message))
      return this.#waitingSends.queue(message, () => this.#send(message, rules))
    return this.#send(message, rules)
  }

  #send(message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    this.#commit.assertWritable()
    const now = this.#clock.now()
    const sentAt = Date.now()
    this.retain(message.appId, rules.retention)
    const { appId, id, from, to, body, data } = message
    const recipient = { appId, userId: to }
    const recipientKey = userKey(recipient)
    const sendingUser = { appId, userId: from ?? '' }
    const senderKey = userKey(sendingUser)
    const key = rows.idempotencyKey(message) + this.#table.deletionsIn(message)
    const digest = this.#idempotencyKeys.digestOf(message)
    const earlier = this.#idempotencyKeys.find(key, digest, now)
    if (earlier) return earlier
    const sender = from === null ? null : this.#users.sender(sendingUser, senderKey)
    const isToUnknown = from !== to && this.#users.sender(recipient, recipientKey) === undefined
    let unknown: readonly UserRef[] = NOBODY
    const adopter = isToUnknown ? this.#adoptions.adopterOf(recipient) : undefined
    // If the user is deleted before the message is stored, the message must not create the user.
    if (adopter) return this.send({ ...message, to: adopter.userId }, { ...rules, unknownRecipients: false })
    if (sender === undefined || isToUnknown) {
      unknown = [...(isToUnknown ? [recipient] : []), ...(sender === undefined ? [sendingUser] : [])]
      const { unknownRecipients, unknownSenders } = rules
      const mayCreate = (of: UserRef): boolean =>
        !isGuestId(of.userId) && (of === recipient ? unknownRecipients : unknownSenders)
      if (!unknown.every(mayCreate)) return Promise.resolve({ outcome: 'unknown-user' })
      const deletions = unknown.flatMap((of) => this.#users.deletionOf(of) ?? [])
      if (deletions.length > 0) return this.#sendAfter(Promise.allSettled(deletions), message, rules)
    }
    const json = JSON.stringify({ id, from, to, sender: sender ?? null, body, data, sentAt })
    // The caller may change `data` before the message is emitted, so the events carry a clone.
    const content: Content = {
      id,
      from,
      to,
      sender: sender ?? null,
      body,
      data: data && (JSON.parse(json) as CheckedMessage).data,
      sentAt,
    }

    const inbox = this.#table.open(recipient, recipientKey)
    // This is a literal because `push` would allocate memory for 16 more inboxes in each message.
    const inboxes: SentInboxes =
      from === null || from === to ? [inbox] : [inbox, this.#table.open(sendingUser, senderKey)]
    const size = Buffer.byteLength(json) + engineRules.messageOverhead
    const operations: Operation[] = []
    for (const inbox of inboxes) this.#deleteUnretained(inbox, rules.retention, now, false, operations)
    if (from !== null && from !== to) {
      const isReached = this.#unreadLimit.isReached(inbox, from, size, rules)
      if (isReached !== false) this.#deferDeletions(operations)
      if (isReached === undefined) return this.#sendAfter(this.#unreadLimit.count(inbox), message, rules)
      if (isReached) return Promise.resolve({ outcome: 'refused' })
    }
    const own = inboxes[1]
    if (own && this.#shares.mayExceed(own, size, rules)) {
      this.#deleteUnretained(inbox, rules.retention, now, true, operations)
      if (this.#shares.exceeds(inbox, own, size, rules)) {
        this.#deferDeletions(operations)
        return Promise.resolve({ outcome: 'over-share' })
      }
    }
    if (!this.#reserve(inboxes, size, rules, now, operations)) return Promise.resolve({ outcome: 'full' })

    for (const of of unknown) operations.push(...this.#users.create(of))
    const beginsStreak = this.#webhooks.unreadAfter(appId) !== undefined && from !== to && !inbox.hasUnread
    const isPushed = rules.pushAfter !== undefined && from !== to
    for (const each of inboxes) {
      const trace = isPushed && each === inbox ? message.traceparent : undefined
      operations.push(each.append(json, size, from, now, rules.retention, false, trace))
      if (each.isBehind) this.#table.markChanged(each)
      each.batch = this.#commit.nextBatch
    }
    if (own) own.sent += size
    const { offset } = inbox.assigned
    const ownOffset = from === null ? null : (own ?? inbox).assigned.offset
    const result: StoredResult = { outcome: 'stored', offset, ownOffset, sentAt }
    if (beginsStreak) operations.push(...this.#unreadChecks.begin(recipient, offset, inbox.deletions, now))
    if (rules.pushAfter !== undefined && from !== to)
      operations.push(...this.#pushes.onMessage(recipient, rules.pushAfter, now))
    if (this.#webhooks.asks(appId, 'message.created')) {
      const { traceparent } = message
      const event = {
        ...{ epoch: inbox.epoch, message: messageAt(offset, content) },
        ...(traceparent !== undefined && { traceparent }),
      }
      operations.push(...this.#webhooks.operations(recipient, 'message.created', event))
    }
    const pending = new PendingSend({ content, json, inboxes, result, emit: this.#emit })
    const { synced } = pending
    const expiresAt = now + rules.sendWindow
    this.#idempotencyKeys.add(key, { digest, result, synced, now, expiresAt }, operations)
    this.#commit.write(operations, pending)
    return synced
  }

  /**
   * Deletes the user's inbox, in the batch in which `write` writes its argument. The inbox has another epoch at once, and no read returns
   * its messages any more. A background job deletes them. Resolves with whether the inbox ever had a message.
   */
  async delete(of: UserRef, write: (operations: Operation[]) => Promise<void>): Promise<boolean> {
    const { exists } = this.#table.open(of)
    if (!exists) {
      await write([])
      return false
    }
    await this.#revocations.countDeletion(of, (operations) => {
      const inbox = this.#table.open(of)
      const { ref, from, to, bytes } = inbox.stored
      this.#usage.add(of.appId, { inboxes: -1, bytes: -bytes })
      this.#unreadLimit.forget(inbox)
      this.#table.replace(inbox, inbox.deletions + 1)
      // This replaces a deferred write of the inbox, which would store the row again.
      this.#commit.defer(inbox.row, (batch) => batch.push(del(inbox.row), del(rows.readOffsets(of))))
      return write([...operations, ...this.#purge.add(ref, from, to)])
    })
    return true
  }

  markRead(of: UserRef, { epoch, offset }: Position): InboxState | null {
    const inbox = this.#table.open(of)
    if (epoch !== inbox.epoch) return null
    this.#commit.assertWritable()
    if (!inbox.markRead(offset)) return inbox.state()
    this.#table.markChanged(inbox)
    this.#emit({ type: 'read', user: inbox.of, inbox: inbox.state() })
    if (this.#webhooks.asks(of.appId, 'message.read')) {
      const { readOffset, unread } = inbox.state()
      this.#webhooks.defer(of, 'message.read', { epoch, readOffset, unread })
    }
    return inbox.state()
  }

  /**
   * Takes over from inboxes whose store has failed. It keeps read marks that were not written. If messages of a failed batch turn out to be
   * stored, it emits them, because their sends were rejected without an event.
   */
  async takeOver(failed: Inboxes): Promise<void> {
    this.#retentionSweep.adopt(failed.#retentionSweep)
    for (const appId of this.#retentionSweep.appIds) this.resume(appId)
    this.peers.takeOver(failed.peers)
    for (const before of failed.#table.unwritten()) {
      const inbox = this.#table.open(before.of)
      if (inbox.epoch !== before.epoch) continue
      const hasMoved = inbox.markRead(before.readOffset)
      inbox.takeOverReads(before)
      if (hasMoved || before.hasMarks) this.#table.markChanged(inbox)
      const [from, to] = [before.durable.offset + 1, inbox.durable.offset + 1]
      for (const message of await this.reader.read(inbox, from, to, Infinity))
        this.#emit({ type: 'message', user: inbox.of, epoch: inbox.epoch, message })
    }
  }

  /** Stops the background jobs, and resolves when no read runs. */
  async stop(): Promise<void> {
    await this.#scheduler.stop()
    await this.#reads.idle()
  }

  /** Sends the message when `wait` has resolved. */
  #sendAfter(wait: Promise<unknown>, message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    return this.#waitingSends.after(wait, message, () => this.#send(message, rules))
  }

  /**
   * Adds a message, which takes `size` bytes in each inbox, to the app's usage. Returns false if that exceeds the app's quota. To stay
   * within the quota, it first adds operations that delete messages which are not retained.
   */
  #reserve(
    inboxes: SentInboxes,
    size: number,
    rules: SendRules,
    now: number,
    operations: Operation[],
  ): boolean {
    const { retention, quota } = rules
    const { appId } = inboxes[0].of
    let added = 0
    for (const { exists } of inboxes) if (!exists) added++
    const more = { inboxes: added, bytes: size * inboxes.length }
    if (!this.#usage.fits(appId, more, quota))
      for (const inbox of inboxes) this.#deleteUnretained(inbox, retention, now, true, operations)
    if (!this.#full.has(appId) && this.#usage.fits(appId, more, quota)) {
      this.#usage.add(appId, more)
      return true
    }
    this.#deferDeletions(operations)
    this.#refuseForThisTask(appId)
    return false
  }

  /** Adds operations that delete messages which are not retained. With `all` they delete every such message of the inbox. */
  #deleteUnretained(
    inbox: Inbox,
    retention: Retention,
    now: number,
    all: boolean,
    operations: Operation[],
  ): void {
    const { first } = inbox.durable
    if (inbox.hasExpired(now, retention.age)) inbox.expire(now, retention.age)
    if (all) inbox.trim(retention)
    const swept = inbox.sweep(all)
    if (inbox.durable.first !== first || swept) this.#table.markChanged(inbox)
    if (inbox.durable.first !== first && !inbox.hasMessages) this.#onEmptied(inbox.of)
    if (!swept) return
    for (const operation of swept.operations) operations.push(operation)
    this.#usage.add(inbox.of.appId, { bytes: -swept.freed })
    this.#shares.free(inbox.of.appId, swept.senders)
  }

  /** Refuses the app's later messages of this task, too. Otherwise a smaller message that fits would overtake the refused one. */
  #refuseForThisTask(appId: string): void {
    this.#full.add(appId)
    queueMicrotask(() => this.#full.delete(appId))
  }

  #deferDeletions(operations: Operation[]): void {
    const [first] = operations
    if (first) this.#commit.defer(`delete ${first.key}`, (batch) => batch.push(...operations))
  }
}
