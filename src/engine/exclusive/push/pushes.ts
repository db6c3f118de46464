import { LruCache } from '../../../util/lru-cache.js'
import type { Job } from '../../../util/scheduler.js'
import type { Credential, PushDevice, PushOutcome, PushSubscriptionData, UserRef } from '../../engine.js'
import {
  afterPage,
  afterPushes,
  hasLapsed,
  mayOwn,
  pushDeviceId,
  withSubscription,
  type PushOwner,
} from '../../push-devices.js'
import { engineRules } from '../../rules.js'
import type { Revocations } from '../sessions/revocations.js'
import type { Core } from '../store/core.js'
import { afterRow } from '../store/row-keys.js'
import { rows } from '../store/rows.js'
import { userKey } from '../../user-key.js'
import { del, put, type Operation, type Range } from '../store/store.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'

/** How many users are kept in memory. Most of them have no device. */
const MAX_USERS = 10_000
/** The most users in one step of the job. */
const USERS_PER_STEP = 32
/**
 * The values of a row that schedules a `push-due`. `WAITS` means that a message has set the time, and `TOLD` that `endPushes` or an emitted
 * `push-due` has set the time.
 */
const WAITS = 0
const TOLD = 1

/** A user's devices, and the time of the next `push-due`. */
interface Entry {
  of: UserRef
  devices: readonly PushDevice[]
  /**
   * When the next `push-due` of the user is emitted, by the engine's clock; Infinity if none is pending. Undefined while it is not known
   * whether the store has a row.
   */
  dueAt: number | undefined
}

/** Says why a user can't be read. */
interface Failure {
  error: unknown
}

interface PushesOptions extends Core {
  revocations: Revocations
  webhooks: WebhookEvents
}

/** The users' devices to which gateways push messages, and the times at which the engine emits `push-due` for users. */
export class Pushes {
  readonly #options: PushesOptions
  readonly #users: LruCache<Entry>
  /** The job of each app. */
  readonly #jobs = new Map<string, Job>()

  constructor(options: PushesOptions) {
    this.#options = options
    this.#users = new LruCache({
      max: MAX_USERS,
      // An entry with a pending `push-due` stays in memory, because the key of the row contains the time, which only the entry has.
      isInUse: ({ dueAt }) => dueAt !== undefined && dueAt !== Infinity,
    })
  }

  /**
   * Starts the app's job, which emits `push-due`. Among the rows of an earlier process, those with `WAITS` are due at their time. Those
   * with `TOLD` are due at once, because the gateway that was sending the pushes ended with that process.
   */
  resume(appId: string): void {
    if (this.#jobs.has(appId)) return
    const { scheduler, clock, reads } = this.#options
    /** The row that the job has read last among the rows of earlier processes; undefined when it has read them all. */
    let leftUntil: string | undefined = ''
    const job = scheduler.job(async (now) => {
      const range = leftUntil === undefined ? rows.pushes.until(appId, now) : rows.pushes.all(appId)
      const { last, failure } = await this.#step(appId, afterRow(range, leftUntil || undefined), now)
      if (leftUntil !== undefined) leftUntil = last
      if (failure) throw failure.error
      if (last !== undefined || leftUntil !== undefined) return now
      const [next] = await reads.all({ ...rows.pushes.all(appId), limit: 1 })
      return next ? rows.pushes.of(next[0]).time : Infinity
    })
    this.#jobs.set(appId, job)
    scheduler.schedule(job, clock.now())
  }

  /**
   * Resolves with false if another user has the device, with other keys than those of `subscription`. `newest` is the newest offset of the
   * user's inbox.
   */
  async save(
    { appId, userId }: UserRef,
    subscription: PushSubscriptionData,
    credential: Credential,
    newest: number,
  ): Promise<boolean> {
    const { commit } = this.#options
    commit.assertWritable()
    const of = { appId, userId }
    const id = pushDeviceId(subscription.endpoint)
    const row = rows.pushOwner(appId, id)
    const owner = commit.newest(row) as PushOwner | undefined
    if (!mayOwn(owner, userId, subscription)) return false
    // This comes before the device is taken from its owner, because the read may fail.
    const own = this.#entry(of)
    const operations: Operation[] = []
    if (owner && owner[0] !== userId) {
      const before = { appId, userId: owner[0] }
      const { devices } = this.#entry(before)
      operations.push(
        ...this.#set(
          before,
          devices.filter((device) => device.id !== id),
        ),
      )
    }
    const devices = withSubscription(own.devices, subscription, credential, newest, Date.now())
    const { p256dh, auth } = subscription.keys
    operations.push(...this.#set(of, devices), put(row, [userId, p256dh, auth] satisfies PushOwner))
    await commit.sync(operations)
    return true
  }

  async end(of: UserRef, id: string): Promise<boolean> {
    const { commit } = this.#options
    commit.assertWritable()
    const { devices } = this.#entry(of)
    const left = devices.filter((device) => device.id !== id)
    if (left.length === devices.length) return false
    await commit.sync(this.#set(of, left))
    return true
  }

  /** Ends those of the user's devices that have expired or whose credential is revoked. Returns the others. */
  devices(of: UserRef): PushDevice[] {
    const { commit, revocations } = this.#options
    const { devices } = this.#entry(of)
    const now = Date.now()
    const left = devices.filter(
      (device) => !hasLapsed(device, now) && !revocations.isRevoked(of, device.credential),
    )
    if (left.length < devices.length) commit.append(this.#set(of, left))
    return structuredClone(left)
  }

  /** Schedules a `push-due` in `after` milliseconds for a message, unless an earlier one is pending. Returns operations that store it. */
  onMessage(of: UserRef, after: number, now: number): Operation[] {
    const entry = this.#entry(of)
    if (entry.devices.length === 0) return []
    return this.#schedule(of, entry, Math.min(entry.dueAt ?? Infinity, now + after), WAITS)
  }

  seen(of: UserRef, offset: number, newest: number): void {
    const entry = this.#entry(of)
    if (entry.devices.length === 0) return
    const devices = afterPage(entry.devices, offset)
    const isChanged = devices.some((device, n) => device !== entry.devices[n])
    this.#options.commit.append([
      ...(isChanged ? this.#set(of, devices) : []),
      ...(newest <= offset ? this.#schedule(of, entry, Infinity) : []),
    ])
  }

  /** See `EnginePush.endPushes`. `newest` is the newest offset of the inbox. */
  async endPushes(
    of: UserRef,
    outcomes: readonly PushOutcome[],
    through: number,
    dueIn: number | null,
    newest: number,
  ): Promise<void> {
    const { commit, clock, webhooks } = this.#options
    const entry = this.#entry(of)
    if (entry.devices.length === 0) return
    commit.assertWritable()
    const operations: Operation[] = []
    for (const { id, report } of outcomes)
      if (report && entry.devices.some((device) => device.id === id))
        operations.push(...webhooks.operations(of, 'push.failed', { id, ...report }))
    if (outcomes.length > 0)
      operations.push(...this.#set(of, afterPushes(entry.devices, outcomes, through, Date.now())))
    const asked = dueIn === null ? Infinity : clock.now() + dueIn
    const dueAt = newest > through ? Math.min(asked, entry.dueAt ?? Infinity) : asked
    operations.push(...this.#schedule(of, entry, dueAt))
    await commit.sync(operations)
  }

  /** Ends all devices of a user. Returns the operations that store this. */
  forget(of: UserRef): Operation[] {
    const entry = this.#entry(of)
    if (entry.devices.length === 0) return []
    return [...this.#schedule(of, entry, Infinity), ...this.#set(of, [])]
  }

  /** Takes over how far pages have shown messages to users, because the store perhaps lacks what was not synced. */
  takeOver(failed: Pushes): void {
    for (const { of, devices } of failed.#users.values()) {
      if (devices.length === 0) continue
      const known = this.#entry(of).devices
      const next = known.map((device) => {
        const { offset = 0 } = devices.find(({ id }) => id === device.id) ?? {}
        return device.offset < offset ? { ...device, offset } : device
      })
      if (next.some((device, n) => device !== known[n])) this.#options.commit.append(this.#set(of, next))
    }
  }

  #entry(of: UserRef): Entry {
    const key = userKey(of)
    const known = this.#users.get(key)
    if (known) return known
    const devices = (this.#options.commit.newest(rows.pushDevices(of)) as PushDevice[] | undefined) ?? []
    const { appId, userId } = of
    const entry: Entry = { of: { appId, userId }, devices, dueAt: undefined }
    this.#users.set(key, entry)
    return entry
  }

  /** As `#entry`, but if the user can't be read, adds the error to `failures`. */
  #entryOr(of: UserRef, failures: Failure[]): Entry | undefined {
    try {
      return this.#entry(of)
    } catch (error) {
      failures.push({ error })
      return undefined
    }
  }

  /** Replaces a user's devices. Returns the operations that store `devices`, and delete the owners of the devices that are gone. */
  #set(of: UserRef, devices: readonly PushDevice[]): Operation[] {
    const entry = this.#entry(of)
    const gone = entry.devices.filter(({ id }) => !devices.some((device) => device.id === id))
    entry.devices = devices
    return [
      devices.length > 0 ? put(rows.pushDevices(of), devices) : del(rows.pushDevices(of)),
      ...gone.map(({ id }) => del(rows.pushOwner(of.appId, id))),
    ]
  }

  /** Replaces the time of a user's next `push-due`. Returns the operations that store this. */
  #schedule(of: UserRef, entry: Entry, dueAt: number, value = TOLD): Operation[] {
    const before = entry.dueAt
    if (dueAt === before) return []
    entry.dueAt = dueAt === Infinity ? Infinity : Math.ceil(dueAt)
    const operations = before === undefined || before === Infinity ? [] : [del(rows.pushes.at(of, before))]
    if (dueAt === Infinity) return operations
    const job = this.#jobs.get(of.appId)
    if (job) this.#options.scheduler.schedule(job, entry.dueAt)
    return [...operations, put(rows.pushes.at(of, entry.dueAt), value)]
  }

  /**
   * Emits `push-due` for the users in a range of rows. Resolves with the last row that was read; undefined if there are no more. If users
   * can't be read, and the next step would find no others, resolves with the failure of one of them.
   */
  async #step(
    appId: string,
    range: Range,
    now: number,
  ): Promise<{ last: string | undefined; failure: Failure | undefined }> {
    const { commit, reads, emit } = this.#options
    await commit.flush()
    const found = await reads.all<number>({ ...range, limit: USERS_PER_STEP })
    const failures: Failure[] = []
    for (const [row, value] of found) {
      const { time, userId } = rows.pushes.of(row)
      const of = { appId, userId }
      const entry = this.#entryOr(of, failures)
      if (!entry) continue
      if (entry.dueAt === time && time > now) continue
      commit.append([del(row)])
      // While the rows were read, the user's pending `push-due` was cancelled.
      if (entry.dueAt === Infinity) continue
      if (time > now && value === WAITS && entry.devices.length > 0) {
        // The row is of an earlier process. If a message that came since has set another time, the earlier of the two times counts.
        commit.append(this.#schedule(of, entry, Math.min(entry.dueAt ?? Infinity, time), WAITS))
        continue
      }
      // While the rows were read, another time was set.
      if (entry.dueAt !== undefined && entry.dueAt !== time) continue
      // The row is deleted, so no `push-due` is pending. If `dueAt` kept its value, the next message would store no row.
      entry.dueAt = Infinity
      if (entry.devices.length === 0) continue
      commit.append(this.#schedule(of, entry, now + engineRules.pushLease))
      emit({ type: 'push-due', user: of })
    }
    await commit.flush()
    const isFull = found.length === USERS_PER_STEP
    const last = isFull ? found.at(-1)?.[0] : undefined
    // The rows of users who can't be read stay, and the job is tried again. The rows behind them have been handled already.
    return { last, failure: isFull && failures.length < found.length ? undefined : failures[0] }
  }
}
