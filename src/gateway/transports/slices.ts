import { Duplex } from 'node:stream'

/** Bytes that are parsed at once while `isSliced` returns true. */
const SLICE = 2_048

const { push } = Duplex.prototype

/**
 * Returns a `push` for sockets, which Node calls with each chunk that it has read. It gives the listeners of a socket small slices, as
 * long as `isSliced` returns true for it. A parser takes a chunk as a whole: without slices it would parse thousands of frames of a chunk
 * although the first ones have ended the connection.
 */
export const createSlicedPush = (isSliced: (socket: Duplex) => boolean): Duplex['push'] =>
  function (this: Duplex, chunk: Buffer | null, encoding) {
    // Assigned, not deleted: V8 makes an object slow when a property of it is deleted.
    if (!isSliced(this)) this.push = push
    if (!chunk || !isSliced(this)) return push.call(this, chunk, encoding)
    let isWanted = true
    for (let at = 0; at < chunk.length; at += SLICE)
      isWanted = push.call(this, chunk.subarray(at, at + SLICE))
    return isWanted
  }
