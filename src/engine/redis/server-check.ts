import { EngineError } from '../errors.js'
import type { ServerInfo } from './client/port.js'

/** The first major version of Redis with functions and sharded channels. */
const NEEDED = 7

/** Throws if a server is too old, or deletes keys when its memory is full. */
export const assertUsable = (servers: readonly ServerInfo[]): void => {
  for (const { version, maxmemoryPolicy } of servers) {
    if (!(Number.parseInt(version) >= NEEDED))
      throw new EngineError('unavailable', `Redis ${version} is too old: use ${NEEDED}.0 or later.`)
    if (maxmemoryPolicy !== undefined && maxmemoryPolicy !== 'noeviction')
      throw new EngineError(
        'unavailable',
        `Redis has the maxmemory-policy '${maxmemoryPolicy}', which deletes sessions and messages when its memory is full: set 'noeviction'.`,
      )
  }
}

/** The values of `appendfsync`, the least durable first. Undefined means that the server does not say. */
const durability: readonly (string | undefined)[] = ['off', undefined, 'no', 'everysec', 'always']

/** Returns the information of the server whose `appendfsync` is the least durable. */
export const leastDurable = (servers: readonly ServerInfo[]): ServerInfo => {
  const [first] = servers.toSorted(
    (a, b) => durability.indexOf(a.appendfsync) - durability.indexOf(b.appendfsync),
  )
  if (!first) throw new EngineError('unavailable', 'Redis has no master.')
  return first
}
