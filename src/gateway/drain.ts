import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from './config/parse.js'
import type { Connection } from './connection/connection.js'

/** Milliseconds over which the clients of a drain reconnect: a base, and more for each connection. */
const BASE = 1_000
const EACH = 5
const MAX = 30_000

/** Up to this many sessions may reconnect at once. */
const MAX_AT_ONCE = 100
const MAX_WINDOW = 60_000

/** Returns the milliseconds over which the clients of so many sessions reconnect if their gateway is lost. */
export const reconnectWindow = (sessions: number): number =>
  sessions <= MAX_AT_ONCE ? 0 : Math.min(MAX_WINDOW, EACH * sessions)

/** Closes the connections of a gateway that is closed. */
export interface Drain {
  isDraining(): boolean
  /** Returns a random delay, so that clients don't all reconnect at once. */
  delay(): number
  /** Returns a random delay. Null before the drain. */
  retryAfter(): number | null
  /** Called when a connection is closed and removed. */
  onClosed(): void
  /** Ends each connection once its frames are answered, and the others after `timeout` milliseconds. */
  run(timeout: number): Promise<void>
}

export const createDrain = (
  settings: Pick<Settings, 'resumeWindow'>,
  connections: ReadonlySet<Connection>,
): Drain => {
  const empty = new AbortController()
  let isDraining = false

  const delay = (): number =>
    Math.ceil(
      Math.random() *
        // The last client must reconnect while its session is still held.
        Math.min(settings.resumeWindow / 2 || MAX, MAX, BASE + EACH * connections.size),
    )

  return {
    isDraining: () => isDraining,
    delay,
    retryAfter: () => (isDraining ? delay() : null),
    onClosed() {
      if (isDraining && connections.size === 0) empty.abort()
    },
    async run(timeout) {
      isDraining = true
      for (const connection of connections) connection.drain(delay())
      if (connections.size > 0) await sleep(timeout, undefined, empty).catch(() => undefined)
      for (const connection of connections) connection.end('unavailable', undefined, delay())
    },
  }
}
