import type { PushDevice, UserRef } from '../../engine.js'
import type { PushOwner } from '../../decide/push/device-owner.js'
import { engineRules } from '../../rules.js'
import { hashOf } from '../keys.js'
import type { StepRunner } from '../step-runner.js'
import type { Takes } from '../steps.js'

/** Milliseconds for which a device's owner is kept longer than the device, because a device without an owner does not count. */
const OWNER_MARGIN = 86_400_000

/** Reads or changes the owner of a device. Returns the owner before the call. */
export const ownDevice = async (
  runner: StepRunner,
  mode: Takes<'ownPush'>[0],
  { appId, userId }: UserRef,
  { id, keys }: Pick<PushDevice, 'id' | 'keys'>,
): Promise<PushOwner | undefined> => {
  const owner: PushOwner = [userId, keys.p256dh, keys.auth]
  const partition = runner.partitions.ofDevice(appId, id)
  const args = [mode, JSON.stringify(owner), engineRules.pushKeptFor + OWNER_MARGIN] as const
  const hashed = `device:${hashOf(appId, id)}` as const
  const [before] = await runner.inPartition(runner.steps.ownPush, partition, { appId, userId: '' }, args, {
    hashed,
  })
  return before === '' ? undefined : (JSON.parse(before) as PushOwner)
}
