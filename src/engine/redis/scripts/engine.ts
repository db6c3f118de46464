import { STATE } from '../fields.js'
import { epochsText } from '../format.js'
import { script } from './context/context.js'
import { reply, type Script } from './context/counts.js'
import { whole } from './context/text.js'

/**
 * Opens an engine. The first engine on a Redis stores two random texts: the bytes that `Engine.key` returns on every gateway, and the
 * secret from which the epochs of inboxes (`history.ts`) derive. An open engine runs this script again if Redis has perhaps lost them.
 */
export const open: Script<'open'> = ([key, epochs]) => {
  const { keys } = script
  if (redis.call('EXISTS', keys.transfer) === 1) return reply('unfinished')
  const stored = redis.call('GET', keys.epochs)
  if (stored !== false && string.find(stored, epochsText(''), 1, true)[0] !== 1) return reply('other-format')
  redis.call('SET', keys.key, key, 'NX')
  redis.call('SET', keys.epochs, epochs, 'NX')
  redis.call('HINCRBY', keys.state, STATE.opened, 1)
  return reply('opened', redis.call('GET', keys.key) || '', redis.call('GET', keys.epochs) || '')
}

/** Writes and reads a value. */
export const check: Script<'check'> = () => {
  const { check: key } = script.keys
  const written = whole(script.now)
  redis.call('SET', key, written)
  return reply(redis.call('GET', key) === written ? 1 : 0)
}
