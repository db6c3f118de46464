import type { Adoption, AdoptionRequest, InboxState, Position, Retention, UserRef } from '../../engine.js'
import { AdoptedMessages } from './adopted-messages.js'
import { StoredIdempotencyKeys, type IdempotencyKeys } from './ids/idempotency.js'
import { Deletions } from './retention/deletions.js'
import { InboxPurge } from './retention/inbox-purge.js'
import type { InboxParts, UserParts } from './inbox-parts.js'
import { InboxReader } from './inbox-reader.js'
import { InboxTable } from './inbox-table.js'
import { Peers } from './peers/peers.js'
import { MemoryIdempotencyKeys } from './ids/memory-idempotency.js'
import { RetentionSweep } from './retention/retention-sweep.js'
import { SenderShares } from './sends/sender-shares.js'
import { Sends } from './sends/sends.js'
import { del, type Operation } from '../store/store.js'
import { UnreadChecks, type Unread } from './unread/unread-checks.js'
import { UnreadLimit } from './unread/unread-limit.js'
import { UnreadScan } from './unread/unread-scan.js'

interface InboxesOptions extends UserParts {
  /** The secret from which the epochs of inboxes are derived: see `InboxTable`. */
  epochKey: string
  /** Whether the store is on a disk. */
  isPersistent: boolean
  /** About how many bytes the inboxes in memory may take. */
  cacheBytes: number
  /** About how many bytes the indexes of peers may take. */
  peerBytes: number
  /** Called after retention has deleted the last message of an inbox. By then another message may have come. */
  onEmptied: (of: UserRef) => void
}

export class Inboxes {
  readonly reader: InboxReader
  readonly peers: Peers
  readonly sends: Sends
  readonly #parts: InboxParts
  readonly #retentionSweep: RetentionSweep
  readonly #purge: InboxPurge
  readonly #adopted: AdoptedMessages
  readonly #unreadLimit: UnreadLimit
  readonly #unreadChecks: UnreadChecks
  readonly #unreadScan: UnreadScan
  readonly #idempotencyKeys: IdempotencyKeys

  constructor(options: InboxesOptions) {
    const { commit, usage, adoptions } = options
    const table = new InboxTable(options)
    const shares = new SenderShares(table, commit)
    const deletions = new Deletions({ table, usage, shares, onEmptied: options.onEmptied })
    const parts = (this.#parts = { ...options, table, shares, deletions })
    this.#unreadLimit = new UnreadLimit((of) => table.open(of))
    this.reader = new InboxReader(options.reads, (of) => table.open(of))
    this.peers = new Peers({
      ...{ ...parts, cacheBytes: options.peerBytes },
      onRead: (inbox) => this.#unreadLimit.forget(inbox),
    })
    // An adopted guest gets no `message.unread`, because the guest's messages are moving to the user.
    const unreadOf = async (of: UserRef): Promise<Unread | null> =>
      adoptions.of(of) ? null : this.reader.unread(of)
    const unreadChecks = (this.#unreadChecks = new UnreadChecks({ ...parts, unreadOf }))
    this.#unreadScan = new UnreadScan({ ...parts, unreadOf, checks: unreadChecks })
    const retentionSweep = (this.#retentionSweep = new RetentionSweep(options, table, deletions))
    this.#purge = new InboxPurge(options, shares)
    const jobs = { purge: this.#purge, unreadChecks, retentionSweep }
    this.#adopted = new AdoptedMessages({ ...parts, ...jobs, reader: this.reader })
    this.#idempotencyKeys = options.isPersistent
      ? new StoredIdempotencyKeys(options)
      : new MemoryIdempotencyKeys()
    this.sends = new Sends({
      ...{ ...parts, unreadChecks, retentionSweep },
      ...{ idempotencyKeys: this.#idempotencyKeys, unreadLimit: this.#unreadLimit },
    })
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
    this.#unreadScan.resume(appId)
    this.#adopted.resume(appId)
    this.#parts.pushes.resume(appId)
  }

  /** Marks a guest as adopted. */
  adopt(request: AdoptionRequest): Promise<Adoption | null> {
    const { commit, adoptions, clock, table, deletions } = this.#parts
    const { appId, guestId, retention } = request
    commit.assertWritable()
    this.retain(appId, retention)
    return adoptions.adopt(request, () => {
      const operations: Operation[] = []
      const inbox = table.peek({ appId, userId: guestId })
      if (inbox.exists) deletions.add(inbox, retention, clock.now(), false, operations)
      return { messages: inbox.retained.messages, operations }
    })
  }

  /** See `AdoptedMessages.move`. */
  moveAdopted(guest: UserRef): Promise<void> {
    return this.#adopted.move(guest)
  }

  /** Returns whether the inbox has a message, or one is being stored. */
  hasMessages(of: UserRef): boolean {
    return this.#parts.table.peek(of).hasMessages
  }

  state(of: UserRef): InboxState {
    return this.#parts.table.peek(of).state()
  }

  /**
   * Deletes the user's inbox, together with what `others` deletes. Returns the operations of both, which the next batch must write. At once
   * the user has a new inbox with another epoch, and no read returns the old messages. A background job deletes those.
   */
  delete(of: UserRef, others: () => Operation[]): Operation[] {
    const { commit, revocations, usage, table } = this.#parts
    const inbox = table.open(of)
    if (!inbox.exists) return others()
    const { ref, from, to, bytes } = inbox.stored
    const counted = revocations.countDeletion(of)
    // This comes first, because `others` may read the store, and nothing may change if that read fails.
    const operations = [...others(), ...counted, ...this.#purge.add(ref, from, to)]
    usage.add(of.appId, { inboxes: -1, bytes: -bytes })
    this.#unreadLimit.forget(inbox)
    table.replace(inbox, inbox.deletions + 1)
    // A deferred write of the inbox would store the row again. The deletion replaces that write.
    commit.defer(inbox.row, (batch) => batch.push(del(inbox.row)))
    return operations
  }

  markRead(of: UserRef, { epoch, offset }: Position): InboxState | null {
    const { commit, webhooks, emit, table } = this.#parts
    const inbox = table.open(of)
    if (epoch !== inbox.epoch) return null
    commit.assertWritable()
    if (!inbox.markRead(offset)) return inbox.state()
    table.markChanged(inbox)
    emit({ type: 'read', user: inbox.of, inbox: inbox.state() })
    if (webhooks.asks(of.appId, 'message.read')) {
      const { readOffset, unread } = inbox.state()
      webhooks.defer(of, 'message.read', { epoch, readOffset, unread })
    }
    return inbox.state()
  }

  /**
   * Takes over from inboxes whose store has failed: read marks that were not written, and up to which messages pages have shown them. Emits
   * messages of a failed batch that turn out to be stored: their sends were rejected without an event.
   */
  async takeOverMarks(failed: Inboxes): Promise<void> {
    const { pushes, table, emit } = this.#parts
    pushes.takeOver(failed.#parts.pushes)
    // This is a copy of the list, because calls that read inboxes meanwhile change the order of the table.
    for (const before of [...failed.#parts.table.unwritten()]) {
      const inbox = table.open(before.of)
      if (inbox.epoch !== before.epoch) continue
      if (inbox.takeOverMarks(before)) table.markChanged(inbox)
      const [from, to] = [before.durable.offset + 1, inbox.durable.offset + 1]
      for (const message of await this.reader.read(inbox, from, to, Infinity))
        emit({ type: 'message', user: inbox.of, epoch: inbox.epoch, message })
    }
  }

  /** Takes over which apps have jobs from inboxes whose store has failed. */
  takeOverJobs(failed: Inboxes): void {
    this.#adopted.takeOver(failed.#adopted)
    for (const [appId, retention] of failed.#retentionSweep.retentions) {
      this.retain(appId, retention)
      this.resume(appId)
    }
  }
}
