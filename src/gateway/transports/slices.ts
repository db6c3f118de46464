import type { Duplex } from 'node:stream'

/** Bytes that are parsed at once while `isSliced` returns true. */
const SLICE = 2_048

/**
 * Gives the listeners of a socket small slices of what it reads, as long as `isSliced` returns true. A parser takes a chunk as a whole:
 * without slices it would parse thousands of frames of a chunk although the first ones have ended the connection.
 */
export const readInSlices = (socket: Duplex, isSliced: () => boolean): void => {
  const push = socket.push.bind(socket)
  // Node's sockets call `push` with each chunk.
  socket.push = (chunk: Buffer | null, encoding) => {
    if (!isSliced()) Reflect.deleteProperty(socket, 'push')
    if (!chunk || !isSliced()) return push(chunk, encoding)
    let isWanted = true
    for (let at = 0; at < chunk.length; at += SLICE) isWanted = push(chunk.subarray(at, at + SLICE))
    return isWanted
  }
}
