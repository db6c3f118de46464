import { LRUCache } from 'lru-cache'
import type { Job } from '../../../util/scheduler.js'
import type { Credential, PushDevice, PushOutcome, PushSubscriptionData, UserRef } from '../../engine.js'
import { mayOwn, type PushOwner } from '../../decide/push/device-owner.js'
import { dueAfterLook, dueAfterMessage } from '../../decide/push/push-due.js'
import {
  afterPage,
  afterPushes,
  hasLapsed,
  pushDeviceId,
  withSubscription,
} from '../../decide/push/push-devices.js'
import { engineRules } from '../../rules.js'
import type { Revocations } from '../sessions/revocations.js'
import type { Core } from '../store/core.js'
import { afterRow } from '../store/row-keys.js'
import { rows } from '../store/rows.js'
import { userKey } from '../../user-key.js'
import { del, put, type Operation } from '../store/store.js'
import type { WebhookEvents } from '../webhooks/webhook-events.js'

/** How many users are kept in memory. Most of them have no device. */
const MAX_USERS = 10_000
/** The most users in one step of the job. */
const USERS_PER_STEP = 32
/** The value of a row of `rows.pushes` whose time a message has set. Other rows have the number of the run that has set their time. */
const WAITS = 0

/** A user who has devices, as stored. `dueAt` is when the next `push-due` is emitted, by the engine's clock; null if none is pending. */
export interface PushRow {
  devices: readonly PushDevice[]
  dueAt: number | null
}

const NO_DEVICES: PushRow = { devices: [], dueAt: null }

interface PushesOptions extends Core {
  revocations: Revocations
  webhooks: WebhookEvents
}

/** The users' devices to which gateways push messages, and the times at which the engine emits `push-due` for users. */
export class Pushes {
  readonly #options: PushesOptions
  readonly #users = new LRUCache<string, PushRow & { of: UserRef }>({ max: MAX_USERS })
  /** The job of each app. */
  readonly #jobs = new Map<string, Job>()

  constructor(options: PushesOptions) {
    this.#options = options
  }

  /** Starts the app's job, which emits `push-due`. The job first looks once at all rows, because some of earlier runs are due at once. */
  resume(appId: string): void {
    if (this.#jobs.has(appId)) return
    const { scheduler, clock, commit, reads } = this.#options
    /** The row that the first look has read last; undefined when it has read them all. */
    let seen: string | undefined = ''
    const job = scheduler.job(async (now) => {
      await commit.flush()
      const range = seen === undefined ? rows.pushes.until(appId, now) : rows.pushes.all(appId)
      const found = await reads.all<number>({ ...afterRow(range, seen || undefined), limit: USERS_PER_STEP })
      const failures: unknown[] = []
      for (const [row, run] of found)
        try {
          this.#tell(appId, row, run, now)
        } catch (error) {
          failures.push(error)
        }
      const last = found.length === USERS_PER_STEP ? found.at(-1)?.[0] : undefined
      if (seen !== undefined) seen = last
      // The rows of users who can't be read stay, and the job is tried again. The rows behind them come first.
      if (last !== undefined && failures.length < found.length) return now
      if (failures.length > 0) throw failures[0]
      await commit.flush()
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
    const { p256dh, auth } = subscription.keys
    const next: PushOwner = [userId, p256dh, auth]
    if (!mayOwn(owner, next)) return false
    // This comes before the device is taken from its owner, because the read may fail.
    const own = this.#read(of)
    const operations: Operation[] = []
    if (owner && owner[0] !== userId) {
      const before = { appId, userId: owner[0] }
      const { devices, dueAt } = this.#read(before)
      operations.push(...this.#set(before, { devices: devices.filter((device) => device.id !== id), dueAt }))
    }
    const devices = withSubscription(own.devices, subscription, credential, newest, Date.now())
    operations.push(...this.#set(of, { ...own, devices }), put(row, next))
    await commit.sync(operations)
    return true
  }

  async end(of: UserRef, id: string): Promise<boolean> {
    const { commit } = this.#options
    commit.assertWritable()
    const { devices, dueAt } = this.#read(of)
    const left = devices.filter((device) => device.id !== id)
    if (left.length === devices.length) return false
    await commit.sync(this.#set(of, { devices: left, dueAt }))
    return true
  }

  /** Ends those of the user's devices that have expired or whose credential is revoked. Returns the others. */
  devices(of: UserRef): PushDevice[] {
    const { commit, revocations } = this.#options
    const { devices, dueAt } = this.#read(of)
    const now = Date.now()
    const left = devices.filter(
      (device) => !hasLapsed(device, now) && !revocations.isRevoked(of, device.credential),
    )
    if (left.length < devices.length) commit.append(this.#set(of, { devices: left, dueAt }))
    return structuredClone(left)
  }

  /** Schedules a `push-due` in `after` milliseconds for a message, unless an earlier one is pending. Returns operations that store it. */
  onMessage(of: UserRef, after: number, now: number): Operation[] {
    const { devices, dueAt } = this.#read(of)
    if (devices.length === 0) return []
    return this.#set(of, { devices, dueAt: dueAfterMessage(dueAt, now, after) }, WAITS)
  }

  seen(of: UserRef, offset: number, newest: number): void {
    const before = this.#read(of)
    const dueAt = dueAfterLook(before.dueAt, null, newest, offset)
    this.#options.commit.append(this.#set(of, { devices: afterPage(before.devices, offset), dueAt }))
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
    const before = this.#read(of)
    if (before.devices.length === 0) return
    commit.assertWritable()
    const operations: Operation[] = []
    for (const { id, report } of outcomes)
      if (report && before.devices.some((device) => device.id === id))
        operations.push(...webhooks.operations(of, 'push.failed', { id, ...report }))
    const asked = dueIn === null ? null : Math.ceil(clock.now() + dueIn)
    const dueAt = dueAfterLook(before.dueAt, asked, newest, through)
    const devices = afterPushes(before.devices, outcomes, through, Date.now())
    operations.push(...this.#set(of, { devices, dueAt }))
    await commit.sync(operations)
  }

  /** Ends all devices of a user. Returns the operations that store this. */
  forget(of: UserRef): Operation[] {
    return this.#set(of, NO_DEVICES)
  }

  /** Takes over how far pages have shown messages to users, because the store perhaps lacks what was not synced. */
  takeOver(failed: Pushes): void {
    for (const { of, devices } of failed.#users.values()) {
      const { devices: known, dueAt } = this.#read(of)
      const next = known.map((device) => {
        const { offset = 0 } = devices.find(({ id }) => id === device.id) ?? {}
        return device.offset < offset ? { ...device, offset } : device
      })
      this.#options.commit.append(this.#set(of, { devices: next, dueAt }))
    }
  }

  #read(of: UserRef): PushRow {
    const key = userKey(of)
    const known = this.#users.get(key)
    if (known) return known
    const { appId, userId } = of
    const stored = this.#options.commit.newest(rows.pushDevices(of)) as PushRow | undefined
    const user = { ...(stored ?? NO_DEVICES), of: { appId, userId } }
    this.#users.set(key, user)
    return user
  }

  /**
   * Puts `after` in the place of what is stored of a user. Returns the operations that store it, and delete the owners of the devices that
   * are gone. `run` is the value of the new row of `rows.pushes`, if `after` has another time.
   */
  #set(of: UserRef, { devices, ...after }: PushRow, run = this.#options.run): Operation[] {
    const before = this.#read(of)
    // Without devices there is nothing to push.
    const dueAt = devices.length > 0 ? after.dueAt : null
    const hasSame =
      devices.length === before.devices.length && devices.every((each, n) => each === before.devices[n])
    if (hasSame && dueAt === before.dueAt) return []
    const { appId, userId } = of
    this.#users.set(userKey(of), { devices, dueAt, of: { appId, userId } })
    const row = rows.pushDevices(of)
    const operations = [devices.length > 0 ? put(row, { devices, dueAt } satisfies PushRow) : del(row)]
    for (const { id } of before.devices)
      if (!devices.some((device) => device.id === id)) operations.push(del(rows.pushOwner(appId, id)))
    if (dueAt === before.dueAt) return operations
    if (before.dueAt !== null) operations.push(del(rows.pushes.at(of, before.dueAt)))
    if (dueAt === null) return operations
    const job = this.#jobs.get(appId)
    if (job) this.#options.scheduler.schedule(job, dueAt)
    return [...operations, put(rows.pushes.at(of, dueAt), run)]
  }

  /** Emits `push-due` if the row of `rows.pushes` is due. `run` is its value. */
  #tell(appId: string, row: string, run: number, now: number): void {
    const { commit, emit } = this.#options
    const { time, userId } = rows.pushes.of(row)
    // The gateway that was sending the pushes in an earlier run has ended with it.
    const isLeft = run !== WAITS && run !== this.#options.run
    if (time > now && !isLeft) return
    const user = { appId, userId }
    const { devices, dueAt } = this.#read(user)
    // While the rows were read, another time was set, or the user was shown the message.
    if (dueAt !== time) return commit.append([del(row)])
    commit.append(this.#set(user, { devices, dueAt: now + engineRules.pushLease }))
    emit({ type: 'push-due', user })
  }
}
