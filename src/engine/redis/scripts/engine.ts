import { STATE } from '../fields.js'
import { epochsText } from '../format.js'
import { script } from './context/context.js'
import { reply } from './context/counts.js'
import { json, whole } from './context/text.js'
import { publishTo } from './state/publish.js'

/**
 * Opens an engine. The first engine on a Redis stores two random texts: the bytes that `Engine.key` returns on every gateway, and the
 * secret from which the epochs of inboxes (`history.ts`) derive. An open engine runs this script again if Redis has perhaps lost them.
 * `key` and `epochs` are these texts, if there are none yet. Returns `unfinished` while a transfer to this Redis is unfinished;
 * `other-format` if the data have another `FORMAT`; else `opened`, the engine's key, and the secret of the epochs.
 */
export const open = ([key = '', epochs = '']: string[]): unknown[] => {
  const { keys } = script
  if (redis.call('EXISTS', keys.transfer) === 1) return reply('unfinished')
  const stored = redis.call('GET', keys.epochs)
  if (stored !== false && string.find(stored, epochsText(''), 1, true)[0] !== 1) return reply('other-format')
  redis.call('SET', keys.key, key, 'NX')
  redis.call('SET', keys.epochs, epochs, 'NX')
  redis.call('HINCRBY', keys.state, STATE.opened, 1)
  return reply('opened', redis.call('GET', keys.key), redis.call('GET', keys.epochs))
}

/**
 * Writes and reads a value. Publishes to the calling node the `canary`, a text whose arrival shows that the node's subscription works.
 * Returns 1 if the value was read as it was written, else 0.
 */
export const check = ([canary = '']: string[]): unknown[] => {
  const { check: key } = script.keys
  const written = whole(script.now)
  redis.call('SET', key, written)
  publishTo(script.self, json({ type: 'canary', canary }))
  return reply(redis.call('GET', key) === written ? 1 : 0)
}
