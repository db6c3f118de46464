/** How many frames may wait for `started`, and how many bytes in all. */
const MAX_FRAMES = 16
const MAX_BYTES = 16_384

/** The reason for which a connection with too many early frames ends. */
export const TOO_MUCH_BEFORE_START = `Before 'started' a client may send at most ${MAX_FRAMES} frames and ${MAX_BYTES} bytes together.`

/**
 * The frames that come before `started`. They wait as text, because a client that is not authenticated could send 16 kB of `{}`, which
 * would take hundreds of kilobytes when parsed.
 */
export class EarlyFrames {
  readonly texts: string[] = []
  /** Whether one of the frames is an `end`. */
  hasEnd = false
  #bytes = 0

  /** Counts bytes. Returns false if they are too many. */
  spend(bytes: number): boolean {
    this.#bytes += bytes
    return this.#bytes <= MAX_BYTES
  }

  /** Keeps a frame. Returns false if there are too many. */
  add(text: string, bytes: number): boolean {
    return this.spend(bytes) && this.texts.push(text) <= MAX_FRAMES
  }
}
