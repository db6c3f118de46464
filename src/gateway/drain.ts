import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from './config/parse.js'
import type { Connection } from './connection/connection.js'

/** Milliseconds over which the clients of a drain reconnect: a base, and more for each connection. */
const BASE = 1_000
const EACH = 5
const MAX = 30_000

/** How many connections are changed in one turn of the event loop. */
const PER_TURN = 12

/**
 * How many connections are closed in one turn, and the milliseconds to the next ones. Each takes about 50 µs, and as much again when its
 * client answers: with a pause, those that were closed before have mostly answered.
 */
const CLOSED_PER_TURN = 32
const CLOSE_PAUSE = 8
/** With very many connections more are closed in a turn, so that all are within four seconds. */
const MAX_CLOSE_STEPS = 500

/** Up to this many sessions may reconnect at once. */
const MAX_AT_ONCE = 100
const MAX_WINDOW = 60_000

/** Returns the milliseconds over which the clients of so many sessions reconnect if their gateway is lost. */
export const reconnectWindow = (sessions: number): number =>
  sessions <= MAX_AT_ONCE ? 0 : Math.min(MAX_WINDOW, EACH * sessions)

/** Calls `change` for the connections that there are now, in their order, for some at a time. */
const eachInSteps = async (
  connections: Iterable<Connection>,
  change: (connection: Connection) => void,
  perStep: number,
  pause: () => Promise<unknown>,
): Promise<void> => {
  const all = [...connections]
  for (let start = 0; start < all.length; start += perStep) {
    if (start > 0) await pause()
    for (const connection of all.slice(start, start + perStep)) change(connection)
  }
}

/** Calls `change` for the connections that there are now, in their order, for some in each turn of the event loop. */
export const eachInTurns = (
  connections: Iterable<Connection>,
  change: (connection: Connection) => void,
): Promise<void> => eachInSteps(connections, change, PER_TURN, nextTurn)

/** Closes the connections of a gateway that is closed. */
export interface Drain {
  isDraining(): boolean
  /** Closes the connections that there are now by `close`, which gets a random delay, so that clients don't all reconnect at once. */
  closeAll(close: (connection: Connection, retryAfter: number) => void): Promise<void>
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

  const delay = (count = connections.size): number =>
    Math.ceil(
      Math.random() *
        // The last client must reconnect while its session is still held.
        Math.min(settings.resumeWindow / 2 || MAX, MAX, BASE + EACH * count),
    )

  const closeAll: Drain['closeAll'] = (close) => {
    // Those that are closed in later turns reconnect over the same time.
    const { size } = connections
    return eachInSteps(
      connections,
      (connection) => close(connection, delay(size)),
      Math.max(CLOSED_PER_TURN, Math.ceil(size / MAX_CLOSE_STEPS)),
      () => sleep(CLOSE_PAUSE),
    )
  }

  return {
    isDraining: () => isDraining,
    closeAll,
    retryAfter: () => (isDraining ? delay() : null),
    onClosed() {
      if (isDraining && connections.size === 0) empty.abort()
    },
    async run(timeout) {
      isDraining = true
      const waited =
        connections.size > 0 ? sleep(timeout, undefined, empty).catch(() => undefined) : undefined
      await closeAll((connection, retryAfter) => connection.drain(retryAfter))
      await waited
      await closeAll((connection, retryAfter) => connection.end('unavailable', undefined, retryAfter))
    },
  }
}
