import type { Retention, UserRef } from '../../engine.js'
import type { Message } from '../../../protocol/index.js'
import { KeyedMutex } from '../../../util/keyed-mutex.js'
import { engineRules } from '../../rules.js'
import { fitting } from '../../decide/adoption/adoption.js'
import { isReached } from '../../decide/messages/inbox.js'
import { adoptedJson, adoptionGrowth } from '../../util/adopted-json.js'
import { rows } from '../store/rows.js'
import { del, type Operation } from '../store/store.js'
import type { Inbox } from './inbox.js'
import type { InboxPurge } from './retention/inbox-purge.js'
import type { InboxParts } from './inbox-parts.js'
import type { InboxReader } from './inbox-reader.js'
import type { MessageRow, Watermark } from './inbox-row.js'
import type { RetentionSweep } from './retention/retention-sweep.js'
import type { UnreadChecks } from './unread/unread-checks.js'

/** How many messages one step moves, and for how many steps a call of `move` waits at most. */
const MESSAGES_PER_STEP = 128
const STEPS_AWAITED = 8
/** How many adopted guests one read of their rows returns. */
const GUESTS_PER_READ = 128
/** Milliseconds until a move that has failed is tried again, after the first failure and at most. Each further failure doubles the time. */
const MIN_RETRY_DELAY = 1_000
const MAX_RETRY_DELAY = 3_600_000
/** With this retention a moved message pushes no other message out. */
const NO_LIMIT: Retention = { messages: Infinity, bytes: Infinity, age: Infinity }

interface AdoptedMessagesOptions extends InboxParts {
  reader: InboxReader
  purge: InboxPurge
  unreadChecks: UnreadChecks
  retentionSweep: RetentionSweep
}

/** A moved message. `mark` is the watermark of the user's inbox after that message. */
interface Moved {
  mark: Watermark
  message: Omit<Message, 'offset'>
  isRead: boolean
}

interface Failure {
  /** How often the move has failed. */
  count: number
  retryAt: number
}

/**
 * Moves the messages of adopted guests into the inboxes of the users who adopted them. Each step of a move writes both inboxes in one
 * batch, so that a crash neither loses nor repeats a message. The row `rows.moving` stays until the last step, so that a restarted engine
 * goes on.
 */
export class AdoptedMessages {
  readonly #options: AdoptedMessagesOptions
  /** Runs the steps of a guest one after the other. */
  readonly #mutex = new KeyedMutex()
  readonly #schedule: (appId: string, at: number) => void
  /** The guests whose last move has failed, by their `moving` rows. */
  #failures = new Map<string, Failure>()

  constructor(options: AdoptedMessagesOptions) {
    this.#options = options
    this.#schedule = options.scheduler.perApp((appId) => this.#runJob(appId))
  }

  /** Moves the messages of the app's adopted guests in the background. */
  resume(appId: string): void {
    this.#schedule(appId, this.#options.clock.now())
  }

  /** Moves the messages of a guest. The first messages move before the call resolves, the others in the background. */
  async move(guest: UserRef): Promise<void> {
    let hasMore = true
    try {
      for (let left = STEPS_AWAITED; hasMore && left > 0; left--) hasMore = await this.#step(guest)
    } finally {
      // After a failure, too: the guest is marked as adopted already.
      if (hasMore) this.resume(guest.appId)
    }
  }

  /**
   * Takes over which moves have failed. Such a failure may be why the store was opened again, and would be so again and again if the move
   * were tried at once.
   */
  takeOver(failed: AdoptedMessages): void {
    this.#failures = failed.#failures
  }

  /** Does a step of the move of the app's next guest. A guest whose last move has failed is passed over for a while. */
  async #runJob(appId: string): Promise<number> {
    const { reads, clock, retentionSweep } = this.#options
    let nextAt = Infinity
    for (let after: string | undefined; ;) {
      const found = await reads.all({ ...rows.movingAfter(appId, after), limit: GUESTS_PER_READ })
      if (!retentionSweep.retentionOf(appId)) return Infinity
      for (const [row] of found) {
        const { retryAt = 0 } = this.#failures.get(row) ?? {}
        if (retryAt <= clock.now()) {
          await this.#tryStep({ appId, userId: rows.movingOf(row) })
          return clock.now()
        }
        nextAt = Math.min(nextAt, retryAt)
      }
      if (found.length < GUESTS_PER_READ) return nextAt
      after = found.at(-1)?.[0]
    }
  }

  async #tryStep(guest: UserRef): Promise<void> {
    const row = rows.moving(guest)
    const { count } = this.#failures.get(row) ?? { count: 0 }
    // The failure is noted first: if the step fails the whole store, its successor must know.
    const delay = Math.min(MIN_RETRY_DELAY * 2 ** count, MAX_RETRY_DELAY)
    this.#failures.set(row, { count: count + 1, retryAt: this.#options.clock.now() + delay })
    await this.#step(guest)
    this.#failures.delete(row)
  }

  /** Moves the guest's oldest messages. Resolves with whether the guest has further messages. */
  #step(guest: UserRef): Promise<boolean> {
    return this.#mutex.run(rows.moving(guest), async () => {
      const { table, reader, commit, adoptions, retentionSweep } = this.#options
      const before = table.open(guest)
      const { first, offset } = before.assigned
      const found = await reader.rows(before, first, offset + 1, MESSAGES_PER_STEP, false)
      // While the rows were read, the inbox may have been evicted and opened again.
      const inbox = table.open(guest)
      const retention = retentionSweep.retentionOf(guest.appId)
      // If the guest was deleted meanwhile, so were the rows that were read. The next step finds the new inbox, which is empty.
      if (!retention || inbox.epoch !== before.epoch) return true
      // These reads come before any change. If a read fails after one, the whole store has to be opened again.
      const adopter = found.length > 0 ? adoptions.adopterOf(guest) : undefined
      const target = adopter && table.open(adopter)
      commit.assertWritable()
      const last = found.at(-1)?.message.offset ?? offset
      const { user, moved, operations } = this.#moveRows(found, inbox, target, retention, last)
      await new Promise<void>((resolve, reject) =>
        commit.write(operations, {
          resolve: () => {
            if (user) this.#publish(user, moved)
            resolve()
          },
          reject,
        }),
      )
      // Clients count each new message as unread. If some of the moved messages are read, this event gives clients the correct count. It is
      // not emitted in `resolve`, because `state` may read the store, and nothing may throw there.
      if (user && moved.some(({ isRead }) => isRead))
        this.#options.emit({ type: 'read', user: user.of, inbox: user.state() })
      return last < offset
    })
  }

  /** Calls `#append` and `#drop`. If a read fails meanwhile, the two inboxes have only a part of the change. */
  #moveRows(
    found: readonly MessageRow[],
    inbox: Inbox,
    user: Inbox | undefined,
    retention: Retention,
    last: number,
  ): { user: Inbox | undefined; moved: Moved[]; operations: Operation[] } {
    const operations: Operation[] = []
    return this.#options.commit.change(() => {
      // If the user was deleted or the adoption has ended, the guest's messages are not moved, and `#drop` deletes them.
      const moved = user ? this.#append(found, inbox, user, retention, operations) : []
      this.#drop(inbox, last, operations)
      return { user, moved, operations }
    })
  }

  /** Appends messages of the guest to the user's inbox. Leaves out those that would exceed the app's retention. */
  #append(
    found: readonly MessageRow[],
    inbox: Inbox,
    user: Inbox,
    retention: Retention,
    operations: Operation[],
  ): Moved[] {
    const { table, shares, usage, clock, deletions, unreadChecks } = this.#options
    const { of: guest, assigned, retained } = inbox
    const { of: adopter } = user
    const now = clock.now()
    deletions.add(user, retention, now, true, operations)
    const growth = adoptionGrowth(guest.userId, adopter.userId)
    const moved: Moved[] = []
    const left = { messages: assigned.offset - (found[0]?.message.offset ?? 0) + 1, bytes: retained.bytes }
    for (const { message } of fitting(found, user.retained, left, growth, retention, now)) {
      const { json, content } = adoptedJson(message, guest.userId, adopter.userId)
      const bytes = Buffer.byteLength(json) + engineRules.messageOverhead
      const isRead = isReached(inbox.marks, message.offset)
      usage.add(guest.appId, { inboxes: Number(!user.exists), bytes })
      const beginsStreak = !isRead && content.from !== adopter.userId && !user.hasUnread
      user.append(operations, json, bytes, content, now, NO_LIMIT, isRead)
      if (beginsStreak)
        operations.push(...unreadChecks.begin(adopter, user.assigned.offset, user.deletions, now))
      if (content.from !== null && content.from !== adopter.userId)
        shares.free(guest.appId, new Map([[content.from, -bytes]]))
      if (user.isBehind) table.markChanged(user)
      moved.push({ mark: user.assigned, message: content, isRead })
    }
    return moved
  }

  /** Deletes the guest's messages up to `last`. If no message remains, deletes the inbox, too. */
  #drop(inbox: Inbox, last: number, operations: Operation[]): void {
    const { table, shares, usage, commit, purge } = this.#options
    const { of, row, deletions, exists } = inbox
    inbox.drop(last)
    for (let swept; (swept = inbox.sweep(true));) {
      operations.push(...swept.operations)
      usage.add(of.appId, { bytes: -swept.freed })
      shares.free(of.appId, swept.senders)
    }
    if (inbox.hasMessages) return table.markChanged(inbox)
    operations.push(del(rows.moving(of)))
    // Messages that the guest had read count as read in the user's inbox, so the marks of the guest's peers are no longer needed.
    if (inbox.hasPeerMarks) operations.push(...purge.add({ ...of, deletions }, 0, 0))
    if (!exists) return
    usage.add(of.appId, { inboxes: -1 })
    // The idempotency key of a message contains the `deletions` of its recipient. The empty inbox that takes the place of this one keeps
    // the number, so that a retry of a message to the guest finds the key.
    table.replace(inbox, deletions)
    commit.defer(row, (batch) => batch.push(del(row)))
  }

  #publish(user: Inbox, moved: readonly Moved[]): void {
    for (const { mark, message } of moved) {
      user.publish(mark)
      this.#options.emit({
        ...{ type: 'message', user: user.of, epoch: user.epoch },
        message: { offset: mark.offset, ...message },
      })
    }
  }
}
