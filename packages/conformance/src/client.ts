import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { object } from '../../../src/protocol/internal.js'
import type { JsonObject, Message } from '../../../src/protocol/index.js'
import type { Watch } from './watch.js'

/** Milliseconds in which a client must end after its standard input has ended. */
const END_TIMEOUT = 2_000
/** The most characters of one report. */
const MAX_LINE = 1_000_000

/** A command for the client under test: a line of JSON on its standard input. */
export type Command =
  | {
      type: 'start'
      endpoint: string
      appId: string
      userId?: string
      token?: string
      guest?: true
      since?: string
      transports?: readonly ('websocket' | 'stream')[]
    }
  | { type: 'token'; token: string | null }
  | { type: 'send'; id: string; to: string; body?: string; data?: JsonObject }
  | { type: 'history'; id: string; after?: number; before?: number; limit?: number }
  | { type: 'read'; offset: number }
  | { type: 'end' }

/** The reports of the client under test, by type: each is a line of JSON on its standard output. */
interface Reports {
  ready: object
  /** `over`: the session has ended or failed for good. */
  state: { state: 'active' | 'reconnecting' | 'over'; code?: string }
  /** The client needs a token. A command `token` answers this report. */
  ask: object
  message: { message: Message }
  sent: { id: string; offset: number }
  history: { id: string; messages: Message[] }
  read: object
  unread: { unread: number }
  /** A request failed for good. */
  refused: { re: 'send' | 'history' | 'read'; id?: string; code: string }
  /** Some of the messages that were missed are no longer kept. */
  lost: object
}

type ReportType = keyof Reports
type Report = { [T in ReportType]: { type: T } & Reports[T] }[ReportType]
type ReportOf<T extends ReportType> = Extract<Report, { type: T }>

/** A process of the client under test. */
export interface Client {
  tell(command: Command): void
  /** Takes the next report of this type for which `fits` is true. */
  next<T extends ReportType>(type: T, fits?: (report: ReportOf<T>) => boolean): Promise<ReportOf<T>>
  /** Takes the next report of this state. */
  reaches(state: Reports['state']['state']): Promise<ReportOf<'state'>>
  /** All reports of a type so far. */
  all<T extends ReportType>(type: T): ReportOf<T>[]
  /** Ends the process. */
  end(): Promise<void>
}

/** Checks those fields of a report that are objects or lists. A report without such a field must fail its test case, not the whole run. */
const checks = new Map<unknown, (report: Record<string, unknown>) => boolean>([
  ['message', ({ message }) => object(message)],
  ['history', ({ messages }) => Array.isArray(messages) && messages.every(object)],
])

const parseReport = (line: string): Report | undefined => {
  try {
    const report: unknown = JSON.parse(line)
    if (!object(report) || typeof report['type'] !== 'string') return undefined
    const check = checks.get(report['type'])
    return !check || check(report) ? (report as unknown as Report) : undefined
  } catch {
    return undefined
  }
}

/**
 * Calls `onLine` with each line of `input`. Since version 24 Node's `readline` also ends a line at U+2028 and U+2029, and JSON may have
 * these characters unescaped. A line that is too long comes in pieces, so that the memory does not grow with it.
 */
const readLines = (input: Readable, onLine: (line: string) => void): void => {
  let rest = ''
  input.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    lines.forEach(onLine)
    if (rest.length <= MAX_LINE) return
    onLine(rest)
    rest = ''
  })
  input.once('end', () => rest === '' || onLine(rest))
}

/** Returns a command as a line of JSON. It escapes U+2028 and U+2029, because the client may read its lines with Node's `readline`, too. */
const lineOf = (command: Command): string =>
  `${JSON.stringify(command).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}\n`

/** Starts the client under test: runs `command` in a shell. */
export const startClient = (command: string, watch: Watch): Client => {
  const isPosix = process.platform !== 'win32'
  // The shell gets a process group of its own, so that `kill` can kill the shell and its processes.
  const child = spawn(command, { shell: true, detached: isPosix, stdio: ['pipe', 'pipe', 'pipe'] })
  const reports = watch.feed<Report>()
  let isEnding = false
  let lastWords = ''
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (lastWords = (lastWords + text).slice(-2_000)))
  // A write to a client that has ended fails. `onEnd` reports the end.
  child.stdin.on('error', () => undefined)
  readLines(child.stdout, (line) => {
    const report = line.length > MAX_LINE ? undefined : parseReport(line)
    if (report) reports.push(report)
    else watch.fail(`The client printed a line that is no report: ${line.slice(0, 100)}`)
  })
  const ended = new Promise<void>((resolve) => {
    const onEnd = (how: string): void => {
      const words = lastWords.trim().split('\n').at(-1)
      if (!isEnding) watch.fail(`The client ended by itself (${how})${words ? `: ${words}` : '.'}`)
      resolve()
    }
    child.once('error', ({ message }) => onEnd(message))
    child.once('close', (code, signal) => onEnd(signal ?? `exit code ${code ?? 0}`))
  })
  const kill = (): void => {
    if (child.pid === undefined) return
    try {
      process.kill(isPosix ? -child.pid : child.pid, 'SIGKILL')
    } catch {
      // The process has already ended.
    }
    // A process of another group may hold the client's output open. Without these lines the event `close` would wait for that process.
    child.stdout.destroy()
    child.stderr.destroy()
  }

  const next: Client['next'] = async (type, fits = () => true) =>
    (await reports.take(
      `report \`${type}\``,
      (report) => report.type === type && fits(report as Parameters<typeof fits>[0]),
    )) as never

  return {
    tell: (command) => void child.stdin.write(lineOf(command)),
    next,
    reaches: async (state) =>
      (await reports.take(
        `report the state \`${state}\``,
        (report) => report.type === 'state' && report.state === state,
      )) as never,
    all: (type) => reports.all.filter((report) => report.type === type) as never,
    async end() {
      isEnding = true
      child.stdin.end()
      const timer = setTimeout(kill, END_TIMEOUT)
      await ended
      clearTimeout(timer)
    },
  }
}
