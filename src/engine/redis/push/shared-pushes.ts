import type {
  Credential,
  PushDevice,
  PushOutcome,
  PushSubscriptionData,
  UnreadSenders,
  UserRef,
} from '../../engine.js'
import { mayOwn } from '../../decide/push/device-owner.js'
import { EngineError } from '../../errors.js'
import {
  afterPage,
  afterPushes,
  hasLapsed,
  pushDeviceId,
  withSubscription,
} from '../../decide/push/push-devices.js'
import type { StepRunner } from '../step-runner.js'
import { ownDevice } from './own-device.js'

/** How often a change is tried at most. Each further try follows a change by another call. */
const MAX_TRIES = 100

/** The devices that a user has after a change, and when there may be something to push to them. */
interface Change {
  devices: readonly PushDevice[]
  dueIn: number | null | 'same'
  /** The newest offset that the caller has looked at. */
  through?: number
  reports?: readonly object[]
}

interface Stored {
  exists: boolean
  newest: number
  json: string
  devices: PushDevice[]
}

export interface SharedPushesOptions {
  runner: StepRunner
  isRevoked: (of: UserRef, credential: Credential) => Promise<boolean>
}

/**
 * The devices of users, and when there may be something to push to them. The user's hash has the devices. A Redis key for each device has
 * the device's owner, and may be in another partition. A device does not count in the hash of a user who does not own it.
 */
export class SharedPushes {
  readonly #options: SharedPushesOptions

  constructor(options: SharedPushesOptions) {
    this.#options = options
  }

  async save({ appId, userId }: UserRef, subscription: PushSubscriptionData, credential: Credential) {
    const { runner } = this.#options
    const of = { appId, userId }
    const copy = structuredClone(subscription)
    const { endpoint, keys } = copy
    const id = pushDeviceId(endpoint)
    if (!(await this.#read(of)).exists) return false
    const before = await ownDevice(runner, 'own', of, { id, keys })
    if (!mayOwn(before, [userId, keys.p256dh, keys.auth])) return false
    let ended: PushDevice[] = []
    // This call does not remove the device from the hash of a former owner, because it no longer counts there.
    const isSaved = await this.#change(of, ({ devices, newest }) => {
      const next = withSubscription(devices, copy, credential, newest, Date.now())
      ended = devices.filter((before) => !next.some((device) => device.id === before.id))
      return { devices: next, dueIn: 'same' }
    })
    // Between the two steps the user may have been deleted, or an end of the same device may have deleted the owner. `#free` corrects both.
    if (!isSaved || !(await ownDevice(runner, 'read', of, { id, keys }))) await this.#free(of, id)
    await this.letGo(of, ended)
    return isSaved
  }

  async end({ appId, userId }: UserRef, id: string): Promise<boolean> {
    const of = { appId, userId }
    const { devices } = await this.#read(of)
    const device = devices.find((device) => device.id === id)
    if (device) await this.#remove(of, device)
    // An earlier call may have removed the device from the user's hash, and failed before it deleted the key with the owner.
    else await this.#free(of, id)
    return device !== undefined
  }

  /** Removes the user's devices that have lapsed, belong to another user, or have a revoked credential. Returns the others. */
  async devices({ appId, userId }: UserRef): Promise<PushDevice[]> {
    const of = { appId, userId }
    const { devices } = await this.#read(of)
    const areKept = await Promise.all(devices.map((device) => this.#isKept(of, device)))
    const gone = devices.filter((_device, n) => !areKept[n])
    for (const device of gone) await this.#remove(of, device)
    return devices.filter((_device, n) => areKept[n])
  }

  async seen(of: UserRef, offset: number): Promise<void> {
    await this.#change({ ...of }, ({ devices }) => ({
      ...{ devices: afterPage(devices, offset), dueIn: null, through: offset },
    }))
  }

  async endPushes(
    { appId, userId }: UserRef,
    outcomes: readonly PushOutcome[],
    through: number,
    dueIn: number | null,
  ): Promise<void> {
    const of = { appId, userId }
    await this.#change(of, ({ devices }) => {
      const known = outcomes.filter(({ id }) => devices.some((device) => device.id === id))
      return {
        ...{ devices: afterPushes(devices, known, through, Date.now()), dueIn, through },
        reports: known.flatMap(({ id, report }) => (report ? [{ id, ...report }] : [])),
      }
    })
    for (const { id, result } of outcomes) if (result === 'gone') await this.#free(of, id)
  }

  /** Lets nothing be due for the user until another message comes. */
  async cancel(of: UserRef): Promise<void> {
    await this.#change({ ...of }, ({ devices, newest }) => ({ devices, dueIn: null, through: newest }))
  }

  async unreadSenders(of: UserRef, after: number, limit: number): Promise<UnreadSenders> {
    const { runner } = this.#options
    const newest = new Map<string | null, UnreadSenders['messages'][number]>()
    for (let from = after; ;) {
      const [next, list, ...state] = await runner.onUser(runner.steps.readPushUnread, of, [from])
      for (const json of list) {
        const message = JSON.parse(json) as UnreadSenders['messages'][number]
        // The senders are in the order of their newest messages, so this sender moves to the end.
        newest.delete(message.from)
        newest.set(message.from, message)
      }
      from = next
      if (from === 0)
        return { inbox: runner.epochs.inboxOf(of, state), messages: [...newest.values()].slice(0, limit) }
    }
  }

  async #isKept(of: UserRef, device: PushDevice): Promise<boolean> {
    if (hasLapsed(device, Date.now())) return false
    const [owner, isRevoked] = await Promise.all([
      ownDevice(this.#options.runner, 'read', of, device),
      this.#options.isRevoked(of, device.credential),
    ])
    return owner?.[0] === of.userId && !isRevoked
  }

  /** Removes a device, unless its subscription was renewed after the caller read the device. */
  async #remove(of: UserRef, { id, renewedAt }: PushDevice): Promise<void> {
    const found = { isRenewed: false }
    await this.#change(of, ({ devices }) => {
      const left = devices.filter((device) => device.id !== id || device.renewedAt !== renewedAt)
      found.isRenewed = left.some((device) => device.id === id)
      return { devices: left, dueIn: 'same' }
    })
    if (!found.isRenewed) await this.#free(of, id)
  }

  /** Deletes the keys that name the user as the owner of ended devices. */
  async letGo(of: UserRef, devices: readonly PushDevice[]): Promise<void> {
    for (const { id } of devices) await this.#free(of, id)
  }

  /** Deletes the key with the device's owner, if that is this user and the user's hash lacks the device. */
  async #free(of: UserRef, id: string): Promise<void> {
    const { runner } = this.#options
    const owner = await ownDevice(runner, 'free', of, { id, keys: { p256dh: '', auth: '' } })
    if (owner && owner[0] !== of.userId) return
    // Perhaps the user has saved the device again since the caller removed the device from the hash.
    const { devices } = await this.#read(of)
    const device = devices.find((device) => device.id === id)
    if (device) await ownDevice(runner, 'keep', of, device)
  }

  async #read(of: UserRef): Promise<Stored> {
    const { runner } = this.#options
    const [createdAt, newest, json] = await runner.onUser(runner.steps.readPush, of, [])
    return {
      exists: createdAt !== '',
      newest,
      json,
      devices: json === '' ? [] : (JSON.parse(json) as PushDevice[]),
    }
  }

  /**
   * Changes a user's stored devices. Returns false if there is no such user. Writes nothing if the user has no device before the change,
   * and none after it.
   */
  async #change(of: UserRef, change: (stored: Stored) => Change): Promise<boolean> {
    const { runner } = this.#options
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const stored = await this.#read(of)
      const { devices, dueIn, through = 0, reports = [] } = change(stored)
      if (stored.devices.length === 0 && devices.length === 0) return stored.exists
      const json = devices.length > 0 && JSON.stringify(devices)
      const args = [stored.json, json, devices.length, dueIn, through] as const
      const data = reports.map((report) => JSON.stringify(report).slice(1, -1))
      const [result] = await runner.onUser(runner.steps.writePush, of, [...args, ...data])
      if (result !== 0) return result === 1
    }
    throw new EngineError('unavailable', 'The devices of a user are changed without a pause.')
  }
}
