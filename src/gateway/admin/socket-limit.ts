import type { Socket } from 'node:net'
import { addressKey } from '../limits/connection-limits.js'

interface SocketLimit {
  /**
   * Counts a socket that was accepted. Beyond the limit it closes a socket that has sent no valid token: the oldest one of the address with
   * the most such sockets.
   */
  accept: (socket: Socket) => void
  /** Called when a request of the socket had a valid token: the limit no longer closes the socket. */
  trust: (socket: Socket) => void
}

/** Limits the open sockets, so that silent sockets do not keep out an operator or a scraper. */
export const createSocketLimit = (max: number): SocketLimit => {
  const counted = new Set<Socket>()
  /** By address: the sockets that have sent no valid token, the oldest first. */
  const strangers = new Map<string, Set<Socket>>()

  const keyOf = ({ remoteAddress }: Socket): string => addressKey(remoteAddress ?? 'unknown')

  const removeStranger = (key: string, socket: Socket): void => {
    const sockets = strangers.get(key)
    sockets?.delete(socket)
    if (sockets?.size === 0) strangers.delete(key)
  }

  const release = (key: string, socket: Socket): void => {
    counted.delete(socket)
    removeStranger(key, socket)
  }

  const closeOne = (): void => {
    let [key, largest] = ['', new Set<Socket>()]
    for (const [address, sockets] of strangers)
      if (sockets.size > largest.size) [key, largest] = [address, sockets]
    const [oldest] = largest
    if (!oldest) return
    // The socket is released here, because further sockets may be accepted before its `close` event.
    release(key, oldest)
    oldest.destroy()
  }

  return {
    accept(socket) {
      // The key is computed now, because a closed socket has no address.
      const key = keyOf(socket)
      strangers.set(key, (strangers.get(key) ?? new Set()).add(socket))
      counted.add(socket)
      socket.once('close', () => release(key, socket))
      if (counted.size > max) closeOne()
    },
    trust: (socket) => removeStranger(keyOf(socket), socket),
  }
}
