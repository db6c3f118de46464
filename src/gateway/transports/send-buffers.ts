/** How many bytes may wait for one client that doesn't read. If more wait, the client's socket is destroyed, to bound the memory. */
const MAX_EACH = 1_048_576
/** How many bytes may wait for all clients of the process together. If more wait, the socket with the most waiting bytes is destroyed. */
const MAX_TOTAL = 128 * 1_048_576

/** The socket of a client that reads more slowly than frames are sent. */
export interface SlowSocket {
  readonly bufferedAmount: number
  terminate(): void
}

/** Bounds the bytes that wait for clients which don't read. */
export class SendBuffers {
  readonly #maxEach: number
  readonly #maxTotal: number
  readonly #waiting = new Map<SlowSocket, number>()
  #total = 0
  #terminated = 0

  constructor(maxEach = MAX_EACH, maxTotal = MAX_TOTAL) {
    this.#maxEach = maxEach
    this.#maxTotal = maxTotal
  }

  /** How many bytes wait, for how many sockets, and how many sockets were destroyed so far. */
  get state(): { bytes: number; sockets: number; terminated: number } {
    return { bytes: this.#total, sockets: this.#waiting.size, terminated: this.#terminated }
  }

  /** Called after a frame was sent to a socket that is not drained. */
  update(socket: SlowSocket): void {
    const bytes = socket.bufferedAmount
    this.#total += bytes - (this.#waiting.get(socket) ?? 0)
    this.#waiting.set(socket, bytes)
    if (bytes > this.#maxEach) this.#terminate(socket)
    while (this.#total > this.#maxTotal) this.#terminate(this.#largest())
  }

  /** Called when the socket is drained or closed. */
  release(socket: SlowSocket): void {
    this.#total -= this.#waiting.get(socket) ?? 0
    this.#waiting.delete(socket)
  }

  #largest(): SlowSocket {
    return [...this.#waiting].reduce((most, each) => (each[1] > most[1] ? each : most))[0]
  }

  #terminate(socket: SlowSocket): void {
    this.#terminated += 1
    this.release(socket)
    socket.terminate()
  }
}

/** All gateways of the process share this object, because their send buffers share the memory of the process. */
export const sendBuffers = new SendBuffers()
