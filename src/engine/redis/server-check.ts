import { EngineError } from '../errors.js'
import type { ServerInfo } from './client/port.js'

/** The first version of Redis with functions and sharded channels. */
const NEEDED = [7, 0] as const

const isAtLeast = (version: string, [neededMajor, neededMinor]: typeof NEEDED): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > neededMajor || (major === neededMajor && minor >= neededMinor)
}

/** Throws if a server is too old, or deletes keys when its memory is full. */
export const assertUsable = (servers: readonly ServerInfo[]): void => {
  for (const { version, maxmemoryPolicy } of servers) {
    if (!isAtLeast(version, NEEDED))
      throw new EngineError('unavailable', `Redis ${version} is too old: use ${NEEDED.join('.')} or later.`)
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
