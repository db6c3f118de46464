import type { Recorded } from './gateway-commands.js'

export interface Scripted {
  url: string
  connections: Recorded[]
  /** From now on it does not answer `history` frames. */
  setMute(): void
  /** Ends every connection with a `retryAfter` of a minute. */
  sendAway(): void
  /** Ends every connection with an `ended` frame of these fields, and a close code. */
  end(fields: { code: string; message: string; retryable: boolean }, close: number): void
  close(): Promise<void>
}

/** Starts a gateway that has only resumption by key, and records the frames of clients. */
export declare const startScripted: () => Promise<Scripted>
