import { reply, type Script } from '../context/counts.js'
import { script } from '../context/context.js'
import { sessions } from '../sessions/rows.js'
import { detach, finish, readStep } from '../sessions/sessions.js'
import { load } from '../users/user.js'

/**
 * Detaches those of a user's sessions that are attached to a node, because the node was closed or has died. Many sessions take several
 * calls. A session that has started since the node was found dead stays, because the node is back.
 */
export const detachNode: Script<'detachNode'> = ([node, step, lost, dead]) => {
  const { now, keys, member } = script
  const lostAt = tonumber(lost)
  const deadAt = tonumber(dead) ?? Infinity
  let stays = false
  const user = load()
  const [following, isPage] = readStep(user, step)
  for (const [, row] of pairs(sessions())) {
    if (row.connectionId === undefined || row.nodeId !== node) continue
    // A time in the future is from before the clock was set back.
    if (row.lastSeenAt > deadAt && row.lastSeenAt <= now) {
      stays = true
    } else {
      row.lastSeenAt = Math.max(row.lastSeenAt, lostAt ?? now)
      detach(row, row.resumableFor, lostAt)
    }
  }
  // Until the last call the user stays in `attached`, so that another node goes on if the calling node dies.
  if (following === undefined && !stays) redis.call('ZREM', keys.attached, `${node}\0${member}`)
  finish(user, isPage)
  return reply(following ?? false, stays ? 1 : 0)
}

/** Lists users with sessions that are attached to a node. */
export const listAttached: Script<'listAttached'> = ([node, limit, after]) => {
  const from = after === '' ? `[${node}\0` : `(${after}`
  return redis.call('ZRANGEBYLEX', script.keys.attached, from, `(${node}\x01`, 'LIMIT', 0, limit)
}
