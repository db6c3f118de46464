import { sha256 } from '../../../util/hash.js'
import type { PushDevice, PushOutcome, PushSubscriptionData } from '../../push.js'
import type { Credential } from '../../records.js'
import { engineRules } from '../../rules.js'

/** How many characters a device's id has: 132 bits of a SHA-256. */
const ID_LENGTH = 22

/** Returns the id of the device that an endpoint reaches. */
export const pushDeviceId = (endpoint: string): string => sha256(endpoint).slice(0, ID_LENGTH)

export const hasLapsed = ({ expirationTime, renewedAt }: PushDevice, now: number): boolean =>
  (expirationTime !== null && expirationTime <= now) || renewedAt + engineRules.pushKeptFor <= now

/**
 * Returns a user's devices after a subscription was added or renewed. The device that was renewed last comes first. `offset` is the inbox's
 * newest offset.
 */
export const withSubscription = (
  devices: readonly PushDevice[],
  { endpoint, expirationTime, keys: { p256dh, auth }, pushKey }: PushSubscriptionData,
  credential: Credential,
  offset: number,
  now: number,
): PushDevice[] => {
  const id = pushDeviceId(endpoint)
  const known = devices.find((device) => device.id === id) ?? {
    ...{ createdAt: now, lastSuccessAt: null, offset, failures: 0, retryAt: 0 },
  }
  const { authMethod, tokenId, issuedAt, expiresAt } = credential
  const renewed: PushDevice = {
    ...known,
    // A device's offset beyond the newest one is of an earlier epoch, for example from before a backup was restored.
    offset: Math.min(known.offset, offset),
    ...{ id, endpoint, expirationTime, keys: { p256dh, auth } },
    ...(pushKey !== undefined && { pushKey }),
    credential: { authMethod, tokenId, issuedAt, expiresAt },
    renewedAt: now,
  }
  return [renewed, ...devices.filter((device) => device.id !== id)].slice(0, engineRules.pushDevices)
}

const deviceAfter = (
  device: PushDevice,
  { offset = 0, result, retryIn = 0 }: PushOutcome,
  through: number,
  now: number,
): PushDevice => {
  // A device's offset beyond `through` is of an earlier epoch, as in `withSubscription`.
  const next = { ...device, offset: device.offset > through ? offset : Math.max(device.offset, offset) }
  if (result === 'failed') return { ...next, failures: device.failures + 1, retryAt: now + retryIn }
  if (result === undefined) return next
  return { ...next, failures: 0, retryAt: 0, ...(result === 'delivered' && { lastSuccessAt: now }) }
}

/** Returns a user's devices after pushes. `through` is the newest offset of the inbox that the caller has seen. */
export const afterPushes = (
  devices: readonly PushDevice[],
  outcomes: readonly PushOutcome[],
  through: number,
  now: number,
): PushDevice[] =>
  devices.flatMap((device) => {
    const outcome = outcomes.find(({ id }) => id === device.id)
    if (!outcome) return [device]
    return outcome.result === 'gone' ? [] : [deviceAfter(device, outcome, through, now)]
  })

/** Returns a user's devices after the messages up to `offset` were sent to a page. */
export const afterPage = (devices: readonly PushDevice[], offset: number): PushDevice[] =>
  devices.map((device) => (device.offset < offset ? { ...device, offset } : device))
