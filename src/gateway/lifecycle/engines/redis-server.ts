import { readFileSync } from 'node:fs'
import type { RedisEngineOptions } from '../../../engine/index.js'
import { probeRedis } from '../../../engine/internal.js'
import type { Settings } from '../../config/parse.js'
import { GatewayError } from '../../errors.js'

type RedisServer = RedisEngineOptions['server']
type RedisSettings = Extract<Settings['engine'], { type: 'redis' }>

const DEFAULT_PORTS = { servers: 6379, sentinels: 26_379 }

const readPem = (key: 'ca' | 'cert' | 'key', name: string): string => {
  try {
    return readFileSync(name, 'utf8')
  } catch (cause) {
    throw new GatewayError(
      'bad-config',
      `engine.tls.${key}: the file can't be read: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

/** Returns the options of TLS; undefined if only the scheme of the URL decides. */
const tlsOf = ({
  tls,
}: RedisSettings): { ca?: string; cert?: string; key?: string } | boolean | undefined => {
  if (typeof tls !== 'object') return tls
  const { ca, cert, key } = tls
  return {
    ...(ca !== undefined && { ca: readPem('ca', ca) }),
    ...(cert !== undefined && { cert: readPem('cert', cert) }),
    ...(key !== undefined && { key: readPem('key', key) }),
  }
}

const addressesOf = (urls: readonly string[], port: number): { host: string; port: number }[] =>
  urls.map((text) => {
    const url = new URL(text)
    return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || port) }
  })

/**
 * Returns the addresses and options with which a Redis engine connects to its servers. Throws a `GatewayError` of code `bad-config` if a
 * PEM file can't be read.
 */
export const redisServerOf = (settings: RedisSettings): RedisServer => {
  const { url, sentinels, name = '', cluster } = settings
  const tls = tlsOf(settings)
  if (url !== undefined) {
    // The config accepts a scheme in capitals. `href` has none.
    const { protocol, href } = new URL(url)
    const isTls = tls === undefined ? protocol === 'rediss:' : tls !== false
    const address = href.replace(protocol, isTls ? 'rediss:' : 'redis:')
    return { type: 'single', url: address, ...(typeof tls === 'object' && { tls }) }
  }
  // All URLs of a list have the same login and scheme.
  const first = new URL((sentinels ?? cluster ?? [])[0] ?? '')
  const username = decodeURIComponent(first.username)
  const password = decodeURIComponent(first.password)
  const connection = {
    tls: tls ?? first.protocol === 'rediss:',
    ...(username && { username }),
    ...(password && { password }),
  }
  if (cluster) return { type: 'cluster', nodes: addressesOf(cluster, DEFAULT_PORTS.servers), ...connection }
  return {
    type: 'sentinel',
    name,
    sentinels: addressesOf(sentinels ?? [], DEFAULT_PORTS.sentinels),
    ...connection,
    ...(username && { sentinelUsername: username }),
    ...(password && { sentinelPassword: password }),
  }
}

/** Tries the Redis of a config, as `probeRedis` says. Throws a `GatewayError` of code `bad-config` if a PEM file can't be read. */
export const tryRedis = (settings: RedisSettings): Promise<string | null> =>
  probeRedis(redisServerOf(settings))
