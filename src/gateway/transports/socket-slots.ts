import type { Server } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionLimits, Slot } from '../limits/connection-limits.js'

/** The slots of open sockets. A server of the gateway's own counts a socket when it is accepted, an attached one at its upgrade. */
export interface SocketSlots {
  /** Counts every socket that `server` accepts. `clientOf` returns its client's address, if it is known before a request. */
  watch(server: Server, isTls: boolean, clientOf: (socket: Socket) => string | undefined): void
  /** Returns the slot of a socket, and counts it if it is new. */
  slotOf(socket: Duplex): Slot
}

const remoteAddressOf = (socket: Duplex): string =>
  (socket instanceof Socket && socket.remoteAddress) || 'unknown'

/** Returns the client's address and port, which are unique among the open sockets of a server. */
const endpointOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`

export const createSocketSlots = (limits: ConnectionLimits): SocketSlots => {
  const slots = new WeakMap<Duplex, Slot>()

  // One function for all sockets: a closure for each would cost memory.
  const release = function (this: Duplex): void {
    const slot = slots.get(this)
    if (slot) limits.release(slot)
  }

  const accept = (socket: Duplex, clientAddress: string | undefined): Slot => {
    const slot = limits.accept(remoteAddressOf(socket), () => void socket.destroy(), clientAddress)
    slots.set(socket, slot)
    socket.once('close', release)
    return slot
  }

  return {
    watch(server, isTls, clientOf) {
      const handshaking = new Map<string, Slot>()
      server.on('connection', (socket: Socket) => {
        // A request that was returned to the server comes with the socket that it had.
        if (slots.has(socket)) return
        const slot = accept(socket, clientOf(socket))
        if (!isTls) return
        const endpoint = endpointOf(socket)
        handshaking.set(endpoint, slot)
        socket.once('close', () => handshaking.delete(endpoint))
      })
      // Over TLS a request has a TLSSocket, which is not the accepted socket.
      server.on('secureConnection', (socket: Socket) => {
        const slot = handshaking.get(endpointOf(socket))
        if (slot) slots.set(socket, slot)
      })
    },
    slotOf: (socket) => slots.get(socket) ?? accept(socket, undefined),
  }
}
