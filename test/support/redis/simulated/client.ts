import { EngineError } from '../../../../src/engine/index.js'
import { Calls, type Call } from '../../../../src/engine/redis/client/calls.js'
import { ConnectionFailure } from '../../../../src/engine/redis/client/failures.js'
import { GatheredCalls } from '../../../../src/engine/redis/client/gathered-calls.js'
import type {
  ClientEvents,
  RedisClient,
  Reply,
  Script,
  ScriptInput,
  ServerInfo,
} from '../../../../src/engine/redis/client/port.js'
import type { SimulatedServer } from './server.js'

/** What is lost of a call, and with it the connection. A late request arrives when its caller no longer waits for it. */
export type Loss = 'request' | 'reply' | 'late'

export interface SimulatedClientOptions {
  /**
   * Takes a request, a reply or a published text on its way, and calls `arrive` in a later turn of the event loop. What one client sends
   * has to arrive in its order, and so has what the client receives. @default setImmediate
   */
  delay?: (arrive: () => void) => void
  /**
   * Returns what is lost of the call of a script. `name` is `several` for scripts that share a call, and `isRepeat` is true if the client
   * sends the script again. @default nothing
   */
  lossOf?: (name: string, isRepeat: boolean) => Loss | undefined
  /** Whether the engine is to call the server as it calls a cluster. @default false */
  isCluster?: boolean
}

/** Milliseconds by which a late request is late. */
const LATE = 50
/** Milliseconds between checks of the calls that wait, and the milliseconds that `close` waits for replies: those of the real client. */
const CHECK_INTERVAL = 500
const CLOSE_TIMEOUT = 2_000

/** A client of a simulated server. It gathers, limits and repeats calls as the real client does. */
export class SimulatedClient implements RedisClient {
  readonly isCluster: boolean
  readonly #server: SimulatedServer
  readonly #options: Required<SimulatedClientOptions>
  readonly #calls = new Calls()
  readonly #gathered = new GatheredCalls((...args) => this.#send(...args))
  readonly #channels = new Set<string>()
  #events: ClientEvents | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    server: SimulatedServer,
    {
      delay = (arrive) => setImmediate(arrive),
      lossOf = () => undefined,
      isCluster = false,
    }: SimulatedClientOptions = {},
  ) {
    this.#server = server
    this.isCluster = isCluster
    this.#options = { delay, lossOf, isCluster }
  }

  async open(events: ClientEvents): Promise<void> {
    if (this.#events) return
    await this.#calls.add('open', () => this.#ask(() => this.#server.connect(this)))
    this.#events = events
    this.#timer = setInterval(() => this.#calls.check(), CHECK_INTERVAL)
  }

  async close(): Promise<void> {
    if (!this.#events) return
    this.#gathered.flush()
    this.disconnect()
    await this.#calls.idle(CLOSE_TIMEOUT)
    this.#calls.rejectAll(this.#closed())
  }

  /** Ends the connection without a word, as a crash of the process does. */
  disconnect(): void {
    this.#events = undefined
    clearInterval(this.#timer)
    this.#server.disconnect(this)
  }

  run(script: Script, input: ScriptInput, onRepeat?: () => void): Promise<Reply> {
    if (!this.#events) return Promise.reject(this.#closed())
    return this.#calls.add(script.name, (call) => {
      call.onRepeat = onRepeat
      if (this.#gathered.accepts(script, input)) return this.#gathered.add(script, input, call)
      this.#gathered.flush()
      return this.#send(script, input, call)
    })
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#channels.add(channel)
    await this.#calls.add('subscribe', () => this.#subscribe())
  }

  ofEachServer(keys: readonly string[]): string[] {
    return keys.slice(0, 1)
  }

  async *keys(start: string): AsyncIterable<string[]> {
    yield await this.#calls.add('scan', () => this.#ask(() => this.#server.keys(start)))
  }

  /** A simulated server has one library. */
  keepOneLibrary(): Promise<void> {
    return this.#calls.add('function', () => this.#ask(() => undefined))
  }

  info(): Promise<ServerInfo[]> {
    const server = { version: '7.2.0', maxmemoryPolicy: 'noeviction', appendfsync: 'always' }
    return this.#calls.add('info', () => this.#ask(() => [server]))
  }

  onMessage(channel: string, text: string): void {
    const isLost = this.#lossWatch()
    this.#options.delay(() => {
      if (!isLost()) this.#events?.onMessage(channel, text)
    })
  }

  onStopped(): void {
    this.#events?.onError(new ConnectionFailure('The simulated server has ended the connection.'))
  }

  onStarted(): void {
    if (this.#channels.size > 0)
      this.#subscribe().then(
        () => this.#events?.onResubscribed(),
        (error: unknown) => this.#events?.onError(error),
      )
  }

  #subscribe(): Promise<void> {
    return this.#ask(() => this.#server.subscribe(this, this.#channels))
  }

  /** Sends a script, and sends it again if the connection was lost: once, and only if the script may run twice or did not run. */
  async #send(script: Script, { keys, context, args }: ScriptInput, call: Call): Promise<Reply> {
    const ask = (isRepeat: boolean): Promise<Reply> =>
      this.#ask(
        () => this.#server.run(script.name, keys, [context, ...args]),
        this.#options.lossOf(script.name, isRepeat),
      )
    try {
      return await ask(false)
    } catch (error) {
      const isLost = error instanceof ConnectionFailure && (!error.sent || script.repeatable)
      if (!isLost || call.isOver()) throw error
      if (error.sent) call.onRepeat?.()
      return ask(true)
    }
  }

  /** Resolves with what the server answers when the request has arrived. */
  #ask<T>(answer: () => T, loss?: Loss): Promise<T> {
    const { delay } = this.#options
    const isLost = this.#lossWatch()
    return new Promise((resolve, reject) => {
      const lose = (): void => reject(new ConnectionFailure('The connection was lost.', { sent: true }))
      if (isLost()) reject(new ConnectionFailure('The simulated server is away.'))
      else
        delay(() => {
          if (isLost() || loss === 'request') return lose()
          if (loss === 'late') lose()
          const arrive = (): void => {
            const outcome = new Promise<T>((take) => take(answer()))
            // If the reply is lost, nobody gets the error.
            outcome.catch(() => undefined)
            delay(() => (isLost() || loss === 'reply' ? lose() : resolve(outcome)))
          }
          // What the client sends meanwhile, on another connection, overtakes it.
          if (loss === 'late') setTimeout(() => isLost() || arrive(), LATE)
          else arrive()
        })
    })
  }

  /** Returns a function that returns whether the present connection is lost. */
  #lossWatch(): () => boolean {
    const { processes } = this.#server
    return () => !this.#server.isRunning || this.#server.processes !== processes
  }

  #closed(): EngineError {
    return new EngineError('unavailable', 'The connection to Redis is closed.')
  }
}

export const simulatedClient = (server: SimulatedServer, options?: SimulatedClientOptions): SimulatedClient =>
  new SimulatedClient(server, options)
