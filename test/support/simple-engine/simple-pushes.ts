import { createHash } from 'node:crypto'
import type {
  Credential,
  EngineEvent,
  PushDevice,
  PushOutcome,
  PushSubscriptionData,
  UserRef,
  WebhookEventType,
} from '../../../src/engine/index.js'
import type { JsonObject } from '../../../src/protocol/index.js'
import { keyOf } from './key-of.js'

interface Parts {
  emit: (event: EngineEvent) => void
  addEvent: (of: UserRef, type: WebhookEventType, data: JsonObject) => void
  exists: (of: UserRef) => boolean
  isRevoked: (of: UserRef, credential: Credential) => boolean
  newest: (of: UserRef) => number
}

interface Owned {
  of: UserRef
  device: PushDevice
}

const DAY = 86_400_000
const LEASE = 30_000
const MAX_DEVICES = 10

/** The devices of the simple engine, in an array: that which was renewed last comes first. */
export const createSimplePushes = ({ emit, addEvent, exists, isRevoked, newest }: Parts) => {
  let owned: Owned[] = []
  /** When a `push-due` comes, by user, on the monotonic clock. */
  const due = new Map<string, { of: UserRef; at: number }>()

  const prune = (): void => {
    owned = owned.filter(
      ({ of, device: { expirationTime, renewedAt, credential } }) =>
        exists(of) &&
        (expirationTime ?? Infinity) > Date.now() &&
        renewedAt + 60 * DAY > Date.now() &&
        !isRevoked(of, credential),
    )
  }
  const devicesOf = (of: UserRef): PushDevice[] => {
    prune()
    return owned.filter((one) => keyOf(one.of) === keyOf(of)).map(({ device }) => device)
  }
  const set = (of: UserRef, delay: number): void =>
    void due.set(keyOf(of), { of, at: performance.now() + delay })

  return {
    clear() {
      owned = []
      due.clear()
    },
    forget(of: UserRef) {
      owned = owned.filter((one) => keyOf(one.of) !== keyOf(of))
      due.delete(keyOf(of))
    },
    prune,
    save({ appId, userId }: UserRef, subscription: PushSubscriptionData, credential: Credential): boolean {
      prune()
      const of = { appId, userId }
      if (!exists(of)) return false
      const data = structuredClone(subscription)
      const { endpoint, keys } = data
      const known = owned.find((one) => one.of.appId === appId && one.device.endpoint === endpoint)
      const isOwn = known?.of.userId === userId
      const hasKeys = known?.device.keys.p256dh === keys.p256dh && known.device.keys.auth === keys.auth
      if (known && !isOwn && !hasKeys) return false
      const now = Date.now()
      const id = createHash('sha256').update(endpoint).digest('base64url').slice(0, 22)
      const fresh = { createdAt: now, lastSuccessAt: null, offset: newest(of), failures: 0, retryAt: 0 }
      const device: PushDevice = {
        ...(known && isOwn ? known.device : { id, ...fresh }),
        ...{ ...data, credential: { ...credential }, renewedAt: now },
      }
      owned = [{ of, device }, ...owned.filter((one) => one !== known)]
      const kept = devicesOf(of).slice(0, MAX_DEVICES)
      owned = owned.filter((one) => keyOf(one.of) !== keyOf(of) || kept.includes(one.device))
      return true
    },
    end(of: UserRef, id: string): boolean {
      const isIt = (one: Owned): boolean => keyOf(one.of) === keyOf(of) && one.device.id === id
      const had = owned.some(isIt)
      owned = owned.filter((one) => !isIt(one))
      return had
    },
    devices: (of: UserRef): PushDevice[] => structuredClone(devicesOf(of)),
    onMessage({ appId, userId }: UserRef, after: number) {
      const of = { appId, userId }
      const known = due.get(keyOf(of))?.at ?? Infinity
      if (devicesOf(of).length > 0) set(of, Math.min(known - performance.now(), after))
    },
    seen(of: UserRef, offset: number) {
      for (const device of devicesOf(of)) device.offset = Math.max(device.offset, offset)
      if (newest(of) <= offset) due.delete(keyOf(of))
    },
    endPushes(
      { appId, userId }: UserRef,
      outcomes: readonly PushOutcome[],
      through: number,
      dueIn: number | null,
    ) {
      const of = { appId, userId }
      if (devicesOf(of).length === 0) return
      for (const { id, offset = 0, result, retryIn = 0, report } of outcomes) {
        const device = devicesOf(of).find((one) => one.id === id)
        if (!device) continue
        if (report) addEvent(of, 'push.failed', { id, ...report })
        device.offset = Math.max(device.offset, offset)
        device.failures = result === 'failed' ? device.failures + 1 : result ? 0 : device.failures
        device.retryAt = result === 'failed' ? Date.now() + retryIn : result ? 0 : device.retryAt
        if (result === 'delivered') device.lastSuccessAt = Date.now()
        if (result === 'gone') owned = owned.filter((one) => one.device !== device)
      }
      const asked = dueIn ?? Infinity
      const known = newest(of) > through ? (due.get(keyOf(of))?.at ?? Infinity) - performance.now() : Infinity
      if (Math.min(asked, known) === Infinity) due.delete(keyOf(of))
      else set(of, Math.min(asked, known))
    },
    /** Tells of what is due. */
    announce() {
      for (const { of, at } of [...due.values()]) {
        if (at > performance.now()) continue
        set(of, LEASE)
        if (devicesOf(of).length > 0) emit({ type: 'push-due', user: of })
      }
    },
  }
}
