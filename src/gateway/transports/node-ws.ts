import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
// A namespace import: ws has no server under a bundler's `browser` condition, and a named import would fail there.
import * as ws from 'ws'
import { limits, SUBPROTOCOL } from '../../protocol/index.js'
import type { Peer } from '../auth/admission.js'
import type { Connection } from '../connection/connection.js'
import type { Transport } from '../connection/transport.js'
import type { Slot } from '../limits/connection-limits.js'
import { isDropped, lingeringClose } from '../http/lingering-close.js'
import { createTurnLimit } from '../limits/turn-limit.js'
import { createRequestQueue } from '../http/request-queue.js'
import { pathOf } from '../http/target.js'
import {
  CLOSE_TIMEOUT,
  endForLimit,
  MAX_PER_TURN,
  protocolsOf,
  receiveStart,
  SESSION_PATH,
} from './handshake.js'
import { intercept } from './intercept.js'
import { createRequestReturn } from './return-request.js'
import { createFlushingWebSocket, WsTransport } from './ws-transport.js'

/** The gateway's side of an HTTP server. */
export interface GatewayHandlers {
  /** Counts a socket for the limits of connections. */
  countSocket(socket: Duplex, request: IncomingMessage, peer: Peer): Slot
  /** Stops counting a socket that was refused for a limit, so that another one can take its place. */
  releaseSlot(slot: Slot): void
  /** Creates the connection of a socket that has just opened. */
  connect(transport: Transport, peer: Peer, slot: Slot): Connection
  peerOf(request: IncomingMessage): Peer
  /** Returns whether a path belongs to the gateway. */
  owns(path: string): boolean
  /** Milliseconds that a message may take from its first byte to its last. */
  messageTimeout: number
  /** Responds to a plain request, also with 404. */
  request(request: IncomingMessage, response: ServerResponse): void
}

/** Fragments of one message. Clients send a frame of 64 kB in one fragment, and each fragment takes 120 bytes of memory or more. */
const MAX_FRAGMENTS = 64

/** Chunks that an unfinished fragment may consist of, so that a client that sends byte by byte can't fill the memory. */
const MAX_CHUNKS = 512

/** Refuses a handshake with an HTTP response. */
const refuseUpgrade = (socket: Duplex, status: string, why: string): void => {
  socket.write(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(why)}\r\n\r\n${why}`,
  )
  lingeringClose(socket)
}

/** Functions of the module: a closure for each socket would keep the request and its headers in memory. */
const ignore = (): void => undefined

/**
 * Sockets that were refused for a limit and wait for their clients to read why. They are open beyond the limit, so a client that
 * is refused while there are so many of them may lose the code if it still sends.
 */
const MAX_LINGERING = 64

/**
 * Returns a function that makes the `evict` of a slot: it ends the connection for a limit, and frees the slot without waiting for the
 * client's close frame.
 */
const createEviction = (releaseSlot: GatewayHandlers['releaseSlot']) => {
  let lingering = 0
  return (connection: Connection, socket: Duplex, slot: Slot): Slot['evict'] =>
    (refusal) => {
      endForLimit(connection, refusal)
      if (lingering < MAX_LINGERING) {
        releaseSlot(slot)
        lingering += 1
        socket.once('close', () => (lingering -= 1))
        lingeringClose(socket)
      } else if (socket instanceof Socket) socket.destroySoon()
    }
}

/** Serves the gateway's paths on `server`. Other requests go to the listeners that the server had before. */
export const attach = (server: Server, handlers: GatewayHandlers): { detach(): void } => {
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Beyond this size ws closes the socket. A smaller frame that is still too large gets an `ended` frame.
    maxPayload: 2 * limits.frame,
    // Beyond these ws closes with 1008.
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_CHUNKS,
    // ws answers each ping with a write of its own, and destroys the socket if too many answers wait.
    autoPong: false,
    WebSocket: createFlushingWebSocket(),
    closeTimeout: CLOSE_TIMEOUT,
    handleProtocols: () => SUBPROTOCOL,
  } satisfies ws.ServerOptions & {
    closeTimeout: number
    maxFragments: number
    maxBufferedChunks: number
  }
  const sockets = new ws.WebSocketServer(options)

  const { onRequest, returnRequest } = createRequestReturn(server)
  const turnLimit = createTurnLimit(MAX_PER_TURN)
  const evictionOf = createEviction((slot) => handlers.releaseSlot(slot))
  const handleRequest = createRequestQueue((request, response) => {
    turnLimit.run(() => {
      if (!request.socket.destroyed) handlers.request(request, response)
    })
  })
  const restoreRequests = intercept(
    server,
    'request',
    (others, request: IncomingMessage, response: ServerResponse) => {
      onRequest(request, response)
      if (others.length === 0 || handlers.owns(pathOf(request))) handleRequest(request, response)
      else for (const other of others) other.call(server, request, response)
    },
  )

  const open = (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    protocols: string[],
    peer: Peer,
    slot: Slot,
  ): void => {
    // ws writes nothing but the 101 before it calls back. The transport writes that text together with its first frames.
    let accepted = ''
    const { write } = socket
    socket.write = (text: string) => {
      accepted += text
      return true
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // Assigned, not deleted: V8 makes an object slow when a property of it is deleted.
      socket.write = write
      // ws listens itself from now on. With two listeners Node would keep an array of them for each socket.
      socket.off('error', ignore)
      const transport = new WsTransport(webSocket, socket, accepted)
      const connection = handlers.connect(transport, peer, slot)
      transport.receiveFor(connection, handlers.messageTimeout)
      slot.evict = evictionOf(connection, socket, slot)
      // Ended before the start is decoded and parsed, so that a refused socket costs little.
      if (slot.refusal) return slot.evict(slot.refusal)
      receiveStart(connection, protocols)
    })
    // If ws has refused the handshake, it has not called back.
    socket.write = write
  }

  const restoreUpgrades = intercept(
    server,
    'upgrade',
    (others, request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Node stops reading a socket that has an upgrade.
      if (isDropped(socket)) return void socket.resume()
      const path = pathOf(request)
      const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket'
      const isOurs = isWebSocket && path === SESSION_PATH
      // A listener that was added after `attach()` may handle this path.
      const isAlone = others.length === 0 && server.listenerCount('upgrade') === 1
      if (!isWebSocket && (isAlone || handlers.owns(path))) return returnRequest(request, socket, head)
      if (!isOurs && !isAlone) {
        for (const other of others) other.call(server, request, socket, head)
        return
      }
      // Node removes its listeners from an upgraded socket, and an `error` without a listener would end the process.
      socket.on('error', ignore)
      if (!isOurs) return refuseUpgrade(socket, '404 Not Found', 'There is no WebSocket at this path.')
      const protocols = protocolsOf(request)
      if (!protocols.includes(SUBPROTOCOL))
        return refuseUpgrade(socket, '400 Bad Request', `Offer the subprotocol ${SUBPROTOCOL}.`)
      const peer = handlers.peerOf(request)
      const slot = handlers.countSocket(socket, request, peer)
      turnLimit.run(() => {
        if (!socket.destroyed) open(request, socket, head, protocols, peer, slot)
      })
    },
  )

  return {
    detach() {
      restoreRequests()
      restoreUpgrades()
      sockets.close()
    },
  }
}
