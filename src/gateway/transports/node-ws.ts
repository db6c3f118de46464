import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
// As a namespace: under a bundler's `browser` condition ws has no server, and the import alone must not fail for that.
import * as ws from 'ws'
import { limits, START_PREFIX, SUBPROTOCOL } from '../../protocol/index.js'
import type { Peer } from '../auth/admission.js'
import type { Connection } from '../connection/connection.js'
import type { Transport } from '../connection/transport.js'

/** What the server does with what comes in. */
export interface GatewayHandlers {
  /** Makes a connection of a socket that has just opened. */
  connect(transport: Transport, peer: Peer): Connection
  peerOf(request: IncomingMessage): Peer
  /** Whether a path is one of the gateway's. */
  owns(path: string): boolean
  /** Answers a plain request, also one for an address that there isn't. */
  request(request: IncomingMessage, response: ServerResponse): void
}

export const SESSION_PATH = '/v1/session'

/** Milliseconds that a client has to answer a close before its socket is cut. */
export const CLOSE_TIMEOUT = 3_000

/** Bytes that are gathered before they are written: with more, a client would be taken for one that reads slowly. */
const MAX_BATCH = 8_192

/** Bytes that may wait for a client that doesn't read: beyond them it is cut, before its backlog becomes everybody's. */
const MAX_BUFFERED = 1_048_576

/** A server has to take a whole URL in the place of a path, too (RFC 9112, 3.2.2). */
const pathOf = (request: IncomingMessage): string =>
  (request.url ?? '').replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*/s, '')

/** The start that the subprotocols carry; null when there is none, undefined when it can't be read. */
const startInProtocols = (protocols: string[]): string | null | undefined => {
  const values = protocols.filter((protocol) => protocol.startsWith(START_PREFIX))
  if (values.length === 0) return null
  const encoded = (values[0] ?? '').slice(START_PREFIX.length)
  const bytes = Buffer.from(encoded, 'base64url')
  // Node's decoder skips what it doesn't know: what encodes back to something else was not base64url.
  const readable = values.length === 1 && bytes.toString('base64url') === encoded && isUtf8(bytes)
  return readable ? bytes.toString() : undefined
}

const protocolsOf = (request: IncomingMessage): string[] =>
  (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())

/** Refuses a handshake before it becomes a WebSocket, and waits for no farewell: the other side may never say it. */
const refuseUpgrade = (socket: Duplex, status: string, why: string): void => {
  socket.once('finish', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(why)}\r\n\r\n${why}`,
  )
}

/** Of the module, as all that a socket is given is here: one made beside other functions would keep what those know. */
const ignore = (): void => undefined

const uncork = (stream: Duplex): void => stream.uncork()

/**
 * A WebSocket to write to. What is sent in one turn leaves in one write, since a system call for each frame costs more
 * than all that made it.
 */
class WsTransport implements Transport {
  readonly #socket: ws.WebSocket
  readonly #stream: Duplex
  #isCorked = false

  constructor(socket: ws.WebSocket, stream: Duplex) {
    this.#socket = socket
    this.#stream = stream
  }

  send(text: string): void {
    this.#corkFor(text.length)
    this.#socket.send(text)
    if (this.#socket.bufferedAmount > MAX_BUFFERED) this.#socket.terminate()
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  isFull(): boolean {
    return this.#stream.writableNeedDrain
  }

  drained(): Promise<void> {
    const stream = this.#stream
    return new Promise((resolve) => {
      if (!stream.writableNeedDrain) return resolve()
      const done = (): void => {
        stream.off('drain', done).off('close', done)
        resolve()
      }
      stream.on('drain', done).on('close', done)
    })
  }

  /** Called before so many bytes more are sent. */
  #corkFor(more: number): void {
    if (!this.#isCorked) process.nextTick(flush, this)
    else if (this.#stream.writableLength + more > MAX_BATCH) this.#stream.uncork()
    else return
    this.#isCorked = true
    this.#stream.cork()
  }

  flush(): void {
    this.#isCorked = false
    this.#stream.uncork()
  }
}

const flush = (transport: WsTransport): void => transport.flush()

/** What is held here is held as long as the socket: the request and its headers must not be. */
const receiveFrom = (socket: ws.WebSocket, connection: Connection): void => {
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) connection.end('bad-request', 'Frames are text.')
    else connection.receive(data.toString(), data.length)
  })
  socket.on('close', (code) => connection.onClose(code))
  // The close that follows ends the connection; what a peer did to its socket is no error of ours.
  socket.on('error', ignore)
}

type Listener = (...args: unknown[]) => void

/**
 * Puts `first` in the place of an event's listeners, and hands it theirs: two that answer one request would break it,
 * and a WebSocket server with a path of its own answers 400 to all others.
 */
const intercept = (
  server: Server,
  event: 'request' | 'upgrade',
  first: (others: readonly Listener[], ...args: never[]) => void,
): (() => void) => {
  const others = server.listeners(event) as Listener[]
  const listener = first.bind(undefined, others) as Listener
  server.removeAllListeners(event)
  server.on(event, listener)
  return () => {
    server.off(event, listener)
    for (const other of others) server.on(event, other)
  }
}

/** Lets `server` answer the gateway's addresses; what is not for the gateway goes to the listeners that it had before. */
export const attach = (server: Server, handlers: GatewayHandlers): { detach(): void } => {
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Beyond this ws closes by itself; up to it a frame that is too large gets an answer that says so.
    maxPayload: 2 * limits.frame,
    closeTimeout: CLOSE_TIMEOUT,
    handleProtocols: () => SUBPROTOCOL,
  } satisfies ws.ServerOptions & { closeTimeout: number }
  const sockets = new ws.WebSocketServer(options)

  const giveBackRequests = intercept(
    server,
    'request',
    (others, request: IncomingMessage, response: ServerResponse) => {
      if (others.length === 0 || handlers.owns(pathOf(request))) handlers.request(request, response)
      else for (const other of others) other.call(server, request, response)
    },
  )

  const giveBackUpgrades = intercept(
    server,
    'upgrade',
    (others, request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const ours = pathOf(request) === SESSION_PATH
      if (!ours && others.length > 0) {
        for (const other of others) other.call(server, request, socket, head)
        return
      }
      // Somebody who listens since then may want what is neither ours nor theirs.
      if (!ours && server.listenerCount('upgrade') > 1) return
      // Node leaves an upgraded socket without a listener, and an error without a listener ends the process.
      socket.on('error', ignore)
      if (!ours) return refuseUpgrade(socket, '404 Not Found', 'There is no WebSocket here.')
      const protocols = protocolsOf(request)
      if (!protocols.includes(SUBPROTOCOL))
        return refuseUpgrade(socket, '400 Bad Request', `Offer the subprotocol ${SUBPROTOCOL}.`)
      // A session that starts at once is told of in the write that accepts the handshake.
      socket.cork()
      setImmediate(uncork, socket)
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = handlers.connect(new WsTransport(webSocket, socket), handlers.peerOf(request))
        receiveFrom(webSocket, connection)
        const start = startInProtocols(protocols)
        if (start === undefined)
          connection.end('bad-request', 'The start in the subprotocol is not base64url of UTF-8.')
        else if (start !== null) connection.receive(start, Buffer.byteLength(start))
      })
    },
  )

  return {
    detach() {
      giveBackRequests()
      giveBackUpgrades()
      sockets.close()
    },
  }
}
