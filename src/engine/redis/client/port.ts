/** What a script returns. Lua's numbers are whole here, and its `false` is null. */
export type Reply = string | number | null | Reply[]

/** A Lua script. Redis knows it by the hash of its source, so two versions of it run side by side. */
export interface Script {
  readonly name: string
  readonly source: string
  /** SHA-1 of `source`, in hexadecimal digits. */
  readonly sha: string
  /** Whether the script may run again after a connection was lost while it ran. */
  readonly repeatable: boolean
}

export interface ServerInfo {
  /** Of Redis, or the version of Redis that another server is compatible with. */
  version: string
  /** For example `noeviction`; undefined if the server does not say. */
  maxmemoryPolicy: string | undefined
  /** For example `always` or `everysec`; undefined if it can't be read. `off` if no append-only file is written. */
  appendfsync: string | undefined
}

export interface ClientEvents {
  /** Called with each message of a subscribed channel. */
  onMessage: (channel: string, message: string) => void
  /** Called when subscriptions were lost and are there again: messages may be missing. */
  onResubscribed: () => void
  /** Called with errors that reject no call, for example of a lost connection. */
  onError: (error: unknown) => void
}

/**
 * Connections to a Redis: one server, one that Sentinel names, or a cluster. Every method rejects with an `EngineError`: `unavailable`
 * if Redis is away, read-only, loading, full, failing over, or does not reply within 5 seconds.
 */
export interface RedisClient {
  /** Whether keys are spread over slots. */
  readonly isCluster: boolean

  /** Connects. Rejects if that takes too long. */
  open(events: ClientEvents): Promise<void>

  /** Sends the pending calls, waits for their replies for a limited time, and disconnects. Closing twice is fine. */
  close(): Promise<void>

  /**
   * Runs a script by its hash, or by its source if Redis does not know it. All keys have one hash tag; the first one decides the
   * server. Calls are sent in their order, and those of one task together. A script that is not `repeatable` is sent again only if
   * it surely did not run.
   */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply>

  /**
   * Receives the messages that scripts publish to these channels, from when it resolves until the client is closed. In a cluster they
   * are sharded channels with one connection per server. A lost connection is made again with the same channels.
   */
  subscribe(channels: readonly string[]): Promise<void>

  /** The names of all keys that begin with `start`, in pages. A name may come twice. */
  keys(start: string): AsyncIterable<string[]>

  /** What every server says about itself. */
  info(): Promise<ServerInfo[]>
}
