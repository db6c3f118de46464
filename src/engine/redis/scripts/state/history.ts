import type { InboxReply } from '../../calls/values.js'
import { STATE } from '../../fields.js'
import type { WireEvent } from '../../wire-event.js'
import { call, script } from '../context/context.js'
import { json, whole } from '../context/text.js'
import type { InboxNumbers } from '../users/user.js'
import { history, HISTORY_KNOWN_FOR, info, publishTo } from './publish.js'

/*
 * The hash `state`, which describes a server. In a cluster each partition has such a hash, because a partition may move to another server.
 * `STATE` in `fields.ts` describes its fields.
 */

/** The numbers of an epoch are the generation times this, plus how many inboxes of the user were deleted: 14 digits, which cjson writes. */
const DELETIONS_PER_GENERATION = 1000
/** After as many milliseconds without a node or without Redis, there was a pause. */
const MAX_PAUSE = 6000
/** Within as many milliseconds the nodes say what they know; and within as many they store what a server lacks. */
const SETTLE_TIME = 5000
const LOSS_TIME = 1000
const REACHED_INTERVAL = 2000

/** What `STATE.unsettled` has, as JSON. */
export interface Doubt {
  since: number
  kept: Partial<Record<string, boolean>>
  awaited: Partial<Record<string, true>>
  isLossy: boolean
}

/** What the present script knows of the hash. */
let historyNo: number | undefined
let generation: number | undefined
let unsettled: string | undefined
let absent: string | undefined
let isVisited = false
let mayWrite = false

export const beginState = (writes: boolean): void => {
  historyNo = undefined
  generation = undefined
  unsettled = undefined
  absent = undefined
  isVisited = false
  mayWrite = writes
}

/** Returns the time by the server's clock. */
export const unshifted = (): number => script.now - script.shift

const isLongAgo = (at: number): boolean => Math.abs(unshifted() - at) > MAX_PAUSE

/**
 * Returns a number for a history or a generation. It counts hundredths of a second since 2026, so it is new even if Redis has lost the last
 * number: no server restarts twice within a hundredth. The 11 digits that are left for it in an epoch suffice for 30 years.
 */
const numberAfter = (last: number | undefined): number => {
  const FIRST_AT = 1_767_225_600_000
  const UNIT = 10
  return Math.max((last ?? 0) + 1, Math.floor((unshifted() - FIRST_AT) / UNIT))
}

/** Tells every node that the history or the generation has another number. */
const tellHistory = (): void => {
  const event: WireEvent = { type: 'history', partition: tonumber(script.partition) ?? 0 }
  script.events.push(event)
  publishTo('all', json(event))
}

/** Writes the doubt. */
export const storeDoubt = (doubt: Doubt): void => {
  unsettled = json(doubt)
  redis.call('HSET', script.keys.state, STATE.unsettled, unsettled)
}

/** Leaves the history unsettled until the nodes have said what they know, or the time is over. `awaited` has the nodes that must say so. */
const unsettle = (isLossy: boolean, awaited: Doubt['awaited']): void =>
  storeDoubt({ since: unshifted(), kept: {}, awaited, isLossy })

/** Ends the doubt, if there is one. The nodes that have not said what they know become absent. */
export const settle = (doubt?: Doubt): void => {
  const names: string[] = []
  for (const [node] of pairs(doubt?.awaited ?? {})) if (doubt?.kept[node] === undefined) names.push(node)
  if (names.length > 0) {
    absent = table.concat(names, ' ')
    redis.call('HSET', script.keys.state, STATE.absent, absent)
  }
  unsettled = undefined
  redis.call('HDEL', script.keys.state, STATE.unsettled)
}

/**
 * Begins another generation of epochs: the server lacks messages that clients have seen, and may give their offsets to other messages. If
 * nodes may know such messages (`doubt`), they store these before others come: messages of one sender keep their order.
 */
export const beginGeneration = (doubt?: Doubt): void => {
  const last = generation
  generation = numberAfter(last)
  redis.call('HSET', script.keys.state, STATE.generation, whole(generation))
  if (doubt !== undefined) unsettle(true, doubt.awaited)
  else settle()
  if (last !== undefined) tellHistory()
}

/**
 * Returns whether the history was settled before the calling node has said what it knows. Until it has, it may not store anything new:
 * messages of one sender keep their order.
 */
const isAbsent = (): boolean =>
  absent !== undefined && string.find(absent, script.self, 1, true)[0] !== undefined

/** Notes that the calling node has said what it knows. */
export const forgetAbsent = (): void => {
  if (absent === undefined || !isAbsent()) return
  const names: string[] = []
  for (const node of string.gmatch(absent, '%S+')) if (node !== script.self) names.push(node)
  absent = names.length > 0 ? table.concat(names, ' ') : undefined
  if (absent === undefined) redis.call('HDEL', script.keys.state, STATE.absent)
  else redis.call('HSET', script.keys.state, STATE.absent, absent)
}

/** Returns the doubt about the history; undefined if the history is settled. */
export const doubtOf = (): Doubt | undefined =>
  unsettled === undefined ? undefined : (cjson.decode(unsettled) as Doubt)

/** Ends a time in which nodes say what they know, if it is over. */
const endDoubt = (doubt: Doubt): void => {
  const age = Math.abs(unshifted() - doubt.since)
  if (doubt.isLossy && age > LOSS_TIME) settle(doubt)
  if (!doubt.isLossy && age > SETTLE_TIME) beginGeneration(doubt)
}

/** Notes another history. What an unsettled history lacks, the new one lacks, too. */
const noteHistory = (reachedAt: Stored | undefined): void => {
  historyNo = numberAfter(historyNo)
  const { state } = script.keys
  redis.call('HSET', state, STATE.history, history(), STATE.number, whole(historyNo))
  if (unsettled === undefined) redis.call('HSET', state, STATE.wholeUntil, reachedAt || '0')
  // The process that has begun this history counts evictions from 0.
  redis.call('HDEL', state, STATE.evicted)
  if (generation === undefined) return beginGeneration()
  unsettle(false, {})
  tellHistory()
}

/**
 * Looks whether the history of the server has changed: the server was restarted, a replica became the master, or the partition moved. The
 * server may then lack messages that were acknowledged. So the history is unsettled until the nodes have said that it lacks nothing that
 * they know of (`keepHistory`). If they have not said so within `SETTLE_TIME`, another generation begins, and they get `LOSS_TIME` to store
 * what is missing. Servers replicate writes in their order, so the server has all writes from before its `reachedAt`. That time becomes
 * `wholeUntil`.
 */
export const checkHistory = (): void => {
  const shared = call.shared?.history
  if (shared !== undefined) {
    historyNo = shared.number
    generation = shared.generation
    absent = shared.absent
    return
  }
  const { history: name, number, generation: of, unsettled: doubt, reachedAt, absent: away } = STATE
  const state = redis.call('HMGET', script.keys.state, name, number, of, doubt, reachedAt, away)
  generation = tonumber(state[2])
  historyNo = tonumber(state[1]) ?? generation
  unsettled = state[3] || undefined
  absent = state[5] || undefined
  if (state[0] !== history()) noteHistory(state[4])
  else if (unsettled !== undefined) endDoubt(cjson.decode(unsettled) as Doubt)
  if (call.shared !== undefined && unsettled === undefined)
    call.shared.history = { number: historyNo, generation, absent }
}

/**
 * Fails with UNSETTLED while the history is unsettled, or the calling node is absent. A script that writes, and gives or returns an offset or
 * an epoch, calls this function before it changes anything.
 */
export const awaitEpochs = (): void => {
  checkHistory()
  if (unsettled !== undefined || isAbsent())
    error({ err: 'UNSETTLED The gateways compare what they know with this server.' })
}

/** Reads the generation for a script that must also run while the history is unsettled. */
export const readGeneration = (): void => {
  generation = tonumber(redis.call('HGET', script.keys.state, STATE.generation)) ?? 0
}

/** Returns the generation, if the script has read it. */
export const knownGeneration = (): number | undefined => generation

/** Returns the number of the history that was last noticed. */
export const historyNumber = (): number =>
  historyNo ?? tonumber(redis.call('HGET', script.keys.state, STATE.number)) ?? 0

/** Returns the generation. A script that only reads can't note a changed history, so it fails with UNSETTLED: the caller runs `noteState`. */
const storedGeneration = (): number => {
  if (generation !== undefined) return generation
  if (mayWrite || call.shared?.history !== undefined) {
    awaitEpochs()
    return knownGeneration() ?? 0
  }
  const state = redis.call('HMGET', script.keys.state, STATE.history, STATE.generation, STATE.unsettled)
  if (state[2] !== false || state[0] !== history())
    error({ err: 'UNSETTLED The history of the server is not noted.' })
  generation = tonumber(state[1])
  return generation ?? 0
}

/** Returns the number in the epoch of a user's inbox. */
export const epochOf = ({ deletions }: InboxNumbers): number =>
  storedGeneration() * DELETIONS_PER_GENERATION + deletions

/** Returns the state of an inbox as steps return it. */
export const inboxReply = (user: InboxNumbers): InboxReply => [
  epochOf(user),
  user.newest,
  user.readOffset,
  user.unread,
]

/** Returns how many inboxes of the user were deleted before an epoch. */
export const deletionsIn = (epoch: number): number => epoch % DELETIONS_PER_GENERATION

/**
 * For each prefix of an engine's keys: the time since which sweeps have come to this server without a pause, and when the last one came. In
 * a cluster one node sweeps each partition. If that node is killed, nobody sweeps the partition until the node's lease has ended. That is
 * no pause if other nodes meanwhile sweep other partitions of the same server.
 */
const sweeps: Partial<Record<string, { since: number; at: number }>> = {}

/** Returns what the names of the engine's keys begin with, for which `sweeps` has an entry. */
const engineOf = (prefix: string): string => string.match(prefix, '^[^{]*')[0] ?? ''

const noteSweep = (): void => {
  // Without a cluster all partitions have the same `state`, and engines in other databases of the server have the same `sweeps`.
  if (script.serverPrefix !== '') return
  const name = engineOf(script.prefix)
  const at = unshifted()
  const known = sweeps[name]
  sweeps[name] = { since: known === undefined || isLongAgo(known.at) ? at : known.since, at }
}

/**
 * Returns the time since which nodes have reached the server without a pause. During a pause Redis or every node is away, so no client can
 * come back. A deadline that has not passed when a pause begins counts again from the end of the pause. If this script is the first after a
 * pause, the result is the present time. With `bySweeps`, a time in which nodes swept other partitions of this server is no pause, and a
 * pause has ended when they began to.
 */
export const reachedSince = (bySweeps = false): number => {
  const state = redis.call('HMGET', script.keys.state, STATE.reachedAt, STATE.reachedSince)
  const reachedAt = tonumber(state[0])
  const since = tonumber(state[1]) ?? 0
  if (reachedAt === undefined || !isLongAgo(reachedAt)) return since
  const swept = bySweeps ? sweeps[engineOf(script.prefix)] : undefined
  if (swept === undefined || isLongAgo(swept.at)) return script.now
  return swept.since <= reachedAt ? since : swept.since
}

/** Notes that a node has reached the server, and returns `reachedSince`. */
export const noteReached = (bySweeps: boolean): number => {
  // This call comes first, because it reads `reachedAt` as the earlier history has left it.
  checkHistory()
  const start = reachedSince(bySweeps)
  const last = tonumber(redis.call('HGET', script.keys.state, STATE.reachedAt))
  if (last === undefined || Math.abs(unshifted() - last) > REACHED_INTERVAL)
    redis.call('HSET', script.keys.state, STATE.reachedAt, unshifted(), STATE.reachedSince, start)
  return start
}

/**
 * How many keys the server has evicted, and when that was read. The number is read again only after `HISTORY_KNOWN_FOR` milliseconds: to
 * read it takes longer than all else that a call of the sweep does, and in a cluster the sweep makes a call for each partition.
 */
let knownEvicted: string | undefined
let evictedAt = 0

const evictedKeys = (): string => {
  if (knownEvicted === undefined || Math.abs(unshifted() - evictedAt) > HISTORY_KNOWN_FOR) {
    knownEvicted = info('stats', 'evicted_keys')
    evictedAt = unshifted()
  }
  return knownEvicted
}

/**
 * Begins another generation if the server has evicted keys. Engines refuse a server that reports a policy of eviction, but the policy may
 * change later.
 */
const checkEvictions = (): void => {
  const evicted = evictedKeys()
  const number = tonumber(evicted)
  const known = tonumber(redis.call('HGET', script.keys.state, STATE.evicted)) ?? 0
  if (number === undefined || number <= known) return
  redis.call('HSET', script.keys.state, STATE.evicted, evicted, STATE.wholeUntil, unshifted())
  beginGeneration()
}

/**
 * A sweep calls this function. It notes that a node has reached the server, and checks for evictions. A script for several partitions does
 * both once, because these partitions are on one server. In a cluster a script has only one partition.
 */
export const visit = (): void => {
  if (isVisited) return
  isVisited = true
  noteSweep()
  noteReached(true)
  checkEvictions()
}
