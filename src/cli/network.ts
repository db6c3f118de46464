import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { SESSION_PATH } from '../gateway/server.js'

/** The network between pages and a gateway under development: it can be broken, to see what a session makes of it. */
export interface Network {
  /** Puts itself between the gateway that is attached to `server` and those who connect. */
  watch(server: Server): void
  broken(): boolean
  /** Broken: every WebSocket is cut without a word, and none comes to be. */
  setBroken(broken: boolean): void
}

export const createNetwork = (): Network => {
  const sockets = new Set<Duplex>()
  let broken = false
  return {
    watch(server) {
      // Before the gateway's listener, which leaves a socket that is destroyed alone.
      server.prependListener('upgrade', ({ url }, socket) => {
        // Nobody else would answer a socket for another address.
        if (broken || url?.replace(/[?#].*/s, '') !== SESSION_PATH) return void socket.destroy()
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      })
    },
    broken: () => broken,
    setBroken(wanted) {
      broken = wanted
      if (broken) for (const socket of sockets) socket.destroy()
    },
  }
}
