import { chmodSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import http from 'node:http'
import { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { limits, SUBPROTOCOL } from '../../protocol/index.js'
import type { Peer } from '../auth/authentication.js'
import type { Settings } from '../config/parse.js'
import { addressIn, listenError } from '../http/listen.js'
import { REST_OF_BODY } from '../http/lingering-close.js'
import { badTarget } from '../http/problem.js'
import type { ReadableRequest, RequestHead } from '../http/request-head.js'
import { pathOf } from '../http/target.js'
import { removeStaleSocket } from '../http/unix-socket.js'
import type { Slot } from '../limits/connection-limits.js'
import { createTurnLimit } from '../limits/turn-limit.js'
import type { Log } from '../log.js'
import { afterBody } from './after-body.js'
import type { BoundAddress, BunRequest, BunRuntime, BunServer } from './bun-runtime.js'
import { BunTransport } from './bun-transport.js'
import {
  endForLimit,
  isHandshake,
  LOST,
  MAX_PER_TURN,
  NO_HANDSHAKE,
  protocolsOf,
  receiveStart,
  SESSION_PATH,
} from './handshake.js'
import { readCertificate, type Certificate, type OwnServer } from './own-server.js'
import type { ServerHandlers } from './server-handlers.js'
import { openBunStream } from './stream/bun-stream.js'
import { STREAM_PATH } from './stream/start-body.js'
import type { StreamTransport } from './stream/stream-transport.js'

/** The functions of the gateway that Bun's server calls. */
interface BunHandlers extends ServerHandlers {
  /** Counts a WebSocket or a stream for the limits of connections. */
  countSocket(head: RequestHead, peer: Peer): Slot
  /** Responds to a plain request. */
  respond(request: Request, incoming: ReadableRequest): Response | Promise<Response>
}

/**
 * Seconds without a byte after which Bun closes a connection that is no WebSocket, at most 4 s sooner. Longer than the 60 s for which nginx
 * and Amazon's balancers keep idle connections. A longer time would also let clients keep responses that they do not read.
 */
const IDLE_TIMEOUT = 80

/**
 * The size of a body, in bytes, above which Bun itself responds with 413 and closes the socket at once. It is larger than what routes read
 * and what is dropped after that, because the 413 of a route has a `code`.
 */
const MAX_BODY = 2 * REST_OF_BODY.bytes

/** If more bytes than this wait for a client, Bun drops frames. `SendBuffers` destroys the socket long before that. */
const MAX_BACKPRESSURE = 16 * 1_048_576

/** Returns the head of a request. Bun joins headers with the same name, so each name has one string. */
const headOf = (request: BunRequest, url: string, remoteAddress: string): RequestHead => ({
  url,
  headers: request.headers.toJSON(),
  socket: { remoteAddress },
})

/** The first part of the paths of the REST API. */
const APPS = '/v1/apps/'
/** How many segments the longest path of the REST API has after `APPS`. */
const MAX_SEGMENTS = 5
/** The target of requests that must get a 404: a path that the gateway does not have. */
const NOT_FOUND = '/'

const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/**
 * Returns the target of a call of the REST API, with the segments of its path as the client sent them. They come from `params`, because in
 * `request.url` Bun has resolved `users/../sessions` and `users/%2E%2E/sessions` to the path of another call.
 */
const callTargetOf = ({ url, params }: BunRequest): string => {
  const path = pathOf({ url })
  // `params` has U+FFFD for bytes that are not UTF-8. A path with such bytes is returned as it is, and the REST API refuses it.
  if (!isDecodable(path)) return path
  const query = /\?[^#]*/.exec(url)?.[0] ?? ''
  return APPS + Object.values(params).map(encodeURIComponent).join('/') + query
}

const ignore = (): void => undefined

const readable = (request: Request, head: RequestHead): ReadableRequest => {
  const body = request.body ? Readable.fromWeb(request.body as never) : Readable.from([])
  // A client that leaves causes an `error`. Without a listener it would end the process. The handler that reads the body gets it, too.
  return Object.assign(body.on('error', ignore), head)
}

const refuseUpgrade = (status: number, why: string): Response =>
  new Response(why, { status, headers: { connection: 'close', 'content-type': 'text/plain; charset=utf-8' } })

const isWebSocket = ({ headers }: RequestHead): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket' && /(^|,)\s*upgrade\s*(,|$)/i.test(headers.connection ?? '')

/**
 * Returns a function that lets Bun answer the handshake, and then calls `respond`. `createUpgrade` is a function of the module, because
 * a closure in `accept` would keep the request in memory until the socket is closed.
 */
const createUpgrade =
  (request: BunRequest, server: BunServer<BunTransport>, respond: (response: Response | undefined) => void) =>
  (transport: BunTransport): void => {
    const headers = { 'Sec-WebSocket-Protocol': SUBPROTOCOL }
    if (server.upgrade(request, { data: transport, headers })) return respond(undefined)
    transport.onClose(LOST)
    respond(refuseUpgrade(400, NO_HANDSHAKE))
  }

/**
 * Creates the server that the config describes, on Bun's own HTTP and WebSocket server. Throws a `GatewayError` of code `bad-tls`. Bun
 * does not report that a TCP connection has opened. So `limits.connections` bounds only WebSockets and streams.
 */
export const createBunServer = (
  bun: BunRuntime,
  settings: Settings,
  log: Pick<Log, 'error'>,
  handlers: BunHandlers,
): OwnServer => {
  const { listen } = settings
  const open = new Set<BunTransport | StreamTransport>()
  const turnLimit = createTurnLimit(MAX_PER_TURN)
  let certificate: Certificate | undefined = listen.tls ? readCertificate(listen.tls) : undefined
  let server: BunServer<BunTransport> | undefined
  let onEmpty = ignore

  const forget = (transport: BunTransport | StreamTransport): void => {
    open.delete(transport)
    if (open.size === 0) onEmpty()
  }

  // All sockets share this function, because a closure for each would cost memory.
  const onClosed = (transport: BunTransport): void => {
    handlers.releaseSlot(transport.slot)
    forget(transport)
  }

  const openStream = (
    request: BunRequest,
    bunServer: BunServer<BunTransport>,
    head: RequestHead,
  ): Promise<Response> => {
    const peer = handlers.peerOf(head)
    const slot = handlers.countSocket(head, peer)
    return openBunStream(handlers, request, readable(request, head), peer, slot, {
      setTimeout: (seconds) => bunServer.timeout(request, seconds),
      onOpened: (transport) => void open.add(transport),
      onClosed(transport) {
        handlers.releaseSlot(slot)
        if (transport) forget(transport)
      },
    })
  }

  const respond = async (request: Request, incoming: ReadableRequest): Promise<Response> => {
    const response = await handlers.respond(request, incoming)
    return request.body ? afterBody(incoming, response) : response
  }

  const accept = (
    upgrade: (transport: BunTransport) => void,
    head: RequestHead,
    protocols: string[],
  ): void => {
    const peer = handlers.peerOf(head)
    const slot = handlers.countSocket(head, peer)
    const transport = new BunTransport(upgrade, slot, onClosed)
    open.add(transport)
    const connection = handlers.connect(transport, peer, slot)
    transport.receiveFor(connection)
    slot.evict = (refusal) => {
      endForLimit(connection, refusal)
      handlers.releaseSlot(slot)
    }
    // A refused connection ends before its `start` frame is decoded and parsed, so that it costs little.
    if (slot.refusal) slot.evict(slot.refusal)
    else receiveStart(connection, protocols)
  }

  const fetch = (
    request: BunRequest,
    bunServer: BunServer<BunTransport>,
    url: string,
  ): Response | undefined | Promise<Response | undefined> => {
    const head = headOf(request, url, bunServer.requestIP(request)?.address ?? 'unknown')
    // Without a valid `Host` header Bun's URL is only the path. A request with an invalid header is refused. A request without the header
    // is answered, because simple health checks use HTTP/1.0.
    const isRelative = request.url.startsWith('/')
    if (isRelative && head.headers.host !== undefined) return badTarget()
    if (request.method === 'POST' && pathOf(head) === STREAM_PATH) return openStream(request, bunServer, head)
    if (!isWebSocket(head)) {
      const absolute = isRelative ? new Request(`http://localhost${request.url}`, request) : request
      return respond(absolute, readable(request, head))
    }
    if (pathOf(head) !== SESSION_PATH) return refuseUpgrade(404, 'There is no WebSocket at this path.')
    const protocols = protocolsOf(head)
    if (!protocols.includes(SUBPROTOCOL)) return refuseUpgrade(400, `Offer the subprotocol ${SUBPROTOCOL}.`)
    if (!isHandshake(request.method, head)) return refuseUpgrade(400, NO_HANDSHAKE)
    return new Promise((resolve) => {
      let isLater = false
      turnLimit.run(() => {
        // A client that is gone gets no session: its start could end another session of the user as `too-many-sessions`.
        if (isLater && request.signal.aborted) return resolve(refuseUpgrade(400, NO_HANDSHAKE))
        accept(createUpgrade(request, bunServer, resolve), head, protocols)
      })
      isLater = true
    })
  }

  /** The routes of the REST API. Bun compares their paths with the path as the client sent it, before it resolves `..`. */
  const routes = {
    [`${APPS}*`]: (request: BunRequest, bunServer: BunServer<BunTransport>) =>
      fetch(request, bunServer, NOT_FOUND),
    ...Object.fromEntries(
      Array.from({ length: MAX_SEGMENTS }, (_, last) => [
        APPS + Array.from({ length: last + 1 }, (_, index) => `:segment${index}`).join('/'),
        (request: BunRequest, bunServer: BunServer<BunTransport>) =>
          fetch(request, bunServer, callTargetOf(request)),
      ]),
    ),
  }

  const serve = (address: { hostname: string; port: number } | { unix: string }): BunServer<BunTransport> => {
    // Bun reads `maxHeaderSize` at each request. The default of 16 kB has no room for a long `start` frame in a header.
    Object.assign(http, { maxHeaderSize: limits.headers })
    return bun.serve<BunTransport>({
      ...address,
      tls: certificate,
      // In development Bun's error page shows source code.
      development: false,
      // With `true` a second gateway could listen on the same port, and each would get a part of the connections.
      reusePort: false,
      idleTimeout: IDLE_TIMEOUT,
      maxRequestBodySize: MAX_BODY,
      routes,
      // If a path below `APPS` comes here, the client sent it in another spelling, which Bun has normalized. Such a path gets a 404.
      fetch: (request, bunServer) =>
        fetch(request, bunServer, pathOf(request).startsWith(APPS) ? NOT_FOUND : request.url),
      error(err) {
        log.error({ err }, 'an HTTP request failed')
        return new Response(null, { status: 500 })
      },
      websocket: {
        // Bun closes with 1009 if a message is larger. The connection answers a message between `limits.frame` and this size with `ended`.
        maxPayloadLength: 2 * limits.frame,
        backpressureLimit: MAX_BACKPRESSURE,
        closeOnBackpressureLimit: false,
        perMessageDeflate: false,
        // The gateway has its own pings.
        idleTimeout: 0,
        sendPings: false,
        open: (socket) => socket.data.open(socket),
        message: ({ data }, message) => data.onMessage(message),
        ping: ({ data }, payload) => data.onControl(payload),
        pong: ({ data }, payload) => data.onControl(payload),
        drain: ({ data }) => data.onDrain(),
        close: ({ data }, code) => data.onClose(code),
      },
    })
  }

  return {
    readCertificate(files) {
      if (!files || !certificate) return undefined
      const next = readCertificate(files)
      if (isDeepStrictEqual(next, certificate)) return undefined
      return () => {
        certificate = next
        if (!server) return
        // Bun can't replace the certificate of a server. So another server takes over the port, and the stopped server keeps its open
        // connections.
        const { address } = server
        const bound =
          typeof address === 'string' ? { unix: address } : { hostname: address.address, port: address.port }
        void server.stop()
        server = serve(bound)
      }
    },
    async listen() {
      const address = addressIn(listen)
      if ('path' in address) await removeStaleSocket(address.path)
      try {
        if ('path' in address) {
          server = serve({ unix: address.path })
          chmodSync(address.path, address.mode)
          return `unix:${address.path}`
        }
        // Bun would report an unknown host name as a port in use. `lookup` throws the right error.
        const { address: hostname } = await lookup(address.host)
        server = serve({ hostname, port: address.port })
      } catch (cause) {
        throw listenError(address, cause as NodeJS.ErrnoException)
      }
      const { address: bound, family, port } = server.address as BoundAddress
      return `${listen.tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${bound}]` : bound}:${port}`
    },
    async close(timeout) {
      const stopped = server?.stop()
      const timer = setTimeout(() => {
        for (const transport of open) transport.terminate()
        // This closes the sockets of requests that are not answered yet.
        void server?.stop(true)
      }, timeout)
      // Bun's `stop` does not wait until the last frames are sent to a slow reader. So this waits until every transport is closed.
      if (open.size > 0) await new Promise<void>((resolve) => (onEmpty = resolve))
      await stopped
      clearTimeout(timer)
    },
  }
}
