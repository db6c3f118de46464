import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { limits } from '../../protocol/index.js'
import type { Settings } from '../config/parse.js'
import { GatewayError } from '../errors.js'
import type { Log } from '../log.js'

/** An HTTP server that the gateway makes for itself. */
export interface OwnServer {
  readonly server: Server
  /** Resolves with the address, `http://HOST:PORT`. Rejects with a `GatewayError`: `port-in-use` or `cannot-listen`. */
  listen(): Promise<string>
  /** Resolves when every socket is closed; those that take longer than so many milliseconds are cut. */
  close(patience: number): Promise<void>
}

const make = ({ listen: { tls }, startTimeout }: Settings): Server => {
  const base = {
    maxHeaderSize: limits.headers,
    // Who has not even sent a request has no more time than who has yet to start.
    headersTimeout: startTimeout,
    connectionsCheckingInterval: Math.min(startTimeout, 1_000),
  }
  if (!tls) return createServer(base)
  try {
    const pems = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) }
    return createTlsServer({ ...base, ...pems, handshakeTimeout: startTimeout })
  } catch (cause) {
    throw new GatewayError(
      'bad-tls',
      `The files that listen.tls names can't be used: ${(cause as Error).message}.`,
      { cause },
    )
  }
}

const explain = ({ host, port }: Settings['listen'], cause: NodeJS.ErrnoException): GatewayError =>
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

/** Makes the server that the config asks for. Throws a `GatewayError` of code `bad-tls`. */
export const createOwnServer = (settings: Settings, log: Log): OwnServer => {
  const { listen } = settings
  const server = make(settings)
  // Node's own lists leave out what is a WebSocket, or still shaking hands for TLS.
  const sockets = new Set<Socket>()
  // One function for all of them, which is told its socket by `this`.
  const forget = function (this: Socket): void {
    sockets.delete(this)
  }
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', forget)
  })
  return {
    server,
    listen: () =>
      new Promise((resolve, reject) => {
        const fail = (cause: Error): void => reject(explain(listen, cause))
        server.once('error', fail)
        server.listen(listen.port, listen.host, () => {
          server.off('error', fail)
          // From now on it is about one client: a socket that could not be accepted.
          server.on('error', (err) => log.warn({ err }, 'the server has trouble'))
          resolve(addressOf(server, listen.tls ? 'https' : 'http'))
        })
      }),
    close: (patience) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => {
          for (const socket of sockets) socket.destroy()
        }, patience)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
      }),
  }
}
