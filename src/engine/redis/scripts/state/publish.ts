import { script } from '../context/context.js'
import { json, whole } from '../context/text.js'
import type { WireEvent } from '../../wire-event.js'

/** Returns a field of a section of Redis's `INFO`; the empty text if the section lacks the field. */
export const info = (section: string, field: string): string =>
  string.match(redis.call('INFO', section), `${field}:(%w+)`)[0] ?? ''

/**
 * For how many milliseconds the server's history counts as known after it was read. A failover takes longer. A replica that becomes the
 * master reads its history, because these variables are not set there: a replica runs no scripts, and a full resynchronization loads its
 * libraries again.
 */
export const HISTORY_KNOWN_FOR = 100

let knownHistory: string | undefined
let knownAt = 0

/** Returns the server's history, which is the id of its replication. */
export const history = (): string => {
  const at = script.now - script.shift
  if (knownHistory === undefined || Math.abs(at - knownAt) > HISTORY_KNOWN_FOR) {
    knownHistory = info('replication', 'master_replid')
    knownAt = at
  }
  return knownHistory
}

/** With more channels a new run begins, because otherwise the table of their numbers grows for ever. */
const MAX_CHANNELS = 100_000

/*
 * The published texts of a channel are numbered, so that a node notices that a text was lost: the next text has too great a number, or the
 * node asks for the newest numbers. A run is a sequence of these numbers. Each process of the server begins another run.
 */
let run: string | undefined
let numbers: Partial<Record<string, number>> = {}
let channelCount = 0

/** Returns the name of the present run. */
export const runName = (): string => {
  if (run === undefined || channelCount > MAX_CHANNELS) {
    run = string.sub(history(), 1, 12) + string.format('%.0f', script.now - script.shift)
    numbers = {}
    channelCount = 0
  }
  return run
}

/** Returns how many texts of the present run were published on a channel. */
export const publishedOn = (name: string): number => numbers[name] ?? 0

/**
 * Publishes a text on a channel. `name` is a node's id, `name:` and a node's name, or `all` for the channel to which all nodes subscribe.
 * Returns how many nodes received the text.
 */
export const publishTo = (name: string, text: string): number => {
  const of = runName()
  const number = numbers[name]
  if (number === undefined) channelCount++
  const next = (number ?? 0) + 1
  numbers[name] = next
  const start = script.channels === '' ? `${script.prefix}channel:` : script.channels
  return redis.call(script.publish, start + name, `${of} ${whole(next)} ${text}`)
}

/**
 * Sends an event to nodes. The text `nodes` has their ids, separated by spaces. The calling node gets the event with the reply. If there is
 * a `brief`, the other nodes get the `brief` in place of the event.
 */
export const emit = (nodes: string | undefined, event: WireEvent, brief?: WireEvent): void => {
  if (nodes === undefined) return
  for (const node of string.gmatch(nodes, '%S+'))
    if (node === script.self) script.events.push(event)
    else publishTo(node, json(brief ?? event))
}
