import { readFileSync } from 'node:fs'

/** The share of the open-file limit that is reserved for the engine, logs and new sockets. */
const RESERVE = 0.25
/** The limit that is assumed if the platform reports none. */
const ASSUMED_LIMIT = 1_024
const MAX_CONNECTIONS = 1_000_000

/** Returns how many files this process may have open. */
const openFileLimit = (): number => {
  const fromProc = (): string | undefined => {
    try {
      return /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    } catch {
      return undefined
    }
  }
  // On systems without `/proc`, Node's report may have the limit. `/proc` comes first, because the report takes 16 ms.
  const fromReport = (): unknown =>
    (process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }).userLimits
      ?.open_files?.soft
  const limit = Number(fromProc() ?? fromReport())
  return Number.isFinite(limit) && limit > 0 ? limit : ASSUMED_LIMIT
}

let cached: number | undefined

/** Returns the default of `limits.connections`: three quarters of the process's open-file limit, and at most `MAX_CONNECTIONS`. */
export const defaultConnections = (): number =>
  (cached ??= Math.max(1, Math.min(MAX_CONNECTIONS, Math.floor(openFileLimit() * (1 - RESERVE)))))
