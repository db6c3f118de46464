import { isDeepStrictEqual } from 'node:util'
import type { UserRef } from '../../../engine.js'
import { lastOf, rows } from '../../store/rows.js'
import { del, put, type Operation } from '../../store/store.js'
import { mayHaveUnread, type StoredInbox } from '../inbox-row.js'
import { needsCheck } from '../../../decide/messages/unread-check.js'
import type { UnreadChecks, UnreadOptions } from './unread-checks.js'

/** How many inboxes one step reads. */
const INBOXES_PER_STEP = 64
/** Milliseconds from one step to the next. */
const STEP_DELAY = 100

/**
 * How far the scan of an app's inboxes is: since when the app has asked for `message.unread`, and the row of the last inbox that the scan
 * has looked at. True if the scan is complete.
 */
export type ScanRow = [since: number, after: string | null] | true

interface UnreadScanOptions extends UnreadOptions {
  checks: UnreadChecks
}

/**
 * Looks once through the inboxes of an app that begins to ask for `message.unread`. The messages that are unread by then have no check,
 * because a check is stored only with the first message of a streak.
 */
export class UnreadScan {
  readonly #options: UnreadScanOptions
  readonly #schedule: (appId: string, at: number) => void

  constructor(options: UnreadScanOptions) {
    this.#options = options
    this.#schedule = options.scheduler.perApp((appId, now) => this.#step(appId, now))
  }

  /** Called when the app was configured. Begins a scan, or goes on with it, if the app asks for `message.unread`. */
  resume(appId: string): void {
    const { webhooks, clock, commit } = this.#options
    const row = rows.unreadScan(appId)
    const known = this.#scanOf(appId)
    if (webhooks.unreadAfter(appId) === undefined) {
      if (known !== undefined) commit.append([del(row)])
      return
    }
    if (known === true) return
    if (known === undefined) commit.append([put(row, [clock.now(), null] satisfies ScanRow)])
    this.#schedule(appId, clock.now())
  }

  #scanOf(appId: string): ScanRow | undefined {
    return this.#options.commit.newest(rows.unreadScan(appId)) as ScanRow | undefined
  }

  async #step(appId: string, now: number): Promise<number> {
    const { reads, commit } = this.#options
    const scan = this.#scanOf(appId)
    if (scan === undefined || scan === true) return Infinity
    const [since, after] = scan
    const range = { ...rows.inboxesAfter(appId, after ?? undefined), limit: INBOXES_PER_STEP }
    const found = await reads.all<StoredInbox>(range)
    const operations: Operation[] = []
    const failures: unknown[] = []
    for (const [row, stored] of found)
      try {
        operations.push(...(await this.#checkOf({ appId, userId: lastOf(row) }, stored, since, now)))
      } catch (error) {
        // An inbox that can't be read does not stop the scan.
        failures.push(error)
      }
    // Meanwhile the app may have ceased to ask, and begun again.
    if (!isDeepStrictEqual(this.#scanOf(appId), scan)) return now
    const last = found.length < INBOXES_PER_STEP ? undefined : found.at(-1)?.[0]
    const next: ScanRow = last === undefined ? true : [since, last]
    commit.append([...operations, put(rows.unreadScan(appId), next)])
    if (failures.length > 0) throw failures[0]
    return last === undefined ? Infinity : now + STEP_DELAY
  }

  /** Returns the operations that store the check of an inbox; none if its unread messages have a check or were reported. */
  async #checkOf(of: UserRef, stored: StoredInbox, since: number, now: number): Promise<Operation[]> {
    const { webhooks, checks, unreadOf } = this.#options
    const unreadAfter = webhooks.unreadAfter(of.appId)
    if (unreadAfter === undefined || !mayHaveUnread(stored)) return []
    const unread = await unreadOf(of)
    if (!unread) return []
    const { oldest } = unread
    if (!needsCheck(oldest, since, unreadAfter, now)) return []
    return checks.begin(of, oldest.offset, oldest.deletions, oldest.at)
  }
}
