import type { Redis } from 'ioredis'
import type { Library, Reply } from './port.js'
import { ConnectionFailure, connectionReason, isRefused, UnreachableError } from './failures.js'
import type { IORedis } from './load-ioredis.js'
import { addressText, type Address, type ServerOptions } from './options.js'

export interface ConnectionEvents {
  /** Called once, when the connection is lost or closed, even if it was never open. */
  onClose: () => void
  onMessage?: (channel: string, message: string) => void
  /** Called if the server has ended a sharded subscription because the channel's slot has moved. */
  onMoved?: () => void
}

/**
 * Milliseconds that a connection may take to open, with TLS and login. The option `connectTimeout` of ioredis does not include the login.
 */
const CONNECT_TIMEOUT = 3_000

/** If a PING has no reply after this many checks, the connection counts as dead. */
const MAX_SILENT_CHECKS = 6

const ignore = (): void => undefined

/** Removes the command from an error of ioredis: the command that logs in has the password, and Node prints the fields of an error. */
const withoutCommand = (error: unknown): unknown => {
  delete (error as { command?: unknown }).command
  return error
}

/**
 * One connection to one server, by the class `Redis` of ioredis without its reconnection. If the connection is lost, the calls that wait
 * for replies are rejected with a `ConnectionFailure`. The failure says whether the server may have received the command, so that
 * `runScript` can decide what to send again. ioredis itself says "Connection is closed." in both cases.
 *
 * `check` closes a connection that is open but silent. The option `socketTimeout` of ioredis does not suffice: it acts only while a command
 * waits for its reply, and a subscribed connection sends no commands of its own. It also counts the time in which this process was stopped.
 */
export class ServerConnection {
  readonly address: Address
  /** Resolves when commands can be sent. Rejects with a `ConnectionFailure`. */
  readonly opened: Promise<this>
  /** The channels that the server has confirmed. */
  readonly channels = new Set<string>()
  readonly #redis: Redis
  /** The libraries that are being loaded. */
  readonly #loading = new Map<string, Promise<void>>()
  #state: 'opening' | 'open' | 'closed' = 'opening'
  #error: unknown
  #silentChecks = 0

  constructor(IORedisClass: IORedis, address: Address, options: ServerOptions, events: ConnectionEvents) {
    this.address = address
    this.#redis = new IORedisClass({
      host: address.host,
      port: address.port,
      lazyConnect: true,
      // Without reconnection ioredis never sends a command again.
      retryStrategy: null,
      // A command without a connection fails. In the offline queue it would wait for a next connection, which never comes.
      enableOfflineQueue: false,
      // The check would send INFO on each new connection, to wait until the server has loaded its data. Until then the server answers
      // LOADING anyway.
      enableReadyCheck: false,
      // Servers before 7.2 do not know CLIENT SETINFO, and an ACL may forbid it.
      disableClientInfo: true,
      ...(options.username !== undefined && { username: options.username }),
      ...(options.password !== undefined && { password: options.password }),
      ...(options.tls ? { tls: options.tls === true ? {} : options.tls } : {}),
    })
    this.#redis.on('error', (error: unknown) => this.#noteError(error))
    this.#redis.on('end', () => {
      this.#state = 'closed'
      events.onClose()
    })
    const { onMessage, onMoved } = events
    if (onMessage) {
      this.#redis.on('message', onMessage)
      this.#redis.on('smessage', onMessage)
    }
    this.#redis.on('moved', () => {
      // ioredis does not say which channel it was, so all channels of this connection are subscribed again.
      this.channels.clear()
      onMoved?.()
    })
    this.opened = this.#open(options)
    // Callers that await `opened` get the rejection. Without this handler Node would report a rejection that no caller awaits.
    this.opened.catch(ignore)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Sends a command at once, with `isAsking` after ASKING. Rejects with the error reply, or with a `ConnectionFailure`. */
  async call(command: string, args: readonly (string | number)[], isAsking = false): Promise<Reply> {
    if (this.#state !== 'open') throw this.#failure(false)
    // If ASKING fails, so does the command, which must follow it with no other command between them.
    if (isAsking) this.#redis.call('asking').catch(ignore)
    return this.#reply(this.#redis.call(command, args as string[]) as Promise<Reply>)
  }

  /** Loads a library. Simultaneous calls load it once, so that the scripts that wait for the library are sent in their order. */
  load({ name, source }: Library): Promise<void> {
    const loading =
      this.#loading.get(name) ??
      this.call('function', ['load', source])
        .then(ignore, (error: unknown) => {
          // Another client has loaded the library meanwhile.
          if (!(error as Error).message.endsWith('already exists')) throw error
        })
        .finally(() => this.#loading.delete(name))
    this.#loading.set(name, loading)
    return loading
  }

  /** Subscribes to channels. Sharded channels must be of one slot. */
  async subscribe(channels: readonly string[], sharded: boolean): Promise<void> {
    if (this.#state !== 'open') throw this.#failure(false)
    await this.#reply(sharded ? this.#redis.ssubscribe(...channels) : this.#redis.subscribe(...channels))
    for (const channel of channels) this.channels.add(channel)
  }

  /** Ends all subscriptions. */
  async unsubscribe(sharded: boolean): Promise<void> {
    const channels = [...this.channels]
    this.channels.clear()
    if (sharded) await this.#reply(Promise.all(channels.map((channel) => this.#redis.sunsubscribe(channel))))
    else await this.#reply(this.#redis.unsubscribe(...channels))
  }

  /**
   * Sends a PING, unless one still waits for its reply. Closes the connection if the PING has no reply after `MAX_SILENT_CHECKS` checks.
   * Checks are counted instead of time: if this process was stopped, the reply waits in the socket, and Node reads it after the next check.
   */
  check(): void {
    if (this.#state !== 'open') return
    if (this.#silentChecks === 0) {
      const alive = (): void => void (this.#silentChecks = 0)
      this.#redis.call('ping').then(alive, alive)
    } else if (this.#silentChecks >= MAX_SILENT_CHECKS) {
      this.#error ??= new Error('PING has no reply')
      this.close()
    }
    this.#silentChecks += 1
  }

  /** Closes at once. Calls without a reply are rejected. */
  close(): void {
    this.#state = 'closed'
    this.#redis.disconnect()
    // `disconnect` only ends this side of the socket. A stopped server would never end the other side, so the socket is destroyed. Before
    // the first attempt to connect there is no socket.
    ;(this.#redis.stream as Redis['stream'] | undefined)?.destroy()
  }

  async #open(options: ServerOptions): Promise<this> {
    const timer = setTimeout(() => {
      this.#error ??= this.#timeout(options)
      this.close()
    }, CONNECT_TIMEOUT)
    try {
      await this.#redis.connect()
      await this.#assertSafe(options)
    } catch (error) {
      this.#noteError(error)
      this.close()
      throw this.#failure(false)
    } finally {
      clearTimeout(timer)
    }
    if (this.#state === 'closed') throw this.#failure(false)
    this.#state = 'open'
    return this
  }

  /**
   * Rejects if the server does not do what its URL says. ioredis selects the database too, but goes on with database 0 if the server
   * refuses. And a user without a password accepts every password, except by this form of AUTH.
   */
  async #assertSafe({ username = 'default', password, database = 0, mayLackPassword }: ServerOptions) {
    if (password !== undefined && username === 'default' && !mayLackPassword)
      await this.#accept(
        ['auth', password],
        'the server has no password, so anybody may use it: set one there, or leave it out of the URL',
      )
    if (database !== 0)
      await this.#accept(
        ['select', database],
        `the server refuses database ${database}: use another server, or database 0 with a prefix that no other app has`,
      )
  }

  /** Sends a command that the server must accept before any other. Rejects with the problem, and with the server's own words. */
  async #accept([name, arg]: [name: string, arg: string | number], problem: string): Promise<void> {
    try {
      await this.#redis.call(name, arg)
    } catch (error) {
      if (!isRefused(withoutCommand(error))) throw error
      throw new Error(`${problem} (${(error as Error).message})`, { cause: error })
    }
  }

  #noteError(error: unknown): void {
    this.#error ??= withoutCommand(error)
  }

  #timeout({ tls = false }: ServerOptions): Error {
    // Until the attempt to connect has begun there is no stream.
    const stream = this.#redis.stream as Redis['stream'] | undefined
    if (stream?.connecting ?? true) return new UnreachableError('no connection in time')
    return new Error(
      tls
        ? 'the server does not answer by TLS: if it has none, begin its URL with redis://, and leave out engine.tls'
        : 'no reply in time',
    )
  }

  async #reply<T>(reply: Promise<T>): Promise<T> {
    try {
      return await reply
    } catch (error) {
      if ((error as Error).name === 'ReplyError') throw error
      this.#error ??= error
      throw this.#failure(true)
    }
  }

  #failure(sent: boolean): ConnectionFailure {
    const cause = this.#error
    const reason = cause instanceof Error ? `: ${connectionReason(cause)}` : ''
    return new ConnectionFailure(`no connection to ${addressText(this.address)}${reason}`, { sent, cause })
  }
}
