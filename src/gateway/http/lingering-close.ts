import type { Duplex } from 'node:stream'

/** Milliseconds that a client has to read the last response. */
const LINGER_TIME = 3_000
/** Bytes that are read and dropped. Beyond them the socket is not read, so that a client that goes on takes no CPU time. */
const MAX_DROPPED = 4 * 1_048_576

/** Reads what the client still sends, and drops it before it is parsed. Called again for a socket, it does nothing more. */
export const dropInput = (socket: Duplex): void => {
  if (dropping.has(socket)) return
  dropping.add(socket)
  // The listeners are those of the parser. Node also takes a parser off its socket when `data` gets a listener.
  socket.removeAllListeners('data')
  let left = MAX_DROPPED
  socket.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) socket.pause()
  })
  socket.resume()
}

const dropping = new WeakSet<Duplex>()

/**
 * Closes the gateway's side of a socket, and destroys it once the client has closed its side, or after `LINGER_TIME`. If a socket
 * is destroyed before all that came is read, the kernel sends a reset, and the client loses a response that it has not read yet.
 */
export const lingeringClose = (socket: Duplex): void => {
  dropInput(socket)
  const timer = setTimeout(() => socket.destroy(), LINGER_TIME).unref()
  socket.once('close', () => clearTimeout(timer))
  socket.once('end', () => socket.destroy())
  socket.end()
}
