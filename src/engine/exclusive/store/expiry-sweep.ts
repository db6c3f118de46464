import { randomUUID } from 'node:crypto'
import type { Core } from './core.js'
import { rows } from './rows.js'
import { del, put, type Operation } from './store.js'

/** The most index rows that one step deletes. */
const INDEX_ROWS_PER_STEP = 32
/**
 * Milliseconds from one read of the index to the next. Revocations are kept for longer than they are needed, so an hour is short enough.
 */
const INTERVAL = 3_600_000

/** Deletes the rows of revoked tokens and of adoptions when they have expired. The index of `rows.expiry` lists these rows. */
export const sweepExpired = ({ reads, commit, scheduler, clock }: Core): void => {
  const hasExpired = (row: string, now: number): boolean => {
    // If the token was revoked again for a longer time, this row has not expired, and a later row of the index lists it again.
    const stored = commit.newest(row) as [number | null] | undefined
    // Null is for ever, though to JavaScript it is less than `now`.
    return stored !== undefined && (stored[0] ?? Infinity) <= now
  }
  const job = scheduler.job(async (now) => {
    const due = await reads.all<string[]>({ ...rows.expiriesBefore(now), limit: INDEX_ROWS_PER_STEP })
    if (due.length === 0) return now + INTERVAL
    const operations: Operation[] = []
    const failures: unknown[] = []
    for (const [indexRow, listed] of due) {
      for (const row of listed)
        try {
          if (hasExpired(row, now)) operations.push(del(row))
        } catch (error) {
          // This row can't be read. It is listed again for a later time, because the rows behind it must not wait for it.
          failures.push(error)
          operations.push(put(rows.expiry(Math.ceil(now + INTERVAL), randomUUID()), [row]))
        }
      operations.push(del(indexRow))
    }
    commit.append(operations)
    // Without the flush the next step would read the same index rows again.
    await commit.flush()
    if (failures.length > 0) throw failures[0]
    return now
  })
  scheduler.schedule(job, clock.now())
}
