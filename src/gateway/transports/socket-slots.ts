import type { Server } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionLimits, Slot } from '../limits/connection-limits.js'

/**
 * The slots of open sockets: their places in the limits of connections. The gateway's own server counts a socket when it is accepted. A
 * socket of a server to which the gateway is attached counts from its first request to the gateway on.
 */
export type SocketSlots = ReturnType<typeof createSocketSlots>

const remoteAddressOf = (socket: Duplex): string =>
  (socket instanceof Socket && socket.remoteAddress) || 'unknown'

/** Returns the client's address and port, which are unique among the open sockets of a server. */
const endpointOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`

export const createSocketSlots = (limits: ConnectionLimits) => {
  // The slot is a property of the socket, so that all sockets can share the listeners. With a WeakMap, and a closure for each socket, an
  // idle session takes 6% more memory.
  const SLOT: unique symbol = Symbol('slot')
  type Slotted = Duplex & { [SLOT]?: Slot | undefined }

  const release = function (this: Slotted): void {
    const slot = this[SLOT]
    if (slot) limits.release(slot)
  }

  return {
    /**
     * Counts every socket that `server` accepts. `clientOf` returns the address of the socket's client, if it is known before a request.
     * Returns a set that always has the open sockets.
     */
    watch(
      server: Server,
      isTls: boolean,
      clientOf: (socket: Socket) => string | undefined,
    ): ReadonlySet<Duplex> {
      const handshaking = new Map<string, Slot>()
      // This set is needed, because Node's `closeAllConnections()` leaves out WebSockets and sockets in their TLS handshake.
      const sockets = new Set<Duplex>()
      const onClose = function (this: Slotted): void {
        sockets.delete(this)
        release.call(this)
      }
      server.on('connection', (socket: Socket & Slotted) => {
        // When a request is given back to the server, the server emits `connection` for the same socket again.
        if (socket[SLOT]) return
        const slot = limits.accept(remoteAddressOf(socket), () => void socket.destroy(), clientOf(socket))
        socket[SLOT] = slot
        socket.on('close', onClose)
        sockets.add(socket)
        if (!isTls) return
        const endpoint = endpointOf(socket)
        handshaking.set(endpoint, slot)
        socket.once('close', () => handshaking.delete(endpoint))
      })
      // Over TLS a request has a TLSSocket, which is not the accepted socket, but has the same endpoint.
      server.on('secureConnection', (socket: Socket & Slotted) => {
        const slot = handshaking.get(endpointOf(socket))
        if (slot) socket[SLOT] = slot
      })
      return sockets
    },
    /**
     * Returns the slot of a socket. If the socket does not count yet, counts it. The `evict` of this slot does not close the socket,
     * because another listener of the server may answer on it. After `evict` the socket does not count until its next request to the
     * gateway.
     */
    slotOf(duplex: Duplex): Slot {
      const socket: Slotted = duplex
      const known = socket[SLOT]
      if (known) return known
      const evict = (): void => {
        release.call(socket)
        socket[SLOT] = undefined
      }
      const slot = limits.accept(remoteAddressOf(socket), evict, undefined)
      socket[SLOT] = slot
      if (!socket.listeners('close').includes(release)) socket.on('close', release)
      return slot
    },
  }
}
