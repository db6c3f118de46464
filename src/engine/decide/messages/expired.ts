import type { Retention } from '../../inbox-records.js'

/** Returns whether a message that was stored at `at` is kept no longer. */
export const hasExpired = (at: number, { age }: Pick<Retention, 'age'>, now: number): boolean =>
  at + age <= now
