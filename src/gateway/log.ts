import { pino, stdTimeFunctions, type DestinationStream, type LevelWithSilent, type Logger } from 'pino'

export type LogLevel = LevelWithSilent

/** The levels, the least severe first. `silent` logs nothing but the audit log. */
export const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export const isLogLevel = (level: string): level is LogLevel =>
  (LOG_LEVELS as readonly string[]).includes(level)

/** The part of pino's Logger that the gateway uses: `log.info({ appId, sessionId }, 'session started')`. Log errors as `err`. */
export type Log = Pick<Logger, 'fatal' | 'error' | 'warn' | 'info' | 'debug'> & {
  /** Returns a log that adds these fields to every line. `level` gives that log a level of its own. */
  child: (fields: Record<string, unknown>, options?: { level?: LogLevel }) => Log
}

export interface LogOptions {
  /** Lines less severe than this are left out. @default 'info' */
  level?: LogLevel | undefined
  /** Where lines go. @default standard error; if more than 1 MB of lines wait for its reader, further lines are dropped and counted */
  destination?: DestinationStream | undefined
}

/** The names, in lower case, of fields whose values are replaced at any depth of a line. */
const redactedFields = new Set([
  'token',
  'signature',
  'secret',
  'secrets',
  'signaturesecrets',
  'authparams',
  'password',
  'key',
  'resumekey',
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'sec-websocket-protocol',
  'webhook-signature',
  'p256dh',
  'auth',
  'rawheaders',
])

const redactedFieldPattern = new RegExp(`"(?:${[...redactedFields].join('|')})":`, 'i')

const redactField = (key: string, value: unknown): unknown =>
  redactedFields.has(key.toLowerCase()) ? '[redacted]' : value

/**
 * Removes secrets that a caller has logged by mistake. It reads the finished line, which also has the fields of child logs, the properties
 * of errors, the items of arrays, and the results of `toJSON`. A line without a redacted field costs one regular expression. pino's own
 * `redact` works on fixed paths and takes ten times as long for every line.
 */
const redactLine = (line: string): string =>
  redactedFieldPattern.test(line) ? `${JSON.stringify(JSON.parse(line), redactField)}\n` : line

/** Bytes of log lines that may wait for the reader of standard error. */
const MAX_WAITING = 2 ** 20

const ignore = (): void => undefined

/**
 * Writes to standard error without waiting, because a full pipe that nobody reads must not stop the gateway. If the pipe has room, Node
 * writes a line at once, so that a killed process loses none.
 */
const standardError = (): DestinationStream => {
  const { stderr } = process
  let dropped = 0
  const writeDropped = (): void => {
    if (dropped === 0) return
    const line = { level: 'warn', time: new Date().toISOString(), dropped, msg: 'log lines were dropped' }
    dropped = 0
    stderr.write(`${JSON.stringify(line)}\n`)
  }
  // If the reader is gone, no place is left to report that. Without a listener the error would end the process.
  if (!stderr.listeners('error').includes(ignore)) stderr.on('error', ignore)
  return {
    write(line) {
      if (stderr.writableLength > MAX_WAITING) {
        if (dropped === 0) stderr.once('drain', writeDropped)
        dropped += 1
      } else {
        writeDropped()
        stderr.write(line)
      }
    },
  }
}

/** Returns a log of JSON lines. */
export const createLog = ({ level = 'info', destination }: LogOptions = {}): Log =>
  pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactLine },
    },
    destination ?? standardError(),
  )
