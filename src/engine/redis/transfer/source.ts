import { isGuestId } from '../../../protocol/index.js'
import type { AppOptions, PendingEvent, UserRef, WebhookEvent } from '../../engine.js'
import { EngineError } from '../../errors.js'
import { unfinishedTransfer, type RecordOf, type TransferPages, type TransferRecord } from '../../transfer.js'
import { STATE } from '../fields.js'
import { epochsText, otherFormat } from '../format.js'
import { pairsOf } from '../lists.js'
import { SharedAdoptions } from '../messages/shared-adoptions.js'
import { OwnCopies } from '../messages/own-copies.js'
import { exportUser } from './export-user.js'
import { FIRST_PARTITION, RedisRows, type RedisPlace } from './rows.js'

const EVENTS_PER_PAGE = 200
/** The first pages of this many users are read at once. Each may have 1 MB. */
const USERS_AT_ONCE = 16

const IN_USE = 'A gateway uses the Redis of --from: stop it. After a crash its lease ends within 10 seconds.'

const USED_MEANWHILE =
  'A gateway has used the Redis of --from meanwhile: stop it, and run `chat-session copy` again with --restart.'

/** Returns the ids in a text: the app's id, NUL, the user's id. */
const refOf = (rest: string): UserRef => {
  const [appId = '', ...userId] = rest.split('\0')
  return { appId, userId: userId.join('\0') }
}

/**
 * Yields the records of a Redis that no node has open. Ids of messages are kept for `sendWindow` milliseconds, so an older message has no
 * stored id.
 */
export async function* redisSource(place: RedisPlace, sendWindow: number): TransferPages {
  const options = new Map<string, AppOptions>()
  // The move of an adopted guest's messages reports the adoption, unless a gateway has done that before its crash.
  const rows = await RedisRows.open(place, (appId) => options.get(appId)?.webhooks ?? null)
  try {
    const { key, opened, apps, searched } = await stateOf(rows)
    if (typeof key !== 'string')
      throw new EngineError(
        'unavailable',
        `The Redis of --from has no data with the prefix ${place.prefix}: correct engine.prefix.`,
      )
    for (const [appId, json] of apps) options.set(appId, JSON.parse(json) as AppOptions)
    yield [
      { kind: 'key', key: Buffer.from(key, 'base64').toString('base64url') },
      ...[...options].map(([appId, each]): TransferRecord => ({ kind: 'app', appId, options: each })),
      ...searched.map((appId): TransferRecord => ({ kind: 'app', appId, isSearched: true })),
    ]
    await finishChanges(rows, options)
    yield* exportKeys(rows, sendWindow)
    // A gateway that has started and stopped meanwhile has no lease any more, but has changed `opened`.
    if ((await stateOf(rows)).opened !== opened) throw new EngineError('locked', USED_MEANWHILE)
  } finally {
    await rows.client.close()
  }
}

/** Resolves with what the first partition knows of the engine. Rejects if the data can't be transferred now. */
const stateOf = async (rows: RedisRows) => {
  const [nodes, isUnfinished, opened, key, epochs, notes, apps] = await rows.read(0, [
    ['ZRANGE', rows.key('nodes', FIRST_PARTITION), '0', '-1', 'WITHSCORES'],
    ['EXISTS', rows.key('transfer', FIRST_PARTITION)],
    ['HGET', rows.key('state', FIRST_PARTITION), STATE.opened],
    ['GET', rows.key('key', FIRST_PARTITION)],
    ['GET', rows.key('epochs', FIRST_PARTITION)],
    ['HKEYS', rows.key('appNotes', FIRST_PARTITION)],
    ['HGETALL', rows.key('apps', FIRST_PARTITION)],
  ])
  if (pairsOf(nodes).some(([, until]) => Number(until) > rows.now)) throw new EngineError('locked', IN_USE)
  if (isUnfinished === 1) throw new EngineError('unavailable', unfinishedTransfer('The Redis of --from'))
  if (typeof epochs === 'string' && !epochs.startsWith(epochsText('')))
    throw new EngineError('unavailable', otherFormat('The Redis of --from'))
  const searched = (notes as string[]).filter((note) => note.endsWith('\0')).map((note) => note.slice(0, -1))
  return { opened, key, apps: pairsOf(apps), searched }
}

/** Makes the own copies, and moves the messages of adopted guests, that a crashed gateway has not made and moved. */
const finishChanges = async (rows: RedisRows, options: ReadonlyMap<string, AppOptions>): Promise<void> => {
  const { runner } = rows
  const { partitions, isCluster } = runner
  const ownCopies = new OwnCopies(runner)
  const adoptions = new SharedAdoptions({ runner, retentionOf: (appId) => options.get(appId)?.retention })
  if (isCluster) for (const partition of partitions.all) await ownCopies.makePending(partition, 0)
  for (const partition of partitions.all) {
    // Each adopted guest whose messages have to be moved has a deadline.
    const [members] = await rows.read(partition, [
      ['ZRANGE', rows.key('deadlines', { ...FIRST_PARTITION, partition }), '0', '-1'],
    ])
    const guests = (members as string[]).map(refOf).filter(({ userId }) => isGuestId(userId))
    for (const guest of guests) await adoptions.move(guest, Infinity)
  }
}

/** The kinds of the keys that are exported. What belongs to a user is found by the key `user`. */
const EXPORTED = new Set(['user', 'events', 'tokens', 'revoked'])

/** Yields the records of all keys that stand for a user, or for a list of an app in a partition. */
async function* exportKeys(rows: RedisRows, sendWindow: number): TransferPages {
  const known = new Set<string>()
  for await (const names of rows.names()) {
    const users: UserRef[] = []
    for (const { name, partition, kind, rest } of names) {
      if (known.has(name)) continue
      if (EXPORTED.has(kind)) known.add(name)
      if (kind === 'user') users.push(refOf(rest))
      if (kind === 'events') yield* exportEvents(rows, partition, rest)
      if (kind === 'tokens') yield* exportTokens(rows, name, partition, rest)
      // All partitions have the app's revocation, so the first one suffices.
      if (kind === 'revoked' && partition === 0) {
        const [before] = await rows.read(0, [['GET', name]])
        yield [{ kind: 'app', appId: rest, revokedBefore: Number(before) }]
      }
    }
    while (users.length > 0) {
      const exports = users.splice(-USERS_AT_ONCE).map((of) => exportUser(rows, of, sendWindow))
      const firsts = await Promise.all(exports.map((pages) => pages.next()))
      for (const [n, pages] of exports.entries()) {
        const first = firsts[n]
        if (first && first.done !== true) yield first.value
        yield* pages
      }
    }
  }
}

async function* exportEvents({ runner }: RedisRows, partition: number, appId: string): TransferPages {
  for (let after = '0', isLast = false; !isLast;) {
    const args = [after, EVENTS_PER_PAGE] as const
    const [list = []] = await runner.inPartitions(runner.steps.listEvents, [partition], appId, args)
    const found: RecordOf<'event'>[] = []
    for (const [state, json, outcome] of list) {
      const event = JSON.parse(String(json)) as WebhookEvent
      const { attempts, lastError } = JSON.parse(outcome) as PendingEvent
      found.push({ kind: 'event', event, attempts, lastError, state })
      after = String(event.seq)
    }
    isLast = found.length < EVENTS_PER_PAGE
    yield found
  }
}

/** Yields the revoked tokens of an app in a partition, which has one in a thousand of them. */
async function* exportTokens(rows: RedisRows, name: string, partition: number, appId: string): TransferPages {
  const [reply] = await rows.read(partition, [['ZRANGE', name, '0', '-1', 'WITHSCORES']])
  yield pairsOf(reply).flatMap(([tokenId, until]): TransferRecord[] => {
    const left = until === 'inf' ? null : Number(until) - rows.now
    return left === null || left > 0 ? [{ kind: 'token', appId, tokenId, left }] : []
  })
}
