import type { Texts, Values } from '../../calls/values.js'
import type { BatchStepName, Returns, ScriptName, Takes } from '../../steps.js'
import type { Counts } from '../../wire-event.js'
import { call, script, type AppCounts } from './context.js'
import { json, whole } from './text.js'

/*
 * An app's counts, and the result of a script. `count` notes what a script adds, and `reply` takes it over: so a script that fails before
 * it changes no count.
 */

/** What a script returns to Redis: the events for the calling node as JSON, or the empty text; then values. */
type Result<R extends readonly unknown[]> = [events: string, ...R]

/** The script of a step. That of a batch step returns the result of one partition. */
export type Script<Name extends ScriptName> = (
  args: Texts<Takes<Name>>,
) => Name extends BatchStepName ? Values<Returns<Name>> : Result<Values<Returns<Name>>>

let differences: Partial<Record<string, number>> = {}
let counts: AppCounts | undefined

export const beginCounts = (): void => {
  differences = {}
  counts = undefined
}

/** Returns whether the counts are written at the end of the call, for all of its scripts. That spares each of many messages two commands. */
const sharesCounts = (): boolean => call.shared !== undefined && script.serverPrefix !== ''

const countsOfApp = (): AppCounts => {
  if (counts !== undefined) return counts
  const known = sharesCounts() ? call.shared?.counts : undefined
  counts = known?.[script.appId] ?? { key: script.keys.counts, stored: {}, added: {} }
  if (known !== undefined) known[script.appId] = counts
  return counts
}

/** Adds to a count of the app. */
export const count = (field: string, difference: number): void => {
  differences[field] = (differences[field] ?? 0) + difference
}

/** Returns a count of the app, with what this script has added. */
export const counted = (field: string): number => {
  const of = countsOfApp()
  const stored = of.stored[field] ?? tonumber(redis.call('HGET', of.key, field) || '0') ?? 0
  of.stored[field] = stored
  return stored + (of.added[field] ?? 0) + (differences[field] ?? 0)
}

/** Returns whether the app's limits leave room for more bytes, and for more inboxes if `inboxes` is not 0. */
export const hasRoom = (bytes: number, maxBytes: number, inboxes: number, maxInboxes: number): boolean =>
  counted('bytes') + bytes <= maxBytes && (inboxes === 0 || counted('inboxes') + inboxes <= maxInboxes)

/** Writes what scripts have added to an app's counts. Returns the new values of these counts; undefined if there are none. */
export const writeCounts = (of: AppCounts): Partial<Counts> | undefined => {
  let changed: Partial<Record<string, number>> | undefined
  for (const [field, difference] of pairs(of.added)) {
    const value = redis.call('HINCRBY', of.key, field, whole(difference))
    changed ??= {}
    changed[field] = value
    of.stored[field] = value
  }
  of.added = {}
  return changed
}

const takeCounts = (): void => {
  let added: AppCounts['added'] | undefined
  for (const [field, difference] of pairs(differences)) {
    added ??= countsOfApp().added
    added[field] = (added[field] ?? 0) + difference
  }
  const changed = counts !== undefined && !sharesCounts() ? writeCounts(counts) : undefined
  // In a cluster the calling node adds up the counts of all partitions. It knows the partition by the user.
  if (changed === undefined || script.serverPrefix !== '' || script.userId === '') return
  script.events.push({ type: 'counts', appId: script.appId, userId: script.userId, changed })
}

/**
 * Writes the counts, unless they are written at the end of the call. Returns the result of the script. The node reads one text of events
 * faster than a list of lists.
 */
export const reply = <const R extends readonly unknown[]>(...values: R): Result<R> => {
  takeCounts()
  return [script.events.length > 0 ? json(script.events) : '', ...values]
}

/**
 * Does what `reply` does, and appends the items of a list to the result. A long list can't be passed to `reply`, because Lua's stack has
 * room for 8,000 values only.
 */
export const replyList = <T, const R extends readonly unknown[]>(
  list: readonly T[],
  ...values: R
): Result<[...R, ...T[]]> => {
  const result: unknown[] = reply(...values)
  for (const item of list) result.push(item)
  return result as Result<[...R, ...T[]]>
}
