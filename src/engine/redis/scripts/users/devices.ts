import type { Takes } from '../../steps.js'
import { USER } from '../../fields.js'
import { finish } from '../sessions/sessions.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { clear, load, loadInbox, set, type User } from '../users/user.js'
import { addEvent } from '../webhooks/events.js'

/** The owner of a device: the user's id, and the two keys of the device's subscription. */
type Owner = [userId: string, p256dh: string, auth: string]

const isSameDevice = (a: Owner, b: Owner): boolean => a[1] === b[1] && a[2] === b[2]

/** Returns whether the device goes to the owner `next`. A device of another user can be taken over only with the two keys. */
const takes = (mode: Takes<'ownPush'>[0], owner: Owner | undefined, next: Owner): boolean => {
  if (mode === 'keep') return owner === undefined
  if (mode !== 'own') return false
  return owner === undefined || owner[0] === next[0] || isSameDevice(owner, next)
}

/** Reads or changes the owner of a device. */
export const ownPush: Script<'ownPush'> = ([mode, next, keptFor]) => {
  const { device } = script.keys
  const before = redis.call('GET', device)
  const owner = before === false ? undefined : (cjson.decode(before) as Owner)
  if (mode !== 'read') {
    const own = cjson.decode(next) as Owner
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
  const at = wait === undefined ? undefined : Math.ceil(script.now + wait)
  // A message that was stored after the caller's read has set `pushDueAt`, too. The earlier of the two times counts.
  const later = user.newest > through ? user.pushDueAt : undefined
  set(user, 'pushDueAt', later === undefined ? at : Math.min(at ?? later, later))
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
