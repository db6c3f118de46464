import { STATE, USER } from '../../fields.js'
import { script } from '../context/context.js'
import { reply, type Script } from '../context/counts.js'
import { whole } from '../context/text.js'
import { noteReached, unshifted } from '../state/history.js'
import { emit, publishTo } from '../state/publish.js'

/*
 * The nodes. The key `nodes` has for each node the time at which the node's lease ends. The time is negative if a beat of another node has
 * counted the node as dead.
 */

/**
 * Returns the nodes whose lease has ended, each with the time of that end. From then on other nodes detach the sessions of a dead node. If
 * the dead node returns, the negative time tells that node that it was counted as dead. Then it closes its connections.
 */
const takeDead = (): [node: string, endedAt: number][] => {
  const { nodes } = script.keys
  const dead: [node: string, endedAt: number][] = []
  const found = redis.call('ZRANGEBYSCORE', nodes, '-inf', script.now, 'WITHSCORES')
  for (let n = 0; n < found.length; n += 2) {
    const [node = '', endedAt] = [found[n], Math.abs(tonumber(found[n + 1]) ?? 0)]
    dead.push([node, endedAt])
    redis.call('ZADD', nodes, `-${whole(endedAt)}`, node)
  }
  return dead
}

/**
 * Renews the lease of the calling node: until the lease ends, the node counts as alive. After a pause in which no node reached Redis,
 * no node counts as dead for the length of a lease: during the pause no node could renew its lease.
 */
export const beat: Script<'beat'> = ([lease]) => {
  const { nodes, state } = script.keys
  const { now, self } = script
  const duration = tonumber(lease)
  const since = noteReached(false)
  redis.call('HSETNX', state, STATE.madeAt, whole(unshifted()))
  const leaseUntil = tonumber(redis.call('ZSCORE', nodes, self))
  redis.call('ZADD', nodes, now + duration, self)
  const dead = since + duration <= now ? takeDead() : []
  const leftAt = tonumber(redis.call('HGET', state, STATE.leftAt))
  return reply(
    leaseUntil !== undefined && leaseUntil > 0 ? 1 : 0,
    dead,
    redis.call('ZRANGEBYSCORE', nodes, `(${whole(now)}`, '+inf'),
    now,
    redis.call('HGET', state, STATE.madeAt),
    leftAt === undefined ? -1 : Math.max(unshifted() - leftAt, 0),
    redis.call('ZRANGE', nodes, 0, -1),
  )
}

/**
 * Forgets a node. The caller has made sure that no session is attached to it. A node whose lease was renewed meanwhile stays, unless it
 * removes itself.
 */
export const removeNode: Script<'removeNode'> = ([node]) => {
  const { nodes, state } = script.keys
  const isSelf = node === script.self
  const leaseUntil = tonumber(redis.call('ZSCORE', nodes, node))
  if (leaseUntil !== undefined && (leaseUntil <= script.now || isSelf)) redis.call('ZREM', nodes, node)
  // A node that opens later does not know what this node has stored.
  if (isSelf) redis.call('HSET', state, STATE.leftAt, whole(unshifted()))
  return reply()
}

/** Publishes a text to one node. */
export const tellNode: Script<'tellNode'> = ([channel, text]) => reply(publishTo(channel, text))

/** Lists the nodes to which sessions are attached. */
export const listNodes: Script<'listNodes'> = () => {
  const nodes: string[] = []
  for (let from = '-'; ;) {
    const [member] = redis.call('ZRANGEBYLEX', script.keys.attached, from, '+', 'LIMIT', 0, 1)
    if (member === undefined) return nodes
    const [node = ''] = string.match(member, '^%Z*')
    nodes.push(node)
    from = `(${node}\x01`
  }
}

/** Sends a signal to the nodes whose connections carry the user's sessions. Nothing is stored. */
export const signal: Script<'signal'> = ([json]) => {
  const { appId, userId } = script
  const nodes = redis.call('HGET', script.keys.user, USER.nodes)
  if (nodes !== false) emit(nodes, { type: 'signal', appId, userId, signal: json })
  return reply()
}
