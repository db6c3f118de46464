import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
// As a namespace: under a bundler's `browser` condition ws has no server, and the import alone must not fail for that.
import * as ws from 'ws'
import { limits, START_PREFIX, SUBPROTOCOL } from '../protocol/index.js'
import type { Peer } from './admission.js'
import type { Connection, Wire } from './connection.js'

/** What the server does with what comes in. */
export interface Handlers {
  /** Makes a connection of a socket that has just opened. */
  connect(wire: Wire, peer: Peer): Connection
  peerOf(request: IncomingMessage): Peer
  /** Answers a plain request, if it is for the gateway; false leaves it to others. */
  request(request: IncomingMessage, response: ServerResponse): boolean
}

export const SESSION_PATH = '/v1/session'

const pathOf = (request: IncomingMessage): string => (request.url ?? '').replace(/[?#].*/s, '')

/** The start that the subprotocols carry; null when there is none, undefined when it can't be read. */
const earlyStart = (protocols: string[]): string | null | undefined => {
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

/** Refuses a handshake before it becomes a WebSocket. */
const refuse = (socket: Duplex, status: string, why: string): void => {
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(why)}\r\n\r\n${why}`,
  )
}

const adopt = (socket: ws.WebSocket, request: IncomingMessage, { connect, peerOf }: Handlers): void => {
  const connection = connect(
    { send: (text) => socket.send(text), close: (code, reason) => socket.close(code, reason) },
    peerOf(request),
  )
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) connection.end('bad-request', 'Frames are text.')
    else connection.receive(data.toString(), data.length)
  })
  socket.on('close', () => connection.closed())
  // The close that follows ends the connection; what a peer did to its socket is no error of ours.
  socket.on('error', () => undefined)
  const start = earlyStart(protocolsOf(request))
  if (start === undefined)
    connection.end('bad-request', 'The start in the subprotocol is not base64url of UTF-8.')
  else if (start !== null) connection.receive(start, Buffer.byteLength(start))
}

/** Lets `server` answer the gateway's addresses; its own listeners keep getting what is not for the gateway. */
export const attach = (server: Server, handlers: Handlers): { detach(): void } => {
  const sockets = new ws.WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Beyond this ws closes by itself; up to it a frame that is too large gets an answer that says so.
    maxPayload: 2 * limits.frame,
    handleProtocols: () => SUBPROTOCOL,
  })
  const others = server.listeners('request') as ((
    request: IncomingMessage,
    response: ServerResponse,
  ) => void)[]

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (handlers.request(request, response)) return
    for (const other of others) other.call(server, request, response)
    if (others.length === 0) response.writeHead(404).end()
  }

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (pathOf(request) !== SESSION_PATH) {
      if (server.listenerCount('upgrade') === 1)
        refuse(socket, '404 Not Found', 'There is no WebSocket here.')
      return
    }
    // Node leaves an upgraded socket without a listener, and an error without a listener ends the process.
    socket.on('error', () => undefined)
    if (!protocolsOf(request).includes(SUBPROTOCOL))
      return refuse(socket, '400 Bad Request', `Offer the subprotocol ${SUBPROTOCOL}.`)
    sockets.handleUpgrade(request, socket, head, (webSocket) => adopt(webSocket, request, handlers))
  }

  server.removeAllListeners('request')
  server.on('request', answer)
  server.on('upgrade', upgrade)
  return {
    detach() {
      server.off('request', answer)
      server.off('upgrade', upgrade)
      for (const other of others) server.on('request', other)
      sockets.close()
    },
  }
}
