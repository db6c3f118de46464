import { randomBytes } from 'node:crypto'
import type { UserRef } from '../../../engine.js'
import { EngineError } from '../../../errors.js'
import {
  unfinishedTransfer,
  type TransferTarget,
  type SentId,
  type TransferRecord,
} from '../../../transfer.js'
import { senderOf } from '../../../user-changes.js'
import { userKey } from '../../../user-key.js'
import type { RedisClient } from '../../client/port.js'
import { hashOf } from '../../keys.js'
import { fields, type InboxNumber } from '../../lua/fields.js'
import { ownDevice } from '../../push/own-device.js'
import { tokenHash } from '../../sessions/session-record.js'
import { timesText } from '../../sessions/users/shared-users.js'
import type { StepRunner } from '../../step-runner.js'
import { openRunner, type RedisPlace } from '../open-runner.js'
import { loadTransferSteps } from '../steps.js'

type RecordOf<Kind extends TransferRecord['kind']> = Extract<TransferRecord, { kind: Kind }>

const KEY_BYTES = 32
/** How many marks of peers one step writes. A peer's mark says up to which offset the peer's messages are read. */
const MARKS_PER_STEP = 500
/** About how many characters of messages go to Redis in one call. */
const MAX_CHARACTERS = 2 ** 20

const textOf = (profile: object): string => {
  const json = JSON.stringify(profile)
  return json === '{}' ? '' : json
}

/** Returns a message's JSON as inboxes in Redis have it: without the offset, and with `sentAt` last. */
const jsonOf = ({
  id,
  from,
  to,
  sender,
  body,
  data,
  adopted,
  sentAt,
}: RecordOf<'message'>['message']): string =>
  JSON.stringify({ id, from, to, sender, body, data, adopted, sentAt })

/** A Redis to which a transfer writes. Before the transfer it must have no data under the prefix of `place`. */
export class RedisTarget implements TransferTarget {
  readonly #place: RedisPlace
  readonly #steps = loadTransferSteps()
  #opened: { client: RedisClient; runner: StepRunner } | undefined
  #key = randomBytes(KEY_BYTES).toString('base64')

  constructor(place: RedisPlace) {
    this.#place = place
  }

  async open({ restart }: { restart: boolean }): Promise<void> {
    this.#opened = await openRunner(this.#place)
    const epochs = randomBytes(KEY_BYTES).toString('base64')
    const [state] = await this.#runner.onPartition(this.#steps.begin, 0, [epochs])
    if (state === 'unfinished') {
      if (!restart) throw new EngineError('unavailable', unfinishedTransfer('The Redis of --to'))
      await this.#clear()
    }
    if (state === 'used')
      throw new EngineError(
        'unavailable',
        `The Redis of --to holds data with the prefix ${this.#place.prefix}: name another prefix in --to.`,
      )
  }

  /** Writes the records of one user in their order, and those of different users at once. */
  async write(records: readonly TransferRecord[]): Promise<void> {
    const chains = new Map<string, TransferRecord[]>()
    for (const record of records) {
      const owner = ownerOf(record)
      const chain = chains.get(owner) ?? []
      chain.push(record)
      chains.set(owner, chain)
    }
    await Promise.all([...chains.values()].map((chain) => this.#writeInOrder(chain)))
  }

  async finish(): Promise<void> {
    await this.#runner.onPartition(this.#steps.finish, 0, [this.#key])
  }

  async close(): Promise<void> {
    await this.#opened?.client.close()
  }

  /** Deletes all keys with the prefix, except `transfer` and `epochs`, which `transfer-begin.lua` has set. */
  async #clear(): Promise<void> {
    if (!this.#opened) return
    const { client, runner } = this.#opened
    const kept = new Set(runner.keys.of(['transfer', 'epochs'], { partition: 0, appId: '', userId: '' }))
    for await (const names of client.keys(`${this.#place.prefix}{`)) {
      const byTag = new Map<string, string[]>()
      for (const name of names) {
        if (kept.has(name)) continue
        const [, tag = ''] = /\{([^}]*)\}/.exec(name) ?? []
        byTag.set(tag, [...(byTag.get(tag) ?? []), name])
      }
      const { partitions } = this.#runner
      await Promise.all(
        [...byTag].map(([tag, keys]) =>
          this.#runner.onKeys(this.#steps.clear, partitions.tags.indexOf(tag), keys),
        ),
      )
    }
  }

  get #runner(): StepRunner {
    if (!this.#opened) throw new EngineError('unavailable', 'The target is not open.')
    return this.#opened.runner
  }

  async #writeInOrder(records: readonly TransferRecord[]): Promise<void> {
    let messages: RecordOf<'message'>[] = []
    let characters = 0
    const writeMessages = async (): Promise<void> => {
      const list = messages
      messages = []
      characters = 0
      if (list.length > 0) await this.#writeMessages(list)
    }
    for (const record of records) {
      if (record.kind === 'message') {
        messages.push(record)
        characters += record.size
        if (characters >= MAX_CHARACTERS) await writeMessages()
      } else {
        await writeMessages()
        await this.#write(record)
      }
    }
    await writeMessages()
  }

  async #write(record: Exclude<TransferRecord, { kind: 'message' }>): Promise<void> {
    const runner = this.#runner
    switch (record.kind) {
      case 'key':
        this.#key = Buffer.from(record.key, 'base64url').toString('base64')
        return
      case 'app': {
        const { appId, revokedBefore, options } = record
        if (revokedBefore !== null)
          await runner.onEveryPartition(runner.steps.revokeApp, appId, [String(revokedBefore)])
        if (options) await runner.onApp(runner.steps.configure, 0, appId, [JSON.stringify(options), ''])
        return
      }
      case 'unread-scan':
        await runner.onApp(runner.steps.unreadBegun, 0, record.appId, [])
        return
      case 'token': {
        const { appId, tokenId, left } = record
        const hashed = `token:${tokenHash(appId, tokenId)}` as const
        const partition = runner.partitions.ofToken(appId, tokenId)
        await runner.onApp(this.#steps.importToken, partition, appId, [tokenId, String(left ?? '')], {
          hashed,
        })
        return
      }
      case 'user': {
        const { user, guest } = record
        const sender = senderOf(user)
        await this.#setFields(user, {
          createdAt: String(user.createdAt),
          vouched: textOf(user.vouched),
          vouchedAt: timesText(user),
          claimed: textOf(user.claimed),
          sender: sender === null ? '' : JSON.stringify(sender),
          guest: guest ? '1' : '',
        })
        return
      }
      case 'devices':
        await this.#setFields(record, {
          devices: JSON.stringify(record.devices),
          deviceCount: String(record.devices.length),
          pushDueAt: String(Date.now()),
        })
        await Promise.all(record.devices.map((device) => ownDevice(runner, 'own', record, device)))
        return
      case 'seen':
        await this.#setFields(record, {}, { seen: record.lastSeenAt })
        return
      case 'revocation': {
        const { revokedBefore, deletions } = record
        await this.#setFields(record, {
          revokedBefore: revokedBefore === null ? '' : String(revokedBefore),
          inbox: { deletions },
        })
        return
      }
      case 'adoption': {
        const { appId, userId, by, byCreatedAt, createdAt, messages } = record
        const adoption = JSON.stringify([by, byCreatedAt, createdAt, messages])
        await this.#setFields(record, { adoption }, { adoption: record })
        if (!record.isMoving) return
        // Without this key, the first step that moves the guest's messages would report the adoption. The source's engine has already
        // reported it.
        const hashed = `adopted:${hashOf(appId, userId)}` as const
        const args = ['0', String(Math.max(1, Math.ceil(record.left)))]
        await runner.onUser(this.#steps.importAdopted, { appId, userId: by }, args, { hashed })
        return
      }
      case 'inbox': {
        const { offset, first, readOffset } = record
        await this.#setFields(record, { inbox: { newest: offset, first, readOffset } })
        for (let n = 0; n < record.marks.length; n += MARKS_PER_STEP) {
          const marks = record.marks.slice(n, n + MARKS_PER_STEP)
          const args = marks.flatMap(([peer, ...mark]) => [peer ?? '', mark.join(' ')])
          await runner.onUser(this.#steps.importMarks, record, args)
        }
        return
      }
      case 'check':
        await this.#setFields(record, {}, { check: record })
        return
      case 'event':
        await this.#writeEvent(record)
    }
  }

  /** Sets those fields of a user's hash whose new values are not empty. */
  async #setFields(
    of: UserRef,
    {
      inbox = {},
      ...values
    }: { inbox?: Partial<Record<InboxNumber, number>> } & Partial<
      Record<Exclude<keyof typeof fields.user, 'inbox'>, string>
    >,
    {
      seen,
      check,
      adoption,
    }: { seen?: number; check?: RecordOf<'check'>; adoption?: RecordOf<'adoption'> } = {},
  ): Promise<void> {
    const list = Object.entries(values).flatMap(([name, value]) =>
      value === '' ? [] : [fields.user[name as keyof typeof fields.user], value],
    )
    const isMoving = adoption?.isMoving ? 1 : ''
    const others = [seen, check?.left, check?.offset, adoption?.left, isMoving].map((value) =>
      String(value ?? ''),
    )
    await this.#runner.onUser(this.#steps.importUser, of, [...others, JSON.stringify(inbox), ...list])
  }

  async #writeMessages(records: readonly RecordOf<'message'>[]): Promise<void> {
    const [of] = records
    if (!of) return
    const args = records.flatMap(({ message, age, isRead }) => [
      ...[String(message.offset), jsonOf(message), String(age), message.from ?? '', message.to],
      isRead ? '1' : '',
    ])
    await this.#runner.onUser(this.#steps.importMessages, of, args)
    await Promise.all(
      records.map(async ({ appId, message, sent }) => {
        if (sent) await this.#writeId(appId, message, sent)
      }),
    )
  }

  async #writeId(
    appId: string,
    { id, from, to, offset, sentAt }: RecordOf<'message'>['message'],
    { digest, ownOffset, left, deletions: [toDeletions, fromDeletions] }: SentId,
  ): Promise<void> {
    const runner = this.#runner
    const [recipient, sender] = [
      { appId, userId: to },
      { appId, userId: from ?? to },
    ]
    // As in `Outgoing`: in a cluster a second step makes the sender's own copy.
    const isAway = runner.isCluster && from !== null && from !== to
    const own = isAway ? 0 : (ownOffset ?? 0)
    const value = [digest, offset, own, sentAt, toDeletions, fromDeletions].join(' ')
    const hashed = `id:${hashOf(appId, to, from, id)}` as const
    const keptFor = String(Math.max(1, Math.ceil(left)))
    await runner.onUser(this.#steps.importId, recipient, [value, keptFor], { hashed })
    if (!isAway || ownOffset === null) return
    const hash = hashOf(appId, sender.userId, to, id, String(fromDeletions), String(toDeletions))
    await runner.onUser(this.#steps.importOwnCopy, sender, [String(ownOffset), keptFor], {
      hashed: `own:${hash}`,
    })
  }

  async #writeEvent({ event, attempts, lastError, state }: RecordOf<'event'>): Promise<void> {
    const { appId, userId, type, at, data } = event
    // Two partitions of a Redis may have given the same number to two events. The second of these gets a greater number here.
    for (let { id, seq } = event; ; seq++, id = `evt_${seq}_${randomBytes(12).toString('hex')}`) {
      const json = JSON.stringify({ id, type, seq, at, appId, userId, data })
      const outcome = JSON.stringify({ attempts, lastError })
      const args = [String(seq), json, id, outcome, state]
      const of = { appId, userId }
      const partition = this.#runner.partitions.ofEvent(of, id)
      const [isDone] = await this.#runner.inPartition(this.#steps.importEvent, partition, of, args)
      if (isDone === 1) return
    }
  }
}

/** Returns a text that stands for the owner of a record. The records of one owner must be written in their order. */
const ownerOf = (record: TransferRecord): string => {
  switch (record.kind) {
    case 'key':
      return ''
    case 'app':
    case 'unread-scan':
    case 'token':
      return record.appId
    case 'user':
      return userKey(record.user)
    case 'event':
      return userKey(record.event)
    default:
      return userKey(record)
  }
}
