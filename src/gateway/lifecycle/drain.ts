import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from '../config/parse.js'
import type { Connection } from '../connection/connection.js'

/**
 * A drain closes all connections of a gateway. The milliseconds over which their clients reconnect are `BASE` plus `EACH` for each
 * connection, but at most `MAX`.
 */
const BASE = 1_000
const EACH = 5
const MAX = 30_000

/** How many connections `eachInTurns` changes in one turn of the event loop, if its caller names no other number. */
const PER_TURN = 12

/** How many connections a drain closes in one turn. Each takes about 50 µs, and another 50 µs when its client answers. */
const DRAINED_PER_TURN = 32
/** Milliseconds between two such turns. Meanwhile most of the clients answer. Without a pause many answers would come in one turn. */
const DRAIN_PAUSE = 8
/** The most milliseconds of all pauses together. */
const MAX_DRAIN_PAUSES = 4_000

/** If a lost gateway had no more sessions than this, their clients reconnect at once. */
const MAX_AT_ONCE = 100
const MAX_WINDOW = 60_000

/** Returns the milliseconds over which the clients of a lost gateway reconnect if it had this many sessions. */
export const reconnectWindow = (sessions: number): number =>
  sessions <= MAX_AT_ONCE ? 0 : Math.min(MAX_WINDOW, EACH * sessions)

/** Calls `change` for each connection that there is now, in their order: for `perTurn` connections in each turn of the event loop. */
export const eachInTurns = async (
  connections: Iterable<Connection>,
  change: (connection: Connection) => void,
  perTurn = PER_TURN,
  pause: () => Promise<unknown> = nextTurn,
): Promise<void> => {
  const all = [...connections]
  for (let start = 0; start < all.length; start += perTurn) {
    if (start > 0) await pause()
    for (const connection of all.slice(start, start + perTurn)) change(connection)
  }
}

type CloseOne = (connection: Connection, retryAfter: number) => void

/** Closes the connections of a gateway. */
export type Drain = ReturnType<typeof createDrain>

export const createDrain = (
  settings: Pick<Settings, 'resumeWindow'>,
  connections: ReadonlySet<Connection>,
) => {
  const empty = new AbortController()
  let isDraining = false

  const delay = (count = connections.size): number =>
    Math.ceil(
      Math.random() *
        // A session waits for its client for `resumeWindow`. The last client must reconnect before that time ends.
        Math.min(settings.resumeWindow / 2 || MAX, MAX, BASE + EACH * count),
    )

  const closeAll = (close: CloseOne, perTurn?: number, pause?: () => Promise<unknown>): Promise<void> => {
    // The size is read once. Otherwise the time over which clients reconnect would become shorter from turn to turn.
    const { size } = connections
    return eachInTurns(connections, (connection) => close(connection, delay(size)), perTurn, pause)
  }

  /** Returns the pause between the turns of a drain that may take `timeout` milliseconds. */
  const pauseWithin = (timeout: number): (() => Promise<unknown>) => {
    const longest = Math.min(MAX_DRAIN_PAUSES, timeout / 2)
    const milliseconds = Math.min(DRAIN_PAUSE, (longest * DRAINED_PER_TURN) / connections.size)
    // A timer takes at least a millisecond, so a shorter pause is a turn without a timer. In a busy process several such timers could end
    // in one turn, which would then close too many connections. So each pause with a timer also waits for a further turn.
    return milliseconds < 1 ? nextTurn : () => sleep(milliseconds).then(() => nextTurn())
  }

  return {
    isDraining: (): boolean => isDraining,
    /** Closes all present connections with `close`. Each call gets a random delay, so that clients don't all reconnect at once. */
    closeAll: (close: CloseOne): Promise<void> => closeAll(close),
    /** Returns a random delay; null before the drain. */
    retryAfter: (): number | null => (isDraining ? delay() : null),
    /** Called when a connection is closed and removed. */
    onClosed(): void {
      if (isDraining && connections.size === 0) empty.abort()
    },
    /** Ends each connection once its frames are answered, at the latest after `timeout` milliseconds. */
    async run(timeout: number): Promise<void> {
      isDraining = true
      const waited =
        connections.size > 0 ? sleep(timeout, undefined, empty).catch(() => undefined) : undefined
      const drainOne: CloseOne = (connection, retryAfter) => connection.drain(retryAfter)
      await closeAll(drainOne, DRAINED_PER_TURN, pauseWithin(timeout))
      await waited
      await closeAll((connection, retryAfter) => connection.end('unavailable', undefined, retryAfter))
    },
  }
}
