import type { Log } from './log.js'

/** Milliseconds for which lines of one kind are counted. */
const INTERVAL = 10_000
/** How many kinds are counted at the same time. Lines of further kinds are logged without counting. */
const MAX_KINDS = 1_000

type Level = 'fatal' | 'error' | 'warn' | 'info'
type Fields = Record<string, unknown>

interface Kind {
  level: Level
  message: string
  /** The fields of the latest line. */
  fields: Fields
  repeated: number
}

const codeOf = ({ code, err }: Fields): unknown => code ?? (err as { code?: unknown } | undefined)?.code

/**
 * Returns the app, the code, the reason and the stack of a line. A client can't choose any of these values, and so can't create new kinds.
 */
const defaultKind = (line: Fields): unknown[] => [line['appId'], codeOf(line), line['why'], line['trace']]

/**
 * Returns a log that writes the first line of a kind at once. In place of the kind's further lines in an `INTERVAL` it writes one line,
 * whose `repeated` is their number. Otherwise a client that is refused again and again could fill the log. A kind is a level, a message and
 * the result of `kindOf` for the fields. Debug lines are not counted. When `signal` aborts, the counts so far are written.
 */
export const createRepeatLog = (
  log: Log,
  signal: AbortSignal,
  kindOf: (fields: Fields) => unknown[] = defaultKind,
): Log => {
  const kinds = new Map<string, Kind>()
  let timer: NodeJS.Timeout | undefined

  const flush = (): void => {
    for (const [key, { level, message, fields, repeated }] of kinds) {
      if (repeated === 0) kinds.delete(key)
      else {
        kinds.set(key, { level, message, fields, repeated: 0 })
        log[level]({ ...fields, repeated }, message)
      }
    }
    timer = kinds.size > 0 && !signal.aborted ? setTimeout(flush, INTERVAL).unref() : undefined
  }

  signal.addEventListener('abort', () => {
    clearTimeout(timer)
    flush()
  })

  const write =
    (level: Level) =>
    (fields: unknown, message?: string): void => {
      if (typeof fields !== 'object' || fields === null || message === undefined || signal.aborted)
        return log[level](fields, message)
      const line = fields as Fields
      const key = [level, message, ...kindOf(line)].map(String).join(' ')
      const kind = kinds.get(key)
      if (kind) {
        kind.fields = line
        kind.repeated += 1
        return
      }
      if (kinds.size < MAX_KINDS) kinds.set(key, { level, message, fields: line, repeated: 0 })
      timer ??= setTimeout(flush, INTERVAL).unref()
      log[level](line, message)
    }

  return {
    fatal: write('fatal'),
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: (...line: Parameters<Log['debug']>) => log.debug(...line),
    child: (fields, options) => createRepeatLog(log.child(fields, options), signal, kindOf),
  }
}
