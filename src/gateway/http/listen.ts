import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GatewayError } from '../errors.js'
import type { Log } from '../log.js'

/**
 * Milliseconds for which a connection stays open without a request. A proxy sends later requests on the connections that it keeps. If the
 * gateway closes one of them first, that request is a 502. nginx and Amazon's balancers keep idle connections for 60 s, Google's for 600 s.
 */
export const KEEP_ALIVE = 620_000

interface ListenOptions {
  host: string
  port: number
  backlog?: number
  /** Whether the other workers of a Node cluster can't share the port. */
  exclusive?: boolean
  scheme: 'http' | 'https'
}

/** Returns the error for a failed `listen`. */
export const listenError = (host: string, port: number, cause: NodeJS.ErrnoException): GatewayError =>
  cause.code === 'EADDRINUSE'
    ? new GatewayError(
        'port-in-use',
        `Port ${port} on ${host} is in use: choose another, or 0 for a free one.`,
        { cause },
      )
    : new GatewayError('cannot-listen', `Can't listen on ${host}, port ${port}: ${cause.message}.`, { cause })

const addressOf = (server: Server, scheme: string): string => {
  const { address, port, family } = server.address() as AddressInfo
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** Resolves with the address, such as `http://127.0.0.1:8080`. Rejects with a `GatewayError`: `port-in-use` or `cannot-listen`. */
export const listenOn = (
  server: Server,
  { scheme, ...options }: ListenOptions,
  log: Pick<Log, 'warn'>,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const fail = (cause: Error): void => reject(listenError(options.host, options.port, cause))
    server.once('error', fail)
    server.listen(options, () => {
      server.off('error', fail)
      // A later error is about one client, whose socket could not be accepted.
      server.on('error', (err) => log.warn({ err }, 'a connection was not accepted'))
      resolve(addressOf(server, scheme))
    })
  })
