import { isGuestId } from '../../../../protocol/index.js'
import type { AppOptions, PendingEvent, UserRef, WebhookEvent } from '../../../engine.js'
import { EngineError } from '../../../errors.js'
import { unfinishedTransfer, type TransferSource, type TransferRecord } from '../../../transfer.js'
import type { RedisClient, Reply } from '../../client/port.js'
import { SharedAdoptions } from '../../messages/adoption/shared-adoptions.js'
import { OwnCopies } from '../../messages/own-copies/own-copies.js'
import type { StepRunner } from '../../step-runner.js'
import { openRunner, type RedisPlace } from '../open-runner.js'
import { loadTransferSteps } from '../steps.js'
import { exportUser } from './export-user.js'

const EVENTS_PER_PAGE = 200
const TOKENS_PER_PAGE = 500
/** The first pages of this many users are read at once. */
const USERS_AT_ONCE = 16

const IN_USE = 'A gateway uses the Redis of --from: stop it. After a crash its lease ends within 10 seconds.'

const USED_MEANWHILE =
  'A gateway has used the Redis of --from meanwhile: stop it, and run `chat-session copy` again with --restart.'

interface FoundKey {
  partition: number
  kind: string
  rest: string
}

/** The data of a Redis engine, while no node has them open. */
export class RedisSource implements TransferSource {
  readonly #place: RedisPlace
  /** The ids of messages are kept for this many milliseconds, so an older message has no stored id. */
  readonly #sendWindow: number
  readonly #steps = loadTransferSteps()
  readonly #options = new Map<string, AppOptions>()
  #opened: { client: RedisClient; runner: StepRunner } | undefined

  constructor(place: RedisPlace, sendWindow: number) {
    this.#place = place
    this.#sendWindow = sendWindow
  }

  async open(): Promise<void> {
    // The move of an adopted guest's messages reports the adoption, unless a gateway has done that before its crash.
    this.#opened = await openRunner(this.#place, (appId) => this.#options.get(appId)?.webhooks ?? null)
    const { key } = await this.#assertUnused()
    if (key === null)
      throw new EngineError(
        'unavailable',
        `The Redis of --from has no data with the prefix ${this.#place.prefix}: correct engine.prefix.`,
      )
  }

  async *pages(): AsyncGenerator<TransferRecord[]> {
    const { client, runner } = this.#get()
    const { key, apps, opened } = await this.#assertUnused()
    for (const app of apps) if (app.kind === 'app' && app.options) this.#options.set(app.appId, app.options)
    yield [{ kind: 'key', key: Buffer.from(String(key), 'base64').toString('base64url') }, ...apps]
    await this.#makePendingOwnCopies()
    await this.#moveAdopted()
    const partitionOf = new Map(runner.partitions.tags.map((tag, partition) => [tag, partition]))
    for await (const names of client.keys(`${this.#place.prefix}{`)) {
      const found = [...new Set(names)].flatMap((name): FoundKey[] => {
        const [, tag = '', kind = '', rest = ''] =
          /^\{([^}]*)\}:([a-z]+):(.*)$/s.exec(name.slice(this.#place.prefix.length)) ?? []
        const partition = partitionOf.get(tag)
        return partition === undefined ? [] : [{ partition, kind, rest }]
      })
      yield* this.#exportUsers(found.filter(({ kind }) => kind === 'user').map(({ rest }) => refOf(rest)))
      for (const each of found) yield* this.#exportApp(each)
    }
    // A gateway that has started and stopped meanwhile has no lease any more, but has changed `opened`.
    if ((await this.#assertUnused()).opened !== opened) throw new EngineError('locked', USED_MEANWHILE)
  }

  async close(): Promise<void> {
    await this.#opened?.client.close()
  }

  #get(): { client: RedisClient; runner: StepRunner } {
    if (!this.#opened) throw new EngineError('unavailable', 'The source is not open.')
    return this.#opened
  }

  async #assertUnused(): Promise<{ opened: Reply; key: Reply; apps: TransferRecord[] }> {
    const [live, isUnfinished, opened = null, key = null, searched, ...list] =
      await this.#get().runner.onPartition(this.#steps.source, 0, [])
    if (Number(live) > 0) throw new EngineError('locked', IN_USE)
    if (isUnfinished === 1) throw new EngineError('unavailable', unfinishedTransfer('The Redis of --from'))
    const apps: TransferRecord[] = []
    for (let n = 0; n + 1 < list.length; n += 2) {
      const options = JSON.parse(String(list[n + 1])) as AppOptions
      apps.push({ kind: 'app', appId: String(list[n]), revokedBefore: null, options })
    }
    for (const appId of searched as string[]) apps.push({ kind: 'unread-scan', appId })
    return { opened, key, apps }
  }

  /** Makes the own copies that a crashed gateway has not made. */
  async #makePendingOwnCopies(): Promise<void> {
    const { runner } = this.#get()
    if (!runner.isCluster) return
    const ownCopies = new OwnCopies(runner)
    for (let partition = 0; partition < runner.partitions.count; partition++)
      await ownCopies.makePending(partition, 0)
  }

  /** Moves the messages of adopted guests that a crashed gateway has not moved. */
  async #moveAdopted(): Promise<void> {
    const { runner } = this.#get()
    const adoptions = new SharedAdoptions({
      runner,
      retentionOf: (appId) => this.#options.get(appId)?.retention,
    })
    for (const partition of runner.partitions.all) {
      const [members = []] = await runner.inPartitions(this.#steps.exportMoving, [partition], '', [])
      for (const member of members) {
        const of = refOf(String(member))
        if (isGuestId(of.userId)) await adoptions.move(of, Infinity)
      }
    }
  }

  async *#exportUsers(users: readonly UserRef[]): AsyncGenerator<TransferRecord[]> {
    const { runner } = this.#get()
    for (let n = 0; n < users.length; n += USERS_AT_ONCE) {
      const exports = users
        .slice(n, n + USERS_AT_ONCE)
        .map((of) => exportUser(runner, this.#steps, of, this.#sendWindow))
      // The first pages have no messages, so several are read at once.
      const firsts = await Promise.all(exports.map((pages) => pages.next()))
      for (const [index, pages] of exports.entries()) {
        const first = firsts[index]
        if (first && first.done !== true) yield first.value
        yield* pages
      }
    }
  }

  async *#exportApp({ kind, partition, rest: appId }: FoundKey): AsyncGenerator<TransferRecord[]> {
    const { runner } = this.#get()
    if (kind === 'events') yield* this.#exportEvents(partition, appId)
    if (kind === 'tokens') yield* this.#exportTokens(partition, appId)
    // All partitions have the app's revocation, so the first one suffices.
    if (kind === 'revoked' && partition === 0) {
      const [before] = await runner.onApp(this.#steps.exportRevoked, 0, appId, [])
      if (typeof before === 'string')
        yield [{ kind: 'app', appId, revokedBefore: Number(before), options: null }]
    }
  }

  async *#exportEvents(partition: number, appId: string): AsyncGenerator<TransferRecord[]> {
    const { runner } = this.#get()
    for (let after = '0', isLast = false; !isLast;) {
      const args = [after, String(EVENTS_PER_PAGE)]
      const [list = []] = await runner.inPartitions(runner.steps.listEvents, [partition], appId, args)
      const records: TransferRecord[] = []
      for (let n = 0; n + 3 < list.length; n += 4) {
        const event = JSON.parse(String(list[n + 1])) as WebhookEvent
        const { attempts, lastError } = JSON.parse(String(list[n + 2])) as PendingEvent
        const state = list[n] === 'pending' ? 'pending' : 'failed'
        records.push({ kind: 'event', event, attempts, lastError, state })
        after = String(event.seq)
      }
      isLast = records.length < EVENTS_PER_PAGE
      if (records.length > 0) yield records
    }
  }

  async *#exportTokens(partition: number, appId: string): AsyncGenerator<TransferRecord[]> {
    for (let from = 0; ; from += TOKENS_PER_PAGE) {
      const args = [String(from), String(from + TOKENS_PER_PAGE - 1)]
      const list = await this.#get().runner.onApp(this.#steps.exportTokens, partition, appId, args)
      const records: TransferRecord[] = []
      for (let n = 0; n + 1 < list.length; n += 2) {
        const left = list[n + 1] === '' ? null : Number(list[n + 1])
        if (left === null || left > 0) records.push({ kind: 'token', appId, tokenId: String(list[n]), left })
      }
      if (records.length > 0) yield records
      if (list.length < 2 * TOKENS_PER_PAGE) return
    }
  }
}

/** Returns the ids in a text: the app's id, NUL, the user's id. */
const refOf = (rest: string): UserRef => {
  const [appId = '', ...userId] = rest.split('\0')
  return { appId, userId: userId.join('\0') }
}
