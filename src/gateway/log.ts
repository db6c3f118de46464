import { pino, stdTimeFunctions, type DestinationStream, type LevelWithSilent, type Logger } from 'pino'

/** What the gateway needs of pino's Logger: `log.info({ appId, sessionId }, 'session started')`. Log errors as `err`. */
export type Log = Pick<Logger, 'fatal' | 'error' | 'warn' | 'info' | 'debug'> & {
  /** A log whose lines all have these fields too. */
  child: (fields: Record<string, unknown>) => Log
}

export interface LogOptions {
  /** What is less grave is left out. @default 'info' */
  level?: LevelWithSilent | undefined
  /** Where lines go. @default standard error, written before the call returns so that no end loses any */
  destination?: DestinationStream | undefined
}

/** Fields, in lower case, whose value never reaches a log, wherever in a line they stand. */
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
 * The second line of defence; the first is that callers log chosen fields only. It looks at the finished line: nothing
 * slips by, be it from a child, an error's property, an array or a `toJSON`, and a line that has no such field costs one
 * regular expression. pino's own `redact` goes by fixed paths and takes ten times as long for every line.
 */
const redactLine = (line: string): string =>
  redactedFieldPattern.test(line) ? `${JSON.stringify(JSON.parse(line), redactField)}\n` : line

/** A log of JSON lines. */
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
