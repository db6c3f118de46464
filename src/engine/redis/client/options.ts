import type { SecureContextOptions } from 'node:tls'

export interface Address {
  readonly host: string
  readonly port: number
}

/** How the client connects to servers. Sentinels have the same TLS options, and a login of their own. */
export interface ConnectionOptions {
  /** A user of the server's ACL. @default the user `default` */
  username?: string
  password?: string
  /**
   * Connects with TLS. The server's certificate must be valid for its host, and signed by an authority in `ca`; without `ca`, by one that
   * Node trusts.
   */
  tls?: boolean | SecureContextOptions
  /** The number of the database. A cluster has only 0. @default 0 */
  database?: number
}

/** One server; the master that Sentinels name; or a cluster, with the addresses of some `nodes`. */
export type RedisClientOptions =
  | { type: 'single'; url: string; tls?: SecureContextOptions }
  | ({
      type: 'sentinel'
      name: string
      sentinels: readonly Address[]
      sentinelUsername?: string
      sentinelPassword?: string
    } & ConnectionOptions)
  | ({ type: 'cluster'; nodes: readonly Address[] } & ConnectionOptions)

/** How to connect to one server. */
export interface ServerOptions {
  username?: string | undefined
  password?: string | undefined
  tls?: boolean | SecureContextOptions
  database?: number
  /** Whether the server may have no password of its own, though `password` is given: a Sentinel often has none. */
  mayLackPassword?: boolean
}

export const DEFAULT_PORT = 6379

/**
 * Parses `redis://user:password@host:port/database`, or `rediss:` for TLS. Throws if the text is no such URL, or has anything else. This
 * function replaces the parser of ioredis, which would also take options from the URL's query in place of those of `ServerConnection`.
 */
export const parseRedisUrl = (text: string): Address & ConnectionOptions => {
  // The error of `new URL` would have the text, and so the password.
  if (!URL.canParse(text)) throw new TypeError('The URL of Redis is not a URL.')
  const url = new URL(text)
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:')
    throw new TypeError('The URL of Redis begins with redis:// or rediss://.')
  if (url.search !== '' || url.hash !== '')
    throw new TypeError('The URL of Redis has no options: take away what stands from ? or # on.')
  if (!/^\/?\d{0,4}$/.test(url.pathname))
    throw new TypeError('The path of the URL of Redis is the number of a database.')
  const database = Number(url.pathname.slice(1))
  return {
    // An IPv6 address has brackets in a URL.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: Number(url.port || DEFAULT_PORT),
    tls: url.protocol === 'rediss:',
    database,
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  }
}

/** Returns how to connect to a server that has keys, and how to one that knows these servers. */
export const connectionOptions = (
  options: RedisClientOptions,
): [own: ServerOptions, ofSeeds: ServerOptions] => {
  if (options.type === 'cluster') return [options, options]
  if (options.type === 'single') {
    const own = { ...parseRedisUrl(options.url), ...(options.tls && { tls: options.tls }) }
    return [own, own]
  }
  const { sentinelUsername: username, sentinelPassword: password, tls = false } = options
  return [options, { username, password, tls, mayLackPassword: true }]
}

export const addressText = ({ host, port }: Address): string => `${host}:${port}`

/** Parses `host:port` as the reply MOVED writes it. An IPv6 host has colons, and an empty host stands for the server that answers. */
export const parseAddress = (text: string, answering: Address): Address => {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon) || answering.host, port: Number(text.slice(colon + 1)) }
}
