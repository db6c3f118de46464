import type { Duplex, Readable } from 'node:stream'

/** How much of a client's further input is read and dropped: at most so many milliseconds, and at most so many bytes. */
interface Lingering {
  time: number
  bytes: number
}

/** For a client that still has to read the last response. */
const LAST_RESPONSE: Lingering = { time: 3_000, bytes: 4 * 1_048_576 }
/** For a client that sends its body to the end before it reads the response. */
export const REST_OF_BODY: Lingering = { time: 15_000, bytes: 64 * 1_048_576 }
/** Milliseconds without a byte after which no more is read. */
const SILENCE = 3_000

const dropped = new WeakSet<Duplex>()

/** Returns whether `dropInput` was called for a socket. Its further requests and upgrades get no response. */
export const isDropped = (socket: Duplex): boolean => dropped.has(socket)

/** Reads and drops this many bytes. After them `input` is not read, so that a client that keeps sending takes no CPU time. */
const drop = (input: Readable, bytes: number): void => {
  let left = bytes
  input.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) input.pause()
  })
  input.resume()
}

/** Calls `giveUp` after `time` milliseconds, or once nothing has come for `SILENCE`, unless `input` has closed before. */
const limitTime = (input: Readable, time: number, giveUp: () => void): void => {
  const end = setTimeout(giveUp, time).unref()
  const silence = setTimeout(giveUp, SILENCE).unref()
  input.on('data', () => silence.refresh())
  input.once('close', () => {
    clearTimeout(end)
    clearTimeout(silence)
  })
}

/** Reads the client's further bytes and drops them before they are parsed. A second call for a socket does nothing. */
export const dropInput = (socket: Duplex, bytes = LAST_RESPONSE.bytes): void => {
  if (dropped.has(socket)) return
  dropped.add(socket)
  // With an upgrade Node removes its own `error` listener, and an `error` without a listener would end the process.
  socket.on('error', () => undefined)
  // These listeners would pass the bytes to Node's HTTP parser. When `data` gets a listener, Node removes the parser from the socket, too.
  socket.removeAllListeners('data')
  drop(socket, bytes)
}

/**
 * Closes the gateway's side of a socket, and destroys it once the client has closed its side, or sends nothing, or the bounds of
 * `lingering` are reached. If a socket with unread bytes is destroyed, the kernel sends a reset, and the client loses a response that it
 * has not read yet.
 */
export const lingeringClose = (socket: Duplex, { time, bytes } = LAST_RESPONSE): void => {
  dropInput(socket, bytes)
  limitTime(socket, time, () => socket.destroy())
  socket.once('end', () => socket.destroy())
  socket.end()
}

/** Reads and drops the rest of a request that needs no body. Calls `giveUp` if the rest is too long or does not come. */
export const dropRest = (request: Readable, giveUp: () => void): void => {
  drop(request, REST_OF_BODY.bytes)
  limitTime(request, REST_OF_BODY.time, giveUp)
}
