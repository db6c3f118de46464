import type { Message } from '../../../protocol/index.js'
import type { PushDevice, UserRef } from '../../engine.js'
import { engineRules } from '../../rules.js'
import type { PeerMark, RecordOf, TransferRecord, UserFacts } from '../../transfer.js'
import { hashOf, type KeyOwner } from '../keys.js'
import { ENTRY, UNREAD, USER } from '../fields.js'
import { pairsOf } from '../lists.js'
import { ownDevice } from '../push/own-device.js'
import type { SessionRow } from '../sessions/session-row.js'
import { userRecordOf } from '../sessions/shared-users.js'
import type { Command, RedisRows } from './rows.js'

/** A message may have 16 kB of text, so a page may have 1 MB. */
const MESSAGES_PER_PAGE = 64

/** Yields what is known about a user, and the messages of the inbox. */
export async function* exportUser(
  rows: RedisRows,
  of: UserRef,
  sendWindow: number,
): AsyncGenerator<TransferRecord[]> {
  const owner = rows.owner(of)
  const { partition } = owner
  const [hash, numbers, sessions, unread] = await rows.read(partition, [
    ['HGETALL', rows.key('user', owner)],
    ['INBOX', rows.key('user', owner)],
    ['HVALS', rows.key('sessions', owner)],
    ['HGETALL', rows.key('unread', owner)],
  ])
  const [deletions, offset, first, readOffset] = numbers as [number, number, number, number]
  const user = factsOf(of, new Map(pairsOf(hash)), rows.now, deletions)
  user.devices = await ownedBy(rows, of, user.devices)
  for (const json of sessions as string[]) {
    const { lastSeenAt } = JSON.parse(json) as SessionRow
    user.lastSeenAt = Math.max(user.lastSeenAt ?? 0, lastSeenAt)
  }
  const marks = pairsOf(unread).flatMap(([field, mark]): PeerMark[] => {
    const [upTo = 0, newest = 0] = mark.split(' ').map(Number)
    return field.startsWith(UNREAD.mark) && newest >= first ? [[field.slice(1) || null, upTo, newest]] : []
  })
  let records: TransferRecord[] = [user]
  if (offset > 0) records.push({ kind: 'inbox', ...of, deletions, offset, first, readOffset, marks })
  for (let from = first, isLast = false; from <= offset && !isLast;) {
    const range = [`${from}-0`, `${offset}-9`, 'COUNT', String(MESSAGES_PER_PAGE)]
    const [entries] = await rows.read(partition, [['XRANGE', rows.key('inbox', owner), ...range]])
    const found = (entries as [id: string, entry: string[]][]).map((each) => messageOf(of, each, rows.now))
    const received = found.filter(({ message, age }) => message.to === of.userId && age <= sendWindow)
    await addSentIds(rows, owner, received, deletions)
    yield records.concat(found)
    records = []
    from = (found.at(-1)?.message.offset ?? offset) + 1
    isLast = found.length < MESSAGES_PER_PAGE
  }
  yield records
}

/** Returns what the hash of a user says. */
const factsOf = (
  of: UserRef,
  hash: ReadonlyMap<string, string>,
  now: number,
  deletions: number,
): UserFacts => {
  type Field = keyof typeof USER
  const textOf = (name: Field): string | undefined => hash.get(USER[name])
  const parsed = (name: Field): unknown => JSON.parse(textOf(name) ?? 'null') ?? undefined
  const numberOf = (name: Field): number | undefined => parsed(name) as number | undefined
  const leftOf = (name: Field): number => Math.max(0, (numberOf(name) ?? 0) - now)
  const record = userRecordOf(of, [textOf('profiles') ?? null, textOf('createdAt') ?? null]) ?? undefined
  const [revokedBefore = null, checkedFrom] = [numberOf('revokedBefore'), numberOf('unreadCheckOffset')]
  const [by, byCreatedAt = 0, createdAt = 0, messages = 0] =
    (parsed('adoption') as [string, number, number, number] | undefined) ?? []
  return {
    ...{ kind: 'user', ...of },
    record,
    guest: record && hash.has(USER.guest),
    devices: parsed('devices') as PushDevice[] | undefined,
    lastSeenAt: numberOf('lastSeenAt'),
    revoked: revokedBefore !== null || deletions > 0 ? { revokedBefore, deletions } : undefined,
    adoption:
      by === undefined
        ? undefined
        : { by, byCreatedAt, createdAt, messages, left: leftOf('keptUntil'), isMoving: false },
    check:
      checkedFrom === undefined
        ? undefined
        : { offset: checkedFrom, deletions, left: leftOf('unreadCheckAt') },
  }
}

const messageOf = (
  of: UserRef,
  [id, entry]: [id: string, entry: string[]],
  now: number,
): RecordOf<'message'> => {
  const valueOf = (field: string): string => entry[entry.indexOf(field) + 1] ?? ''
  const json = valueOf(ENTRY.message)
  const [storedAt = '', kind = ''] = valueOf(ENTRY.about).split(' ')
  return {
    ...{ kind: 'message', ...of },
    message: { offset: parseInt(id, 10), ...(JSON.parse(json) as Omit<Message, 'offset'>) },
    size: Buffer.byteLength(json) + engineRules.messageOverhead,
    age: Math.max(0, now - Number(storedAt)),
    ...{ sent: null, isRead: kind.startsWith('x') },
  }
}

/** Returns those of the devices in a user's hash that the user owns. A device that has passed to another user is still in the hash. */
const ownedBy = async (
  { runner }: RedisRows,
  of: UserRef,
  devices: readonly PushDevice[] = [],
): Promise<PushDevice[] | undefined> => {
  const owners = await Promise.all(devices.map((device) => ownDevice(runner, 'read', of, device)))
  const owned = devices.filter((_device, n) => owners[n]?.[0] === of.userId)
  return owned.length > 0 ? owned : undefined
}

/** Adds to received messages what Redis stores for their ids, unless that has expired, or is about a deleted inbox. */
const addSentIds = async (
  rows: RedisRows,
  owner: KeyOwner,
  received: readonly RecordOf<'message'>[],
  deletions: number,
): Promise<void> => {
  const { appId, userId: to, partition } = owner
  if (received.length === 0) return
  const replies = await rows.read(
    partition,
    received.flatMap(({ message: { from, id } }): Command[] => {
      const key = rows.key('id', { ...owner, hashed: `id:${hashOf(appId, to, from, id)}` })
      return [
        ['GET', key],
        ['PTTL', key],
      ]
    }),
  )
  const add = async (record: RecordOf<'message'>, n: number): Promise<void> => {
    const { from, id } = record.message
    const [value, left] = [replies[2 * n], Number(replies[2 * n + 1])]
    const [digest = '', , own = '', , toDeletions, fromDeletions = ''] = String(value ?? '').split(' ')
    if (left <= 0 || Number(toDeletions) !== deletions) return
    const ownOffset = from === null ? null : Number(own)
    record.sent = { digest, ownOffset, left, deletions: [deletions, Number(fromDeletions)] }
    if (from === null || own !== '0') return
    // A second step has made the own copy, so the sender's partition has its offset.
    const sender = rows.owner({ appId, userId: from })
    const hashed = `own:${hashOf(appId, from, to, id, fromDeletions, String(deletions))}` as const
    const [offset] = await rows.read(sender.partition, [['GET', rows.key('own', { ...sender, hashed })]])
    record.sent.ownOffset = Number(offset)
  }
  await Promise.all(received.map(add))
}
