import type { Duplex } from 'node:stream'

/** Milliseconds that a client has to read the last response. */
const LINGER_TIME = 3_000
/** The most bytes that are read and dropped. After them the socket is not read, so that a client that keeps sending takes no CPU time. */
const MAX_DROPPED = 4 * 1_048_576

const dropped = new WeakSet<Duplex>()

/** Returns whether `dropInput` was called for a socket. Its further requests and upgrades get no response. */
export const isDropped = (socket: Duplex): boolean => dropped.has(socket)

/** Reads the client's further bytes and drops them before they are parsed. A second call for a socket does nothing. */
export const dropInput = (socket: Duplex): void => {
  if (dropped.has(socket)) return
  dropped.add(socket)
  // With an upgrade Node removes its own `error` listener, and an `error` without a listener would end the process.
  socket.on('error', () => undefined)
  // These listeners would pass the bytes to Node's HTTP parser. When `data` gets a listener, Node removes the parser from the socket, too.
  socket.removeAllListeners('data')
  let left = MAX_DROPPED
  socket.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) socket.pause()
  })
  socket.resume()
}

/**
 * Closes the gateway's side of a socket, and destroys it once the client has closed its side, or after `LINGER_TIME`. If a socket
 * with unread bytes is destroyed, the kernel sends a reset, and the client loses a response that it has not read yet.
 */
export const lingeringClose = (socket: Duplex): void => {
  dropInput(socket)
  const timer = setTimeout(() => socket.destroy(), LINGER_TIME).unref()
  socket.once('close', () => clearTimeout(timer))
  socket.once('end', () => socket.destroy())
  socket.end()
}
