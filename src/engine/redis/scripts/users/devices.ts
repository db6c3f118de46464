import { mayOwn, type PushOwner } from '../../../decide/push/device-owner.js'
import { dueAfterLook } from '../../../decide/push/push-due.js'
import type { Takes } from '../../steps.js'
import { USER } from '../../fields.js'
import { finish } from '../sessions/sessions.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { clear, load, loadInbox, set, type User } from '../users/user.js'
import { addEvent } from '../webhooks/events.js'

/** Returns whether the device goes to the owner `next`. */
const takes = (mode: Takes<'ownPush'>[0], owner: PushOwner | undefined, next: PushOwner): boolean =>
  mode === 'keep' ? owner === undefined : mode === 'own' && mayOwn(owner, next)

/** Reads or changes the owner of a device. */
export const ownPush: Script<'ownPush'> = ([mode, next, keptFor]) => {
  const { device } = script.keys
  const before = redis.call('GET', device)
  const owner = before === false ? undefined : (cjson.decode(before) as PushOwner)
  if (mode !== 'read') {
    const own = cjson.decode(next) as PushOwner
    if (takes(mode, owner, own)) redis.call('SET', device, next, 'PX', keptFor)
    else if (mode === 'free' && owner?.[0] === own[0]) redis.call('DEL', device)
  }
  return reply(before === false ? '' : before)
}

/** Returns the user's devices, as JSON; an empty text if there are none. */
const devicesOf = (): string => {
  const devices = redis.call('HGET', script.keys.user, USER.devices)
  return devices === false ? '' : devices
}

/** Reads a user's devices. */
export const readPush: Script<'readPush'> = () => {
  const user = loadInbox()
  return reply(user.createdAt ?? '', user.newest, user.deviceCount === undefined ? '' : devicesOf())
}

/** Sets when there may be something to push. `dueIn` and `through` are those of `writePush`. */
const setDue = (user: User, dueIn: string, through: number): void => {
  if (dueIn === 'same') return
  const wait = tonumber(dueIn)
  const asked = wait === undefined ? null : Math.ceil(script.now + wait)
  set(user, 'pushDueAt', dueAfterLook(user.pushDueAt ?? null, asked, user.newest, through) ?? undefined)
  set(user, 'pushCall', undefined)
}

/** Stores a user's devices, and when there may be something to push to them. */
export const writePush: Script<'writePush'> = ([before, devices, count, dueIn, through, ...reports]) => {
  const user = load()
  if (user.createdAt === undefined) return reply(-1)
  if (devicesOf() !== before) return reply(0)
  if (devices === '') {
    clear(user, 'devices', 'deviceCount', 'pushDueAt', 'pushCall')
  } else {
    if (devices !== before) set(user, 'devices', devices)
    set(user, 'deviceCount', tonumber(count))
    setDue(user, dueIn, tonumber(through))
  }
  for (const report of reports) addEvent(user, 'push.failed', report)
  finish(user)
  return reply(1)
}
