import { pino, stdTimeFunctions, type DestinationStream, type LevelWithSilent, type Logger } from 'pino'

export type LogLevel = LevelWithSilent

/** From the least severe to `silent`, which logs nothing. */
export const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export const isLogLevel = (level: string): level is LogLevel =>
  (LOG_LEVELS as readonly string[]).includes(level)

/** The part of pino's Logger that the gateway uses: `log.info({ appId, sessionId }, 'session started')`. Log errors as `err`. */
export type Log = Pick<Logger, 'fatal' | 'error' | 'warn' | 'info' | 'debug'> & {
  /** Returns a log that adds these fields to every line. */
  child: (fields: Record<string, unknown>) => Log
}

export interface LogOptions {
  /** Less severe lines are left out. @default 'info' */
  level?: LogLevel | undefined
  /** Where lines go. @default standard error, written synchronously, so that a killed process loses no line */
  destination?: DestinationStream | undefined
}

/** Fields, in lower case, whose value is never logged, at any depth of a line. */
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
  'rawheaders',
])

const redactedFieldPattern = new RegExp(`"(?:${[...redactedFields].join('|')})":`, 'i')

const redactField = (key: string, value: unknown): unknown =>
  redactedFields.has(key.toLowerCase()) ? '[redacted]' : value

/**
 * The second line of defence: callers log chosen fields only. It reads the finished line, so that it sees children, the
 * properties of errors, arrays and `toJSON`; a line without such a field costs one regular expression. pino's own
 * `redact` works on fixed paths and takes ten times as long for every line.
 */
const redactLine = (line: string): string =>
  redactedFieldPattern.test(line) ? `${JSON.stringify(JSON.parse(line), redactField)}\n` : line

/** Returns a log of JSON lines. */
export const createLog = ({ level = 'info', destination }: LogOptions = {}): Log =>
  pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactLine },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  )
