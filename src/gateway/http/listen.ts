import { chmodSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Settings } from '../config/parse.js'
import { GatewayError } from '../errors.js'
import type { Log } from '../log.js'
import { removeStaleSocket } from './unix-socket.js'

/**
 * Milliseconds for which a connection stays open without a request. A proxy sends later requests on the connections that it keeps. If the
 * gateway closes one of them first, that request is a 502. nginx and Amazon's balancers keep idle connections for 60 s, Google's for 600 s.
 */
export const KEEP_ALIVE = 620_000

/** A host and a port, or the path of a Unix socket and the permissions of its file. */
export type Address = { host: string; port: number } | { path: string; mode: number }

type ListenOptions = Address & {
  backlog?: number
  /** Whether the other workers of a Node cluster can't share the port. */
  exclusive?: boolean
  scheme: 'http' | 'https'
}

/** Returns the address in the settings of a listener. */
export const addressIn = ({ host, port, path, mode }: Settings['listen']): Address =>
  path === null ? { host, port } : { path, mode }

/** Returns the error for a failed `listen`. `how` says how to choose another port. */
export const listenError = (address: Address, cause: NodeJS.ErrnoException, how = ''): GatewayError => {
  const isInUse = cause.code === 'EADDRINUSE'
  if ('path' in address) {
    const { path } = address
    return isInUse
      ? new GatewayError('port-in-use', `Another process listens on ${path}: choose another path.`, { cause })
      : new GatewayError('cannot-listen', `Can't listen on ${path}: ${cause.message}.`, { cause })
  }
  const { host, port } = address
  return isInUse
    ? new GatewayError(
        'port-in-use',
        `Port ${port} on ${host} is in use: choose another${how}, or 0 for a free one.`,
        { cause },
      )
    : new GatewayError('cannot-listen', `Can't listen on ${host}, port ${port}: ${cause.message}.`, { cause })
}

const addressOf = (server: Server, scheme: string): string => {
  const bound = server.address()
  if (typeof bound === 'string') return `unix:${bound}`
  if (!bound) throw new GatewayError('closed', 'The gateway was closed while it began to listen.')
  const { address, port, family } = bound
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/**
 * Resolves with the address, such as `http://127.0.0.1:8080` or `unix:/run/gateway.sock`. Rejects with a `GatewayError`: `port-in-use` or
 * `cannot-listen`.
 */
export const listenOn = async (
  server: Server,
  { scheme, ...options }: ListenOptions,
  log: Pick<Log, 'warn'>,
): Promise<string> => {
  if ('path' in options) await removeStaleSocket(options.path)
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      server.off('listening', onListening)
      reject(listenError(options, cause))
    }
    const onListening = (): void => {
      server.off('error', fail)
      // A later error is about one client, whose socket could not be accepted.
      server.on('error', (err) => log.warn({ err }, 'a connection was not accepted'))
      if ('path' in options) chmodSync(options.path, options.mode)
      resolve(addressOf(server, scheme))
    }
    server.once('error', fail)
    server.listen(options, onListening)
  })
}
