import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import { createSecureContext } from 'node:tls'
import { isDeepStrictEqual } from 'node:util'
import { limits } from '../../protocol/index.js'
import type { Settings } from '../config/parse.js'
import { GatewayError } from '../errors.js'
import { addressIn, KEEP_ALIVE, listenOn } from '../http/listen.js'
import type { Log } from '../log.js'
import type { SocketSlots } from './socket-slots.js'

/** The HTTP and WebSocket server of `gateway.listen()`. */
export interface OwnServer {
  /**
   * Resolves with the address, such as `http://127.0.0.1:8080` or `unix:/run/gateway.sock`. Rejects with a `GatewayError`: `port-in-use` or
   * `cannot-listen`. After a rejection it can be called again.
   */
  listen(): Promise<string>
  /**
   * Reads the files of a certificate. Returns a function that makes later connections use them; undefined if `files` is null, the server
   * runs without TLS, or the files have not changed. Throws a `GatewayError` of code `bad-tls`.
   */
  readCertificate(files: Tls | null): (() => void) | undefined
  /** Resolves when every socket is closed. After `timeout` milliseconds destroys the sockets that are still open. */
  close(timeout: number): Promise<void>
}

/** Milliseconds that a client has to send a whole request, besides twice `startTimeout`: for its headers, and for the body of a stream. */
const REQUEST_TIMEOUT = 30_000

/**
 * How many TCP connections may wait to be accepted. With Node's default of 511 the kernel drops SYNs during a burst, and those clients try
 * again only after one to three seconds.
 */
const BACKLOG = 4_096

type Tls = NonNullable<Settings['listen']['tls']>

export interface Certificate {
  cert: Buffer
  key: Buffer
}

/** Reads a certificate. Throws a `GatewayError` of code `bad-tls`. */
export const readCertificate = (tls: Tls): Certificate => {
  try {
    const certificate = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) }
    // This throws if the key does not belong to the certificate.
    createSecureContext(certificate)
    return certificate
  } catch (cause) {
    throw new GatewayError('bad-tls', `The files in listen.tls can't be used: ${(cause as Error).message}.`, {
      cause,
    })
  }
}

const createHttpServer = (startTimeout: number, certificate: Certificate | undefined): Server | TlsServer => {
  const base = {
    maxHeaderSize: limits.headers,
    // A client has as much time for a request's headers as a new connection has until its user is verified.
    headersTimeout: startTimeout,
    keepAliveTimeout: KEEP_ALIVE,
    // This is the time for headers and body together. It is longer than a route waits for its body, because the answer of a route has a
    // code. Node's default is five minutes.
    requestTimeout: 2 * startTimeout + REQUEST_TIMEOUT,
    connectionsCheckingInterval: Math.min(startTimeout, 1_000),
  }
  const server = certificate
    ? createTlsServer({ ...base, ...certificate, handshakeTimeout: startTimeout })
    : createServer(base)
  // Zero means no limit. `maxHeaderSize` bounds the bytes of headers. With a limit Node would leave out the headers beyond it.
  server.maxHeadersCount = 0
  return server
}

/**
 * Creates the server that the config describes, on Node's HTTP server. `serve` is called with this server. Throws a `GatewayError` of code
 * `bad-tls`.
 */
export const createNodeServer = (
  settings: Settings,
  log: Log,
  slots: SocketSlots,
  serve: (server: Server) => void,
): OwnServer => {
  const { listen } = settings
  let certificate = listen.tls ? readCertificate(listen.tls) : undefined
  const server = createHttpServer(settings.startTimeout, certificate)
  // Behind a trusted proxy the client's address is not known before a request, which has it in a header.
  const sockets = slots.watch(server, listen.tls !== null, (socket) =>
    listen.trustProxy > 0 ? undefined : socket.remoteAddress,
  )
  serve(server)
  return {
    readCertificate(files) {
      if (!files || !('setSecureContext' in server)) return undefined
      const next = readCertificate(files)
      if (isDeepStrictEqual(next, certificate)) return undefined
      return () => {
        server.setSecureContext(next)
        certificate = next
      }
    },
    listen: () =>
      listenOn(
        server,
        { ...addressIn(listen), backlog: BACKLOG, scheme: listen.tls ? 'https' : 'http' },
        log,
      ),
    close: (timeout) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          for (const socket of sockets) socket.destroy()
        }, timeout)
        server.close(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}
