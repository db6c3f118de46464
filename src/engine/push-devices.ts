import { sha256 } from '../util/sha256.js'
import type { PushDevice, PushOutcome, PushSubscriptionData } from './push.js'
import type { Credential } from './records.js'
import { engineRules } from './rules.js'

/** The characters of a device's id: 132 bits of a hash. */
const ID_LENGTH = 22

/** Returns the id of the device that an endpoint reaches. */
export const pushDeviceId = (endpoint: string): string => sha256(endpoint).slice(0, ID_LENGTH)

/** Whose device it is, and its keys: somebody who knows them may take the device over. */
export type PushOwner = [userId: string, p256dh: string, auth: string]

/** Returns whether the device becomes the user's by this subscription. */
export const mayOwn = (
  owner: PushOwner | undefined,
  userId: string,
  { keys }: PushSubscriptionData,
): boolean => !owner || owner[0] === userId || (owner[1] === keys.p256dh && owner[2] === keys.auth)

export const hasLapsed = ({ expirationTime, renewedAt }: PushDevice, now: number): boolean =>
  (expirationTime !== null && expirationTime <= now) || renewedAt + engineRules.pushKeptFor <= now

/**
 * Returns a user's devices with a subscription that a session brought: the device that was renewed last comes first. `offset` is the newest
 * one of the inbox.
 */
export const withSubscription = (
  devices: readonly PushDevice[],
  { endpoint, expirationTime, keys: { p256dh, auth } }: PushSubscriptionData,
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
    // An offset beyond the newest message is of an earlier epoch.
    offset: Math.min(known.offset, offset),
    ...{ id, endpoint, expirationTime, keys: { p256dh, auth } },
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
  // An offset beyond the newest message is of an earlier epoch.
  const next = { ...device, offset: device.offset > through ? offset : Math.max(device.offset, offset) }
  if (result === 'failed') return { ...next, failures: device.failures + 1, retryAt: now + retryIn }
  if (result === undefined) return next
  return { ...next, failures: 0, retryAt: 0, ...(result === 'delivered' && { lastSuccessAt: now }) }
}

/** Returns a user's devices after pushes to them. `through` is the newest offset of the inbox that the caller has looked at. */
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

/** Returns a user's devices after a page was sent the messages up to `offset`. */
export const afterPage = (devices: readonly PushDevice[], offset: number): PushDevice[] =>
  devices.map((device) => (device.offset < offset ? { ...device, offset } : device))
