import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Peer } from '../auth/authentication.js'
import { forwardedHeaders } from '../auth/authenticate-url.js'
import type { Settings } from '../config/parse.js'
import type { Connection } from '../connection/connection.js'
import type { Transport } from '../connection/transport.js'
import { peerOf } from '../http/peer.js'
import { badTarget, refuseAddress } from '../http/problem.js'
import type { RequestHead } from '../http/request-head.js'
import { ownsPath, type createRoutes } from '../http/routes/routes.js'
import type { ConnectionLimits, Slot } from '../limits/connection-limits.js'
import type { Log } from '../log.js'
import { bunRuntime } from './bun-runtime.js'
import { createBunServer } from './bun-server.js'
import { attach } from './node-ws.js'
import { createNodeServer, type OwnServer } from './own-server.js'
import { createSocketSlots } from './socket-slots.js'
import type { ServerHandlers } from './server-handlers.js'
import type { Streams } from './stream/streams.js'

interface Parts {
  readonly settings: Settings
  readonly log: Log
  readonly connectionLimits: ConnectionLimits
  readonly routes: ReturnType<typeof createRoutes>
  readonly streams: Streams
  /** Aborts when the gateway is closed. */
  readonly signal: AbortSignal
  connect(transport: Transport, peer: Peer, slot: Slot): Connection
  assertNotClosed(): void
}

/** Creates the ways in which clients and backends reach a gateway: servers of its own, on Node or Bun, and servers of others. */
export const createDoors = ({
  settings,
  log,
  connectionLimits,
  routes,
  streams,
  signal,
  connect,
  assertNotClosed,
}: Parts) => {
  const slots = createSocketSlots(connectionLimits)

  const respond = getRequestListener(routes.fetch, {
    // This stands in for a missing Host header: simple health checks use HTTP/1.0, which has none.
    hostname: 'localhost',
    overrideGlobalObjects: false,
    // The request queue reads the rest of a body.
    autoCleanupIncoming: false,
    // The routes handle their own errors. This handler gets only requests with a bad target.
    errorHandler: badTarget,
  })

  const identify = (slot: Slot, { headers }: RequestHead, peer: Peer): Slot => {
    if (settings.listen.trustProxy > 0) connectionLimits.identify(slot, peer.address)
    else if ((headers['x-forwarded-for'] ?? headers.forwarded) !== undefined)
      connectionLimits.onForwarded(slot)
    // If the client has just closed the socket, the socket has no address any more. So the address comes from `slot`, which has kept it.
    else connectionLimits.identify(slot, slot.remoteAddress)
    return slot
  }

  const handlers: ServerHandlers = {
    startTimeout: settings.startTimeout,
    peerOf: (head) => peerOf(head, settings.listen.trustProxy, forwardedHeaders(settings.apps)),
    connect,
    openStream: streams.open,
    releaseSlot: (slot) => connectionLimits.release(slot),
  }

  /** Serves the gateway's paths on a server until the gateway is closed. */
  const attachTo = (server: Server): void => {
    assertNotClosed()
    const detach = attach(server, {
      owns: ownsPath,
      ...handlers,
      countSocket(socket, request, peer) {
        const slot = slots.slotOf(socket)
        // From now on the socket carries only this client's session, so `evict` may destroy the socket.
        slot.evict = () => void socket.destroy()
        return identify(slot, request, peer)
      },
      request(request: IncomingMessage, response: ServerResponse) {
        const slot = slots.slotOf(request.socket)
        const { refusal } = identify(slot, request, peerOf(request, settings.listen.trustProxy))
        // A full gateway still answers health checks, because a restart after a failed check would make no room.
        if (refusal === 'rate-limited') refuseAddress(response)
        else void respond(request, response)
      },
    })
    signal.addEventListener('abort', detach, { once: true })
  }

  const acceptOnBun = ({ socket }: RequestHead): Slot =>
    connectionLimits.accept(socket.remoteAddress ?? 'unknown', () => undefined, undefined)

  return {
    attachTo,
    /** Creates the server of `gateway.listen()`. */
    createServer(): OwnServer {
      const bun = bunRuntime()
      if (!bun) return createNodeServer(settings, log, slots, attachTo)
      return createBunServer(bun, settings, log, {
        ...handlers,
        countSocket: (head, peer) => identify(acceptOnBun(head), head, peer),
        respond: (request, incoming) => routes.fetch(request, { incoming }),
      })
    },
  }
}
