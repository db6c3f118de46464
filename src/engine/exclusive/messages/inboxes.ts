import type { Adoption, AdoptionRequest, InboxState, Position, Retention, UserRef } from '../../engine.js'
import type { Core } from '../store/core.js'
import { AdoptedMessages } from './adopted-messages.js'
import { StoredIdempotencyKeys, type IdempotencyKeys } from './ids/idempotency.js'
import { Deletions } from './retention/deletions.js'
import { InboxPurge } from './retention/inbox-purge.js'
import { InboxReader } from './inbox-reader.js'
import { InboxTable } from './inbox-table.js'
import { Peers } from './peers/peers.js'
import { MemoryIdempotencyKeys } from './ids/memory-idempotency.js'
import { RetentionSweep, type SweptInboxes } from './retention/retention-sweep.js'
import type { Pushes } from '../push/pushes.js'
import type { Adoptions } from '../sessions/adoptions.js'
import type { Revocations } from '../sessions/revocations.js'
import { SenderShares } from './sends/sender-shares.js'
import { Sends } from './sends/sends.js'
import { del, type Operation } from '../store/store.js'
import { UnreadChecks, type Unread } from './unread/unread-checks.js'
import { UnreadLimit } from './unread/unread-limit.js'
import { UnreadScan } from './unread/unread-scan.js'
import type { Usage } from '../store/usage.js'
import type { Users } from '../sessions/users.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'

interface InboxesOptions extends Core {
  users: Users
  usage: Usage
  revocations: Revocations
  adoptions: Adoptions
  pushes: Pushes
  webhooks: WebhookEvents
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
  readonly #options: InboxesOptions
  readonly #table: InboxTable
  readonly #deletions: Deletions
  readonly #retentionSweep: RetentionSweep
  readonly #purge: InboxPurge
  readonly #adopted: AdoptedMessages
  readonly #unreadLimit: UnreadLimit
  readonly #unreadChecks: UnreadChecks
  readonly #unreadScan: UnreadScan
  readonly #idempotencyKeys: IdempotencyKeys

  constructor(options: InboxesOptions) {
    const { store, commit, reads, clock, scheduler, emit } = options
    const { users, usage, adoptions, pushes, webhooks } = options
    const table = new InboxTable(options)
    const shares = new SenderShares(table, commit)
    this.#options = options
    this.#table = table
    this.#deletions = new Deletions({ table, usage, shares, onEmptied: options.onEmptied })
    this.#unreadLimit = new UnreadLimit((of) => table.open(of))
    this.reader = new InboxReader(reads, (of) => table.open(of))
    this.peers = new Peers({
      ...{ reads, commit, table, webhooks, emit },
      cacheBytes: options.peerBytes,
      onRead: (inbox) => this.#unreadLimit.forget(inbox),
    })
    // An adopted guest gets no `message.unread`, because the guest's messages are moving to the user.
    const unreadOf = async (of: UserRef): Promise<Unread | null> =>
      adoptions.of(of) ? null : this.reader.unread(of)
    const unreadParts = { reads, commit, clock, scheduler, webhooks, unreadOf }
    this.#unreadChecks = new UnreadChecks(unreadParts)
    this.#unreadScan = new UnreadScan({ ...unreadParts, store, checks: this.#unreadChecks })
    const swept: SweptInboxes = {
      open: (of) => table.open(of),
      deleteUnretained: (inbox, retention, now, operations) =>
        this.#deletions.add(inbox, retention, now, true, operations),
      write: (operations) => {
        commit.append(operations)
        return commit.flush()
      },
    }
    this.#retentionSweep = new RetentionSweep(store, clock, scheduler, swept)
    this.#purge = new InboxPurge({ store, reads, commit, scheduler, clock, shares })
    this.#adopted = new AdoptedMessages({
      ...{ commit, clock, scheduler, reads, reader: this.reader, swept },
      ...{ table, shares, purge: this.#purge, adoptions, users, usage, emit },
      unreadChecks: this.#unreadChecks,
      retentionOf: (appId) => this.#retentionSweep.retentionOf(appId),
    })
    this.#idempotencyKeys = options.isPersistent
      ? new StoredIdempotencyKeys({ store, commit, clock, scheduler })
      : new MemoryIdempotencyKeys()
    this.sends = new Sends({
      ...{ commit, users, usage, adoptions, pushes, webhooks, clock, emit, table, shares },
      deletions: this.#deletions,
      idempotencyKeys: this.#idempotencyKeys,
      unreadChecks: this.#unreadChecks,
      unreadLimit: this.#unreadLimit,
      retentionSweep: this.#retentionSweep,
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
    this.#options.pushes.resume(appId)
  }

  /** Marks a guest as adopted. */
  adopt(request: AdoptionRequest): Promise<Adoption | null> {
    const { commit, adoptions, clock } = this.#options
    const { appId, guestId, retention } = request
    commit.assertWritable()
    this.retain(appId, retention)
    return adoptions.adopt(request, () => {
      const operations: Operation[] = []
      const inbox = this.#table.peek({ appId, userId: guestId })
      if (inbox.exists) this.#deletions.add(inbox, retention, clock.now(), false, operations)
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

  /**
   * Deletes the user's inbox, together with what `others` deletes. Returns the operations of both, which the next batch must write. At once
   * the user has a new inbox with another epoch, and no read returns the old messages. A background job deletes those.
   */
  delete(of: UserRef, others: () => Operation[]): Operation[] {
    const { commit, revocations, usage } = this.#options
    const inbox = this.#table.open(of)
    if (!inbox.exists) return others()
    const { ref, from, to, bytes } = inbox.stored
    const counted = revocations.countDeletion(of)
    // This comes first, because `others` may read the store, and nothing may change if that read fails.
    const operations = [...others(), ...counted, ...this.#purge.add(ref, from, to)]
    usage.add(of.appId, { inboxes: -1, bytes: -bytes })
    this.#unreadLimit.forget(inbox)
    this.#table.replace(inbox, inbox.deletions + 1)
    // A deferred write of the inbox would store the row again. The deletion replaces that write.
    commit.defer(inbox.row, (batch) => batch.push(del(inbox.row)))
    return operations
  }

  markRead(of: UserRef, { epoch, offset }: Position): InboxState | null {
    const { commit, webhooks, emit } = this.#options
    const inbox = this.#table.open(of)
    if (epoch !== inbox.epoch) return null
    commit.assertWritable()
    if (!inbox.markRead(offset)) return inbox.state()
    this.#table.markChanged(inbox)
    emit({ type: 'read', user: inbox.of, inbox: inbox.state() })
    if (webhooks.asks(of.appId, 'message.read')) {
      const { readOffset, unread } = inbox.state()
      webhooks.defer(of, 'message.read', { epoch, readOffset, unread })
    }
    return inbox.state()
  }

  /**
   * Takes over from inboxes whose store has failed. Keeps read marks that were not written, and up to which messages pages have shown them.
   * Emits messages of a failed batch that turn out to be stored: their sends were rejected without an event.
   */
  async takeOver(failed: Inboxes): Promise<void> {
    this.#retentionSweep.adopt(failed.#retentionSweep)
    this.#adopted.takeOver(failed.#adopted)
    for (const appId of this.#retentionSweep.appIds) this.resume(appId)
    this.#options.pushes.takeOver(failed.#options.pushes)
    // This is a copy of the list, because calls that read inboxes meanwhile change the order of the table.
    for (const before of [...failed.#table.unwritten()]) {
      const inbox = this.#table.open(before.of)
      if (inbox.epoch !== before.epoch) continue
      if (inbox.takeOverMarks(before)) this.#table.markChanged(inbox)
      const [from, to] = [before.durable.offset + 1, inbox.durable.offset + 1]
      for (const message of await this.reader.read(inbox, from, to, Infinity))
        this.#options.emit({ type: 'message', user: inbox.of, epoch: inbox.epoch, message })
    }
  }
}
