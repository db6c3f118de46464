import type { Log } from '../log.js'
import { createRepeatLog } from '../repeat-log.js'

/** Who made a call: an operator with the admin token, or an app's backend with an app token. */
type Caller =
  | { by: 'admin-token'; address: string }
  | { by: 'app-token'; appId: string; tokenId: string | null; address: string }

/** A call for the audit log, with its result. */
interface AuditEntry {
  who: Caller
  /** The name of the call, such as `session.end`. */
  what: string
  /** The ids that the call names, by their kind. */
  whom: Readonly<Record<string, string>>
  /** The HTTP status of the response. */
  result: number
}

/** Returns an id for the log. If a caller has sent a token in place of an id, the log gets `[redacted]`. */
const shown = (id: string): string => (/^eyJ[\w-]*\./.test(id) ? '[redacted]' : id)

export type Audit = (entry: AuditEntry) => void

/** Returns whether a call was refused, and so changed nothing. A call that failed with 500 or more may have changed something. */
const isRefused = (result: number): boolean => result >= 400 && result < 500

/**
 * Returns a function that writes a line with `audit: true` for each call. Repeated refusals are only counted, by app, call and result,
 * because a flood of them would fill the log. `log` must not leave out repeated lines (`createRepeatLog`), because each call that was not
 * refused needs its own line. The lines are written whatever the level of `log` is. When `signal` aborts, the counts so far are written.
 */
export const createAudit = (log: Log, signal: AbortSignal): Audit => {
  const lines = log.child({ audit: true }, { level: 'info' })
  const refusals = createRepeatLog(lines, signal, ({ who, what, result }) => [
    (who as { appId?: unknown }).appId,
    what,
    result,
  ])
  // Each field is chosen, so that no other field of an object is ever written.
  return ({ who, what, whom, result }) => {
    const { by, address } = who
    const caller =
      who.by === 'app-token' ? { by, appId: who.appId, tokenId: who.tokenId, address } : { by, address }
    const ids = Object.fromEntries(Object.entries(whom).map(([kind, id]) => [kind, shown(id)]))
    const written = isRefused(result) ? refusals : lines
    written.info({ who: caller, what, whom: ids, result }, 'audit')
  }
}
