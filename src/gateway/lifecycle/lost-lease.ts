import type { LeaseLost } from '../../engine/index.js'
import type { Connection } from '../connection/connection.js'
import type { Log } from '../log.js'
import type { Drain } from './drain.js'

/** What clients and the log are told, by the cause of a lost lease. */
const LEASE_LOST: Record<LeaseLost['cause'], string> = {
  'taken-over':
    'The gateway was stopped or cut off, and others took over its sessions: reconnect after `retryAfter`.',
  'data-lost':
    "The gateway's store was emptied, or came back empty, and sessions and messages are gone: reconnect after `retryAfter`.",
}

/**
 * Closes all connections, because the store no longer has this gateway's sessions as its own. So each client resumes its session at any
 * gateway, or starts again.
 */
export const closeAfterLostLease = (
  { cause }: LeaseLost,
  connections: ReadonlySet<Connection>,
  drain: Pick<Drain, 'closeAll'>,
  log: Log,
): void => {
  const why = LEASE_LOST[cause]
  log[cause === 'data-lost' ? 'error' : 'warn']({ connections: connections.size }, why)
  drain
    .closeAll((connection, retryAfter) => connection.end('unavailable', why, retryAfter))
    .catch((err: unknown) => log.error({ err }, 'connections could not be closed after a lost lease'))
}
