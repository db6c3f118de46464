import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { SUBPROTOCOL } from '../../protocol/index.js'
import { sha1 } from '../../util/hash.js'
import type { Peer } from '../auth/authentication.js'
import type { Connection } from '../connection/connection.js'
import type { Slot } from '../limits/connection-limits.js'
import { mayLackHeaders, TOO_MANY_HEADERS } from '../http/header-count.js'
import { isDropped, lingeringClose } from '../http/lingering-close.js'
import { createTurnLimit } from '../limits/turn-limit.js'
import { refuseHeaders } from '../http/problem.js'
import { createRequestQueue } from '../http/request-queue.js'
import { pathOf } from '../http/target.js'
import {
  endForLimit,
  isHandshake,
  MAX_PER_TURN,
  NO_HANDSHAKE,
  protocolsOf,
  receiveStart,
  SESSION_PATH,
} from './handshake.js'
import { intercept } from './intercept.js'
import { openNodeStream } from './stream/node-stream.js'
import { STREAM_PATH } from './stream/start-body.js'
import { chooseUpgrades, createRequestReturn } from './return-request.js'
import type { NodeHandlers } from './server-handlers.js'
import { WsTransport } from './ws-transport.js'

/** The text with which the key of a handshake is hashed (RFC 6455, 1.3). */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Returns the response that accepts a handshake. */
const acceptanceOf = ({ headers }: IncomingMessage): string => {
  const hash = sha1(`${headers['sec-websocket-key']}${KEY_SUFFIX}`)
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${hash}\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n\r\n`
}

/** Refuses a handshake with an HTTP response. */
const refuseUpgrade = (socket: Duplex, status: string, why: string): void => {
  socket.write(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(why)}\r\n\r\n${why}`,
  )
  lingeringClose(socket)
}

/** This is a function of the module, because a closure for each socket would keep the request and its headers in memory. */
const ignore = (): void => undefined

/**
 * How many refused sockets may wait until their clients have read the reason. While they wait, they do not count for the limits. If this
 * many wait already, the next refused client loses the reason if it is still sending.
 */
const MAX_LINGERING = 64

const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket'

/**
 * Serves the gateway's paths on `server`, until the returned function is called. Other requests go to the listeners that the server had
 * before.
 */
export const attach = (server: Server, handlers: NodeHandlers): (() => void) => {
  let isDetached = false
  const { onRequest, returnRequest } = createRequestReturn(server)
  const turnLimit = createTurnLimit(MAX_PER_TURN)
  let lingering = 0

  /**
   * Returns the `evict` of a slot. It ends the connection for a limit, and frees the slot without waiting for the client's close frame.
   * `close` then closes the socket.
   */
  const evictionOf =
    (connection: Connection, socket: Duplex, slot: Slot, close = lingeringClose): Slot['evict'] =>
    (refusal) => {
      endForLimit(connection, refusal)
      if (lingering < MAX_LINGERING) {
        handlers.releaseSlot(slot)
        lingering += 1
        socket.once('close', () => (lingering -= 1))
        close(socket)
      } else if (socket instanceof Socket) Socket.prototype.destroySoon.call(socket)
    }

  /** The end of the response closes the socket of a stream. */
  const streamEvictionOf = (connection: Connection, socket: Duplex, slot: Slot): Slot['evict'] =>
    evictionOf(connection, socket, slot, ignore)
  const handleRequest = createRequestQueue((request, response, stayOpen) => {
    turnLimit.run(() => {
      if (request.socket.destroyed) return
      if (mayLackHeaders(server, request)) return refuseHeaders(response)
      if (request.method !== 'POST' || pathOf(request) !== STREAM_PATH)
        return handlers.request(request, response)
      stayOpen()
      void openNodeStream(handlers, streamEvictionOf, request, response)
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
    // A client that is gone gets no session: its start could end another session of the user as `too-many-sessions`.
    if (!socket.readable || !socket.writable) return void socket.destroy()
    if (isDetached) return refuseUpgrade(socket, '503 Service Unavailable', 'The gateway is closing.')
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay()
    if (head.length > 0) socket.unshift(head)
    const transport = new WsTransport(socket, acceptanceOf(request))
    const connection = handlers.connect(transport, peer, slot)
    transport.receiveFor(connection, handlers.startTimeout)
    slot.evict = evictionOf(connection, socket, slot)
    // A refused connection ends before its `start` frame is decoded and parsed, so that it costs little.
    if (slot.refusal) return slot.evict(slot.refusal)
    receiveStart(connection, protocols)
  }

  const isSession = (request: IncomingMessage): boolean =>
    isWebSocket(request) && pathOf(request) === SESSION_PATH

  /**
   * Returns whether a request that asks for an upgrade is handled as a plain request. On a path that the gateway does not own, another
   * listener may want the upgrade. `listenerCount` also counts listeners that were added after `attach()`.
   */
  const isReturned = (request: IncomingMessage, others: readonly unknown[]): boolean =>
    !isWebSocket(request) &&
    ((others.length === 0 && server.listenerCount('upgrade') === 1) || handlers.owns(pathOf(request)))

  const upgradeListeners = server.listeners('upgrade')
  const restoreChoice = chooseUpgrades(server, (request) => {
    if (isSession(request)) return true
    return isReturned(request, upgradeListeners) && !mayLackHeaders(server, request) ? false : undefined
  })
  const restoreUpgrades = intercept(
    server,
    'upgrade',
    (others, request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Because the request asks for an upgrade, Node has stopped reading the socket. After `resume`, lingering-close.ts drops the rest.
      if (isDropped(socket)) return void socket.resume()
      const isOurs = isSession(request)
      const mayReturn = isReturned(request, others)
      if ((mayReturn || isOurs) && mayLackHeaders(server, request)) {
        socket.on('error', ignore)
        return refuseUpgrade(socket, '431 Request Header Fields Too Large', TOO_MANY_HEADERS)
      }
      if (mayReturn) return returnRequest(request, socket, head)
      if (!isOurs && (others.length > 0 || server.listenerCount('upgrade') > 1)) {
        for (const other of others) other.call(server, request, socket, head)
        return
      }
      // Node removes its listeners from an upgraded socket, and an `error` without a listener would end the process.
      socket.on('error', ignore)
      if (!isOurs) return refuseUpgrade(socket, '404 Not Found', 'There is no WebSocket at this path.')
      const protocols = protocolsOf(request)
      if (!protocols.includes(SUBPROTOCOL))
        return refuseUpgrade(socket, '400 Bad Request', `Offer the subprotocol ${SUBPROTOCOL}.`)
      if (!isHandshake(request.method, request)) return refuseUpgrade(socket, '400 Bad Request', NO_HANDSHAKE)
      const peer = handlers.peerOf(request)
      const slot = handlers.countSocket(socket, request, peer)
      turnLimit.run(() => {
        if (!socket.destroyed) open(request, socket, head, protocols, peer, slot)
      })
    },
  )

  return () => {
    isDetached = true
    restoreRequests()
    restoreUpgrades()
    restoreChoice()
  }
}
