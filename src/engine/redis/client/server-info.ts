import type { ServerInfo } from './port.js'
import type { ServerConnection } from './server-connection.js'

const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]

/** Returns undefined if the server refuses CONFIG, as managed servers and strict ACLs do. */
const readAppendfsync = async (connection: ServerConnection): Promise<string | undefined> => {
  try {
    const reply = await connection.call('config', ['get', 'appendfsync'])
    return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined
  } catch (error) {
    if ((error as Error).name === 'ReplyError') return undefined
    throw error
  }
}

export const readServerInfo = async (connection: ServerConnection): Promise<ServerInfo> => {
  const [info, appendfsync] = await Promise.all([connection.call('info', []), readAppendfsync(connection)])
  const text = String(info)
  return {
    version: fieldOf(text, 'redis_version') ?? '',
    maxmemoryPolicy: fieldOf(text, 'maxmemory_policy'),
    appendfsync: fieldOf(text, 'aof_enabled') === '0' ? 'off' : appendfsync,
  }
}
