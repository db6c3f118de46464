import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { SESSION_PATH } from '../gateway/server.js'

/** The network between pages and a gateway under development: it can be broken, to see what a session makes of it. */
export interface Network {
  broken(): boolean
  /** Broken: every WebSocket is cut without a word, and none comes to be. */
  setBroken(broken: boolean): void
}

/**
 * Call it before the gateway is attached: it has to see sockets first. Broken to begin with, since a socket that comes
 * before the gateway would wait for an answer that nobody gives.
 */
export const breakable = (server: Server): Network => {
  const sockets = new Set<Duplex>()
  let broken = true
  server.on('upgrade', ({ url }, socket) => {
    // Nobody else would answer a socket for another address.
    if (broken || url?.replace(/[?#].*/s, '') !== SESSION_PATH) return void socket.destroy()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    broken: () => broken,
    setBroken(wanted) {
      broken = wanted
      if (broken) for (const socket of sockets) socket.destroy()
    },
  }
}
