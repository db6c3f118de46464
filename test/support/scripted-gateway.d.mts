import type { Recorded } from './gateway-commands.js'

export interface Scripted {
  url: string
  connections: Recorded[]
  /** Has it leave questions unanswered. */
  setMute(): void
  /** Has every client come back in a minute. */
  sendAway(): void
  /** Ends every connection with an `ended` frame of these fields, and a close code. */
  end(fields: { code: string; message: string; retryable: boolean }, close: number): void
  close(): Promise<void>
}

/** Starts a gateway of a few lines that resumes by key and records what clients say. */
export declare const startScripted: () => Promise<Scripted>
