import { createHash, randomBytes } from 'node:crypto'
import { steps, type StepRow } from '../../../../src/engine/redis/steps.js'
import type { Reply } from '../../../../src/engine/redis/client/port.js'
import { reads, writes } from './commands.js'
import { Database, LuaError, redisError, type Rows } from './database.js'
import { bytesOf, textOf } from './encodings.js'
import { makeLibrary, type ScriptLibrary } from './library.js'
import { tostring } from './lua.js'
import { numberText } from './sorted-set.js'

/** A client of a server. */
interface ServerClient {
  onMessage(channel: string, text: string): void
  /** Called when the process has ended, and with it the client's connection; and when another process has started. */
  onStopped(): void
  onStarted(): void
}

/** Makes the error of a client for an error reply, as ioredis does. */
const replyError = (problem: unknown): Error => {
  const { err } = (typeof problem === 'object' ? problem : { err: `ERR ${tostring(problem)}` }) as {
    err: string
  }
  return Object.assign(new Error(textOf(err)), { name: 'ReplyError' })
}

/** Returns what a client receives for the result of a script. */
const replyOf = (value: unknown): Reply => {
  if (typeof value === 'string') return textOf(value)
  if (typeof value === 'number') return Math.trunc(value)
  if (typeof value === 'boolean') return value ? 1 : null
  if (value === undefined) return null
  const { err, ok } = value as { err?: string; ok?: string }
  // The client finds an error inside a list as an object.
  if (err !== undefined) return replyError(value) as unknown as Reply
  if (ok !== undefined) return ok
  if (!Array.isArray(value)) return []
  const end = value.indexOf(undefined)
  return Array.from<unknown, Reply>({ length: end < 0 ? value.length : end }, (_, n) => replyOf(value[n]))
}

const argumentText = (arg: unknown): string => {
  if (typeof arg === 'string') return arg
  if (typeof arg === 'number') return numberText(arg)
  throw redisError('ERR Lua redis lib command arguments must be strings or integers')
}

/**
 * A Redis in this process, which runs the scripts of the engine as JavaScript, one at a time. `now` is its clock, which stays right if a
 * test replaces `Date.now`.
 */
export class SimulatedServer {
  readonly #database = new Database()
  readonly #now: () => number
  /** The clients, and the channels of each. */
  readonly #clients = new Map<ServerClient, Set<string>>()
  #library: ScriptLibrary | undefined
  /** The id of the server's history. */
  #history = ''
  #mayWrite = false
  /** How many processes the server has had. No connection outlives a process. */
  processes = 0
  /** How many texts were published. */
  published = 0

  constructor(now: () => number = Date.now) {
    this.#now = now
    this.start()
  }

  get isRunning(): boolean {
    return this.#library !== undefined
  }

  /** Returns a copy of all data. */
  save(): Rows {
    return structuredClone(this.#database.rows)
  }

  /** A failover: a replica that has received no more than `copy` becomes the master. */
  restore(copy: Rows): void {
    this.stop()
    this.#database.rows = structuredClone(copy)
    this.start()
  }

  /** Ends the process. The data stay. */
  stop(): void {
    this.#library = undefined
    for (const [client, channels] of this.#clients) {
      channels.clear()
      client.onStopped()
    }
  }

  /** Starts a process: it begins another history, and knows nothing of what the scripts of another one had in their variables. */
  start(): void {
    this.processes++
    this.#history = randomBytes(20).toString('hex')
    this.load()
    for (const client of this.#clients.keys()) client.onStarted()
  }

  /** Loads the library again: its variables are as if no script had run. */
  load(): void {
    this.#library = makeLibrary({
      call: (name, ...args) => this.#call(name, args.map(argumentText)),
      sha1hex: (text) => createHash('sha1').update(Buffer.from(text, 'latin1')).digest('hex'),
    })
  }

  connect(client: ServerClient): void {
    this.#clients.set(client, new Set())
  }

  disconnect(client: ServerClient): void {
    this.#clients.delete(client)
  }

  subscribe(client: ServerClient, channels: Iterable<string>): void {
    for (const channel of channels) this.#clients.get(client)?.add(channel)
  }

  /** Runs a script to its end. Throws the error reply. */
  run(name: string, keys: readonly string[], args: readonly string[]): Reply {
    const step = (steps as Readonly<Record<string, StepRow>>)[name]
    this.#mayWrite = step?.effect !== 'reads'
    this.#database.now = Math.floor(this.#now())
    const [names, texts] = [keys.map(bytesOf), args.map(bytesOf)]
    try {
      if (name === 'several') return replyOf(this.#library?.runSeveral(names, texts))
      if (step === undefined) throw redisError('ERR Function not found')
      return replyOf(this.#library?.run(name, names, texts))
    } catch (error) {
      throw replyError(error instanceof LuaError ? error.problem : String((error as Error).stack))
    }
  }

  /** Runs a command, as somebody does by hand. */
  command(name: string, ...args: (string | number)[]): unknown {
    this.#mayWrite = true
    this.#database.now = Math.floor(this.#now())
    return this.#call(
      name,
      args.map((arg) => bytesOf(String(arg))),
    )
  }

  /** Returns the names of all keys that begin with `start`. */
  keys(start: string): string[] {
    this.#database.now = Math.floor(this.#now())
    const names = [...this.#database.rows.keys()].filter((key) => this.#database.row(key)).map(textOf)
    return names.filter((name) => name.startsWith(start))
  }

  #call(name: string, args: string[]): unknown {
    const [first = '', ...others] = args
    const { now } = this.#database
    if (name === 'TIME') return [String(Math.floor(now / 1000)), String((now % 1000) * 1000)]
    if (name === 'INFO')
      return first === 'replication' ? `master_replid:${this.#history}\r\n` : 'evicted_keys:0\r\n'
    if (name === 'PUBLISH' || name === 'SPUBLISH')
      return this.#publish(textOf(first), textOf(others[0] ?? ''))
    const command = reads[name] ?? (this.#mayWrite ? writes[name] : undefined)
    if (command !== undefined) return command(this.#database, first, ...others)
    throw redisError(
      name in writes
        ? 'ERR Write commands are not allowed from read-only scripts.'
        : `ERR Unknown Redis command called from script: ${name}`,
    )
  }

  /** Returns how many clients get the text. */
  #publish(channel: string, text: string): number {
    this.published++
    const receivers = [...this.#clients].filter(([, channels]) => channels.has(channel))
    for (const [client] of receivers) client.onMessage(channel, text)
    return receivers.length
  }
}
