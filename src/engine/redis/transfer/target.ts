import { randomBytes } from 'node:crypto'
import { epochsText } from '../format.js'
import { EMPTY_QUEUE, withEvent, type Queue } from '../../decide/webhooks/queue.js'
import type { UserRef } from '../../engine.js'
import { EngineError } from '../../errors.js'
import { engineRules } from '../../rules.js'
import {
  unfinishedTransfer,
  type RecordOf,
  type SentId,
  type TransferPages,
  type TransferRecord,
  type TransferTarget,
  type UserFacts,
} from '../../transfer.js'
import { senderOf } from '../../decide/users/user-changes.js'
import { userKey } from '../../user-key.js'
import { hashOf, type HashedKind, type KeyKind, type KeyOwner } from '../keys.js'
import { ENTRY, UNREAD, USER } from '../fields.js'
import { ownDevice } from '../push/own-device.js'
import { tokenHash } from '../sessions/session-record.js'
import { profilesText } from '../sessions/shared-users.js'
import { FIRST_PARTITION, RedisRows, type Command, type RedisPlace } from './rows.js'

const KEY_BYTES = 32
/** How many commands one call has at most. The commands of 1,000 long messages take 5 MB. */
const COMMANDS_PER_CALL = 1_000

const newSecret = (): string => randomBytes(KEY_BYTES).toString('base64')

/** Writes to a Redis, which must have no data under the prefix of `place`. */
export const redisTarget =
  (place: RedisPlace): TransferTarget =>
  async (pages, restart) => {
    const rows = await RedisRows.open(place)
    try {
      const target = new RedisImport(rows)
      await target.begin(restart)
      await target.write(pages)
    } finally {
      await rows.client.close()
    }
  }

/** For `JSON.stringify`: leaves out fields that are null, because scripts take only a missing field for null. */
const withoutNulls = (_name: string, value: unknown): unknown => value ?? undefined

/** An inbox of which all messages so far are written. `marks` has the offsets of the marks of peers. */
interface OpenInbox {
  readonly facts: RecordOf<'inbox'>
  readonly owner: KeyOwner
  readonly marks: ReadonlyMap<string | null, number>
  unread: number
  bytes: number
  oldestAt: number | undefined
}

/** As `scripts/users/user.ts` has them. */
type InboxNumbers = Partial<
  Record<
    'deletions' | 'newest' | 'first' | 'readOffset' | 'readUpTo' | 'unread' | 'bytes' | 'oldestAt',
    number | undefined
  >
>

class RedisImport {
  readonly #rows: RedisRows
  /** The queues of pending webhook events, by their keys. */
  readonly #queues = new Map<string, Queue>()
  /** The greatest number of an app's events in a partition, by the key `numbers`. */
  readonly #newest = new Map<string, number>()
  /** The commands that are not sent yet, by their partition. Without a cluster all are in one list. */
  #commands = new Map<number, Command[]>()
  /** The inbox whose messages come now. */
  #inbox: OpenInbox | undefined

  constructor(rows: RedisRows) {
    this.#rows = rows
  }

  /** Stores the key `transfer`, with which no engine opens the data, and the secrets of an engine. */
  async begin(restart: boolean): Promise<void> {
    const { prefix } = this.#rows.runner.keys
    const kept = this.#rows.runner.keys.of(['transfer', 'key', 'epochs'], FIRST_PARTITION)
    const [transfer = '', key = '', epochs = ''] = kept
    const [isNew, isUnfinished] = await this.#rows.write(0, [
      ['MSETNX', transfer, '1', key, newSecret(), epochs, epochsText(newSecret())],
      ['EXISTS', transfer],
    ])
    if (isNew === 1) return
    if (isUnfinished !== 1)
      throw new EngineError(
        'unavailable',
        `The Redis of --to holds data with the prefix ${prefix}: name another prefix in --to.`,
      )
    if (!restart) throw new EngineError('unavailable', unfinishedTransfer('The Redis of --to'))
    for await (const names of this.#rows.names()) {
      for (const { name, partition } of names)
        if (!kept.includes(name)) this.#command(partition, 'UNLINK', name)
      await this.#send()
    }
  }

  async write(pages: TransferPages): Promise<void> {
    for await (const records of pages) {
      for (const record of records) {
        if (record.kind !== 'message') this.#finishInbox()
        await this.#add(record)
      }
      await this.#send()
    }
    this.#finishInbox()
    await this.#send()
    await this.#rows.write(0, [['DEL', this.#rows.key('transfer', FIRST_PARTITION)]])
  }

  #add(record: TransferRecord): void | Promise<void> {
    const { partitions } = this.#rows.runner
    switch (record.kind) {
      case 'key': {
        const bytes = Buffer.from(record.key, 'base64url')
        return this.#put(FIRST_PARTITION, 'SET', 'key', bytes.toString('base64'))
      }
      case 'app': {
        const { appId, revokedBefore, options, isSearched } = record
        if (revokedBefore !== undefined)
          for (const partition of partitions.all)
            this.#put({ partition, appId, userId: '' }, 'SET', 'revoked', revokedBefore)
        if (options) {
          this.#put(FIRST_PARTITION, 'HSET', 'apps', appId, JSON.stringify(options))
          this.#put(FIRST_PARTITION, 'HSET', 'appNotes', appId, this.#rows.now)
        }
        if (isSearched) this.#put(FIRST_PARTITION, 'HSET', 'appNotes', `${appId}\0`, 1)
        return
      }
      case 'token': {
        const { appId, tokenId, left } = record
        const hashed = `token:${tokenHash(appId, tokenId)}` as const
        const owner = { partition: partitions.ofToken(appId, tokenId), appId, userId: '', hashed }
        this.#put(owner, 'HSET', 'token', 'revoked', 1)
        if (left !== null) this.#put(owner, 'PEXPIRE', 'token', Math.ceil(left))
        const until = left === null ? '+inf' : Math.ceil(this.#rows.now + left)
        return this.#put(owner, 'ZADD', 'tokens', until, tokenId)
      }
      case 'user':
        return this.#addUser(record)
      case 'inbox': {
        const owner = this.#rows.owner(record)
        const marks = new Map(record.marks.map(([peer, offset]) => [peer, offset]))
        this.#inbox = { facts: record, owner, marks, unread: 0, bytes: 0, oldestAt: undefined }
        for (const [peer, ...mark] of record.marks)
          this.#put(owner, 'HSET', 'unread', UNREAD.mark + (peer ?? ''), mark.join(' '))
        return
      }
      case 'message':
        return this.#addMessage(record)
      case 'event':
        return this.#addEvent(record)
    }
  }

  async #addUser(facts: UserFacts): Promise<void> {
    const { appId, userId, record, guest, devices, lastSeenAt, revoked, adoption, check } = facts
    const { now, runner } = this.#rows
    const owner = this.#rows.owner(facts)
    const sender = record && senderOf(record)
    const hash: Partial<Record<keyof typeof USER, string | number | null | undefined>> = {
      createdAt: record?.createdAt,
      profiles: record && profilesText(record),
      sender: sender && JSON.stringify(sender),
      guest: guest ? 1 : null,
      lastSeenAt,
      revokedBefore: revoked?.revokedBefore,
      devices: devices && JSON.stringify(devices),
      deviceCount: devices?.length,
      pushDueAt: devices && now,
      adoption:
        adoption &&
        JSON.stringify([adoption.by, adoption.byCreatedAt, adoption.createdAt, adoption.messages]),
      // The sweep deletes the guest at this time if there are no messages and no session has started. An adoption is forgotten.
      keptUntil: guest ? now + engineRules.guestStartTimeout : adoption && Math.ceil(now + adoption.left),
      moveDueAt: adoption?.isMoving ? now : null,
    }
    for (const [name, value] of Object.entries(hash))
      if (value !== undefined && value !== null && value !== '')
        this.#put(owner, 'HSET', 'user', USER[name as keyof typeof hash], value)
    if (revoked && revoked.deletions > 0) this.#putNumbers(owner, { deletions: revoked.deletions })
    if (record) {
      this.#put(owner, 'ZADD', 'users', 0, userId)
      this.#count(owner, 'counts', 'users', 1)
      this.#count(owner, 'counts', 'guests', guest ? 1 : 0)
    }
    await Promise.all((devices ?? []).map((device) => ownDevice(runner, 'own', facts, device)))
    // Without this key, the first step that moves the guest's messages would report the adoption. The source's engine has already
    // reported it.
    if (adoption?.isMoving)
      this.#putFor(adoption.left, { appId, userId: adoption.by }, 'adopted', hashOf(appId, userId), '0')
    if (check) {
      // A folder may have a later check of the same user, too.
      this.#put(owner, 'HSETNX', 'user', USER.unreadCheckAt, Math.ceil(now + check.left))
      this.#put(owner, 'HSETNX', 'user', USER.unreadCheckOffset, check.offset)
    }
    // The sweep finds the user at once, and sets the time of the user's next deadline.
    if (guest || devices || adoption || check) this.#put(owner, 'ZADD', 'deadlines', now, userKey(facts))
  }

  #addMessage({ userId, message, age, sent, isRead }: RecordOf<'message'>): void {
    const inbox = this.#inbox
    if (!inbox) return
    const { owner } = inbox
    const { offset, sentAt, ...rest } = message
    const { from, to } = rest
    // As inboxes in Redis have it: without the offset, and with `sentAt` last.
    const json = JSON.stringify({ ...rest, sentAt })
    const size = Buffer.byteLength(json) + engineRules.messageOverhead
    const storedAt = Math.floor(this.#rows.now - age)
    const peer = from === userId ? `s${to}` : `${isRead ? 'x' : 'r'}${from ?? ''}`
    const entry = [ENTRY.message, json, ENTRY.about, `${storedAt} ${peer}`]
    this.#put(owner, 'XADD', 'inbox', offset, ...entry)
    this.#put(owner, 'RPUSH', 'peerLog', `${offset} ${peer}`)
    inbox.oldestAt ??= storedAt
    inbox.bytes += size
    if (from !== null && from !== userId) this.#count(owner, 'held', from, size)
    const mark = Math.max(inbox.facts.readOffset, inbox.marks.get(from) ?? 0)
    if (from !== userId && !isRead && offset > mark) {
      inbox.unread++
      this.#count(owner, 'unread', UNREAD.messages + (from ?? ''), 1)
      this.#count(owner, 'unread', UNREAD.bytes + (from ?? ''), size)
    }
    if (sent) this.#addId(owner.appId, message, sent)
  }

  #addId(
    appId: string,
    { id, from, to, offset, sentAt }: RecordOf<'message'>['message'],
    { digest, ownOffset, left, deletions: [toDeletions, fromDeletions] }: SentId,
  ): void {
    // As in `Outgoing`: in a cluster a second step makes the sender's own copy.
    const isAway = this.#rows.runner.isCluster && from !== null && from !== to
    const own = isAway ? 0 : (ownOffset ?? 0)
    const value = [digest, offset, own, sentAt, toDeletions, fromDeletions].join(' ')
    this.#putFor(left, { appId, userId: to }, 'id', hashOf(appId, to, from, id), value)
    if (!isAway || ownOffset === null) return
    const hash = hashOf(appId, from, to, id, String(fromDeletions), String(toDeletions))
    this.#putFor(left, { appId, userId: from }, 'own', hash, String(ownOffset))
  }

  /** Adds an event. Its number is new in its partition: an event from a Redis stays in its partition, and a folder has one sequence. */
  #addEvent({ event, attempts, lastError, state }: RecordOf<'event'>): void {
    const { id, type, seq, at, appId, userId, data } = event
    const partition = this.#rows.runner.partitions.ofEvent(event, id)
    const owner = { partition, appId, userId }
    const json = JSON.stringify({ id, type, seq, at, appId, userId, data })
    this.#put(owner, 'HSET', 'events', seq, json, `a${seq}`, JSON.stringify({ attempts, lastError }))
    const numbers = this.#rows.key('numbers', owner)
    this.#newest.set(numbers, Math.max(seq, this.#newest.get(numbers) ?? 0))
    this.#put(owner, 'HSET', 'numbers', 'event', this.#newest.get(numbers) ?? seq)
    this.#put(owner, 'ZADD', state, seq, seq)
    if (state === 'failed') return
    const queue = this.#rows.key('queue', owner)
    const before = this.#queues.get(queue) ?? EMPTY_QUEUE
    const size = Buffer.byteLength(json) + engineRules.eventOverhead
    // When the event is due is in the key `due`.
    const after = withEvent(before, event, size, { run: 0, dueAt: 0 })
    this.#queues.set(queue, after)
    this.#put(owner, 'ZADD', 'queue', seq, seq)
    this.#put(owner, 'HSET', 'events', `q${userId}`, JSON.stringify(after, withoutNulls))
    if (before.first === 0) this.#put(owner, 'ZADD', 'due', this.#rows.now, seq)
    this.#count(owner, 'counts', 'events', 1)
    this.#count(owner, 'counts', 'eventBytes', size)
  }

  #finishInbox(): void {
    const inbox = this.#inbox
    if (!inbox) return
    this.#inbox = undefined
    const { facts, owner, unread, bytes, oldestAt } = inbox
    const { deletions, offset: newest, first, readOffset, marks } = facts
    const readUpTo = marks.length > 0 ? readOffset : undefined
    this.#putNumbers(owner, { deletions, newest, first, readOffset, readUpTo, unread, bytes, oldestAt })
    if (oldestAt !== undefined) this.#put(owner, 'ZADD', 'aging', oldestAt, facts.userId)
    this.#count(owner, 'counts', 'inboxes', 1)
    this.#count(owner, 'counts', 'bytes', bytes)
  }

  /** Stores numbers of an inbox. Those that are absent are as in a new inbox. */
  #putNumbers(owner: KeyOwner, numbers: InboxNumbers): void {
    this.#put(owner, 'INBOX', 'user', JSON.stringify(numbers))
  }

  /** Stores a value for `left` more milliseconds. */
  #putFor(left: number, of: UserRef, kind: HashedKind, hash: string, value: string): void {
    const owner = { ...this.#rows.owner(of), hashed: `${kind}:${hash}` as const }
    this.#put(owner, 'SET', kind, value, 'PX', Math.max(1, Math.ceil(left)))
  }

  #put(owner: KeyOwner, name: string, kind: KeyKind, ...args: (string | number)[]): void {
    this.#command(owner.partition, name, this.#rows.key(kind, owner), ...args.map(String))
  }

  #command(partition: number, ...command: Command): void {
    const list = this.#rows.runner.isCluster ? partition : 0
    const commands = this.#commands.get(list)
    if (commands) commands.push(command)
    else this.#commands.set(list, [command])
  }

  /** Adds to a field of a hash. */
  #count(owner: KeyOwner, kind: KeyKind, field: string, difference: number): void {
    this.#put(owner, 'HINCRBY', kind, field, difference)
  }

  async #send(): Promise<void> {
    const lists = [...this.#commands]
    this.#commands = new Map()
    await Promise.all(
      lists.map(async ([partition, commands]) => {
        while (commands.length > 0) await this.#rows.write(partition, commands.splice(0, COMMANDS_PER_CALL))
      }),
    )
  }
}
