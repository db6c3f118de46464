import { afterCheck, type Check, type OldestUnread } from '../../../decide/messages/unread-check.js'
import type { JsonObject, Message } from '../../../../protocol/index.js'
import type { InboxState, UserRef } from '../../../engine.js'
import type { Core } from '../../store/core.js'
import { rows } from '../../store/rows.js'
import { del, put, type Operation } from '../../store/store.js'
import type { WebhookEvents } from '../../webhooks/webhook-events.js'

/** The most checks that one step makes. */
const CHECKS_PER_STEP = 32

/** The unread messages of an inbox. */
export interface Unread {
  inbox: InboxState
  /** By the engine's clock. */
  oldest: Message & OldestUnread
  /** The newest unread messages, the oldest of them first. */
  newest: Message[]
}

export interface UnreadOptions extends Core {
  webhooks: WebhookEvents
  /** Resolves with null if no message is unread. */
  unreadOf: (of: UserRef) => Promise<Unread | null>
}

/**
 * Makes the checks of inboxes for which `decide/messages/unread-check.ts` decides. The row of a check is stored with the first message of a
 * streak.
 */
export class UnreadChecks {
  readonly #options: UnreadOptions
  readonly #schedule: (appId: string, at: number) => void

  constructor(options: UnreadOptions) {
    this.#options = options
    this.#schedule = options.scheduler.perApp((appId, now) => this.#step(appId, now))
  }

  /** Makes the app's checks when they are due, from now on. */
  resume(appId: string): void {
    this.#schedule(appId, this.#options.clock.now())
  }

  /**
   * Schedules the check of a new streak, whose first message is at `offset`. Returns the operations that store the check; an empty
   * list if the app does not ask for `message.unread`.
   */
  begin(of: UserRef, offset: number, deletions: number, now: number): Operation[] {
    const unreadAfter = this.#options.webhooks.unreadAfter(of.appId)
    return unreadAfter === undefined ? [] : [this.#add(of, now + unreadAfter, [offset, deletions])]
  }

  #add(of: UserRef, at: number, row: Check): Operation {
    const time = Math.ceil(at)
    this.#schedule(of.appId, time)
    return put(rows.unreadChecks.at(of, time), row)
  }

  async #step(appId: string, now: number): Promise<number> {
    const { reads, commit } = this.#options
    await commit.flush()
    const due = await reads.all<Check>({
      ...rows.unreadChecks.until(appId, now),
      limit: CHECKS_PER_STEP,
    })
    const failures: unknown[] = []
    for (const [row, check] of due)
      await this.#check(appId, row, check, now).catch((error: unknown) => failures.push(error))
    await commit.flush()
    if (due.length === CHECKS_PER_STEP && failures.length < due.length) return now
    // The check of an inbox that can't be read is made again. The checks behind it have been made already.
    if (failures.length > 0) throw failures[0]
    const [next] = await reads.all({ ...rows.unreadChecks.all(appId), limit: 1 })
    return next ? rows.unreadChecks.of(next[0]).time : Infinity
  }

  async #check(appId: string, row: string, check: Check, now: number): Promise<void> {
    const { commit, webhooks, unreadOf } = this.#options
    const of = { appId, userId: rows.unreadChecks.of(row).userId }
    const unreadAfter = webhooks.unreadAfter(appId)
    const unread = unreadAfter === undefined ? null : await unreadOf(of)
    const operations = [del(row)]
    if (unread && unreadAfter !== undefined) {
      const next = afterCheck(check, unread.oldest, unreadAfter, now)
      if (next === 'report') operations.push(...webhooks.operations(of, 'message.unread', dataOf(of, unread)))
      else if (next !== 'nothing') operations.push(this.#add(of, next.at, next.check))
    }
    commit.append(operations)
  }
}

const dataOf = ({ userId }: UserRef, { inbox, oldest, newest }: Unread): JsonObject => {
  const { epoch, unread } = inbox
  return {
    userId,
    epoch,
    unread,
    oldestAt: oldest.sentAt,
    messages: newest.map((message) => ({ ...message })),
  }
}
