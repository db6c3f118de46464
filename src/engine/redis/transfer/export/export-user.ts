import type { Message } from '../../../../protocol/index.js'
import type { PushDevice, UserRecord, UserRef } from '../../../engine.js'
import type { PeerMark, SentId, TransferRecord } from '../../../transfer.js'
import type { Reply } from '../../client/port.js'
import { hashOf } from '../../keys.js'
import { fields } from '../../lua/fields.js'
import { ownDevice } from '../../push/own-device.js'
import { timesOf } from '../../sessions/users/shared-users.js'
import type { StepRunner } from '../../step-runner.js'
import type { loadTransferSteps } from '../steps.js'

type TransferSteps = ReturnType<typeof loadTransferSteps>

/** A message may have 16 kB of text, so a page may have 1 MB. */
const MESSAGES_PER_PAGE = 64

const profileOf = (json: string | undefined): UserRecord['vouched'] =>
  json === undefined ? {} : (JSON.parse(json) as UserRecord['vouched'])

/** Returns the values of a hash by its fields. */
const fieldsOf = (list: readonly Reply[]): Map<string, string> => {
  const found = new Map<string, string>()
  for (let n = 0; n + 1 < list.length; n += 2) found.set(String(list[n]), String(list[n + 1]))
  return found
}

/** Yields pages of records: first what is known about a user, without messages, then the messages of the inbox. */
export async function* exportUser(
  runner: StepRunner,
  steps: TransferSteps,
  of: UserRef,
  sendWindow: number,
): AsyncGenerator<TransferRecord[]> {
  const [now, seen, ...rest] = await runner.onUser(steps.exportUser, of, [])
  const [deletions = 0, offset = 0, first = 1, readOffset = 0] = rest.splice(0, 4).map(Number)
  const found = fieldsOf(rest)
  const numberOf = (name: keyof typeof fields.user): number | null => {
    const text = found.get(fields.user[name])
    return text === undefined ? null : Number(text)
  }
  const records: TransferRecord[] = []

  const revokedBefore = numberOf('revokedBefore')
  if (revokedBefore !== null || deletions > 0)
    records.push({ kind: 'revocation', ...of, revokedBefore, deletions })
  const createdAt = numberOf('createdAt')
  if (createdAt !== null) {
    const [vouched, claimed] = [
      profileOf(found.get(fields.user.vouched)),
      profileOf(found.get(fields.user.claimed)),
    ]
    const user: UserRecord = {
      ...of,
      vouched,
      ...timesOf(found.get(fields.user.vouchedAt)),
      claimed,
      createdAt,
    }
    records.push({ kind: 'user', user, guest: found.has(fields.user.guest) })
  }
  const devices = found.get(fields.user.devices)
  const owned = devices === undefined ? [] : await ownedBy(runner, of, JSON.parse(devices) as PushDevice[])
  if (owned.length > 0) records.push({ kind: 'devices', ...of, devices: owned })
  const lastSeenAt = Math.max(numberOf('lastSeenAt') ?? 0, Number(seen))
  if (lastSeenAt > 0) records.push({ kind: 'seen', ...of, lastSeenAt })
  const adoption = found.get(fields.user.adoption)
  if (adoption !== undefined) {
    const [by, byCreatedAt, guestCreatedAt, messages] = JSON.parse(adoption) as [
      string,
      number,
      number,
      number,
    ]
    const left = Math.max(0, (numberOf('keptUntil') ?? 0) - Number(now))
    const facts = { by, byCreatedAt, createdAt: guestCreatedAt, messages, left, isMoving: false }
    records.push({ kind: 'adoption', ...of, ...facts })
  }
  const [checkAt, checkOffset] = [numberOf('unreadCheckAt'), numberOf('unreadCheckOffset')]
  if (checkAt !== null && checkOffset !== null) {
    const left = Math.max(0, checkAt - Number(now))
    records.push({ kind: 'check', ...of, offset: checkOffset, deletions, left })
  }
  if (offset > 0)
    records.push({
      ...{ kind: 'inbox', ...of, deletions, offset, first, readOffset },
      marks: await marksOf(runner, steps, of, first),
    })
  yield records

  for (let from = first; from <= offset;) {
    const list = await runner.onUser(steps.exportMessages, of, [
      ...[from, offset, MESSAGES_PER_PAGE].map(String),
    ])
    const page: Extract<TransferRecord, { kind: 'message' }>[] = []
    for (let n = 0; n + 3 < list.length; n += 4) {
      const message = JSON.parse(String(list[n])) as Message
      const [size, age] = [Number(list[n + 1]), Math.max(0, Number(list[n + 2]))]
      const isRead = Number(list[n + 3]) === 1
      page.push({ kind: 'message', ...of, message, size, age, sent: null, isRead })
      from = message.offset + 1
    }
    await Promise.all(
      page
        .filter(({ message, age }) => message.to === of.userId && age <= sendWindow)
        .map(async (each) => (each.sent = await sentIdOf(runner, steps, of, each.message, deletions))),
    )
    if (page.length > 0) yield page
    if (list.length < 4 * MESSAGES_PER_PAGE) return
  }
}

/** Returns those of the devices in a user's hash that the user owns. A device that has passed to another user is still in the hash. */
const ownedBy = async (
  runner: StepRunner,
  of: UserRef,
  devices: readonly PushDevice[],
): Promise<PushDevice[]> => {
  const owners = await Promise.all(devices.map((device) => ownDevice(runner, 'read', of, device)))
  return devices.filter((_device, n) => owners[n]?.[0] === of.userId)
}

/** Returns the marks of the peers in an inbox. */
const marksOf = async (
  runner: StepRunner,
  steps: TransferSteps,
  of: UserRef,
  first: number,
): Promise<PeerMark[]> => {
  const found = fieldsOf(await runner.onUser(steps.exportMarks, of, []))
  return [...found].flatMap(([peer, mark]): PeerMark[] => {
    const [offset = 0, newest = 0] = mark.split(' ').map(Number)
    return newest >= first ? [[peer || null, offset, newest]] : []
  })
}

/** Returns what Redis stores for the id of a received message; null if that has expired, or is about a deleted inbox. */
const sentIdOf = async (
  runner: StepRunner,
  steps: TransferSteps,
  { appId, userId: to }: UserRef,
  { id, from }: Message,
  deletions: number,
): Promise<SentId | null> => {
  const hashed = `id:${hashOf(appId, to, from, id)}` as const
  const [value, ttl] = await runner.onUser(steps.exportId, { appId, userId: to }, [], { hashed })
  const [digest = '', , own, , toDeletions, fromDeletions = ''] = String(value ?? '').split(' ')
  const left = Number(ttl)
  if (left <= 0 || Number(toDeletions) !== deletions) return null
  const counts: SentId['deletions'] = [deletions, Number(fromDeletions)]
  if (from === null) return { digest, ownOffset: null, left, deletions: counts }
  if (own !== '0') return { digest, ownOffset: Number(own), left, deletions: counts }
  // A second step has made the own copy, so the sender's partition has its offset.
  const sender = { appId, userId: from }
  const hash = hashOf(appId, from, to, id, fromDeletions, String(deletions))
  const [offset] = await runner.onUser(steps.exportOwnCopy, sender, [], { hashed: `own:${hash}` })
  return { digest, ownOffset: Number(offset), left, deletions: counts }
}
