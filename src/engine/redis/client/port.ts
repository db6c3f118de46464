/** What a script returns. Redis drops the fraction of Lua's numbers, and turns `false` into null. */
export type Reply = string | number | null | Reply[]

/** A library of Redis Functions. The name has a digest of the source, so that a server can have two versions of a library at once. */
export interface Library {
  readonly name: string
  readonly source: string
}

/** A script: a function of a library. */
export interface Script {
  /** The script's name without the library's name. In Redis the library's name comes first. */
  readonly name: string
  readonly library: Library
  /** Whether the script may run again after a connection was lost while it ran. */
  readonly repeatable: boolean
  /**
   * Whether the script is short enough to share a call with other scripts. Until all scripts of a call have run, other calls to the server
   * wait. The library's function `several` runs the scripts of such a call.
   */
  readonly isShort: boolean
}

/** Returns the name by which Redis knows a script. */
export const functionName = (library: string, script: string): string =>
  `${library}_${script.replaceAll('-', '_')}`

/** What a call gives to a script. */
export interface ScriptInput {
  /** The script reads them as `KEYS`. */
  readonly keys: readonly string[]
  /** The first argument (`ARGV[1]`), which is the same in most calls. Scripts that share a call have it in common. */
  readonly context: string
  /** The other arguments. */
  readonly args: readonly string[]
}

export interface ServerInfo {
  /** The version of Redis; for another kind of server, the version of Redis that it is compatible with. */
  version: string
  /** The server's `maxmemory-policy`, for example `noeviction`; undefined if the server does not say. */
  maxmemoryPolicy: string | undefined
  /** The server's `appendfsync`, for example `always`; `off` if the server writes no append-only file; undefined if it can't be read. */
  appendfsync: string | undefined
}

export interface ClientEvents {
  /** Called with each message of a subscribed channel. */
  onMessage: (channel: string, message: string) => void
  /** Called when lost subscriptions were made again. Perhaps messages were lost in between. */
  onResubscribed: () => void
  /** Called with errors that reject no call, for example of a lost connection. */
  onError: (error: unknown) => void
}

/**
 * Connections to a Redis: one server, the master that Sentinels name, or a cluster. A call fails with an `EngineError` `unavailable`, for
 * example if Redis is away, read-only, loading, full, failing over, or does not reply within 5 seconds.
 */
export interface RedisClient {
  /** Whether keys are spread over slots. */
  readonly isCluster: boolean

  /** Connects. Rejects if that takes too long. */
  open(events: ClientEvents): Promise<void>

  /** Sends the pending calls, waits for their replies for a limited time, and disconnects. Closing twice is fine. */
  close(): Promise<void>

  /**
   * Runs a script, and loads its library first if the server does not know it. In a cluster the keys have one hash tag, which decides the
   * server. Without a cluster a script may make the names of its keys itself. Without a cluster the client also sends the short scripts of
   * one turn of the event loop together, if they have no `keys`. The client sends calls in their order, except those that it sends again. A script that is not
   * `repeatable` is sent again only if it surely did not run. Before the client repeats a script that may have run, it calls `onRepeat`,
   * because the lost reply may have said more than the next one.
   */
  run(script: Script, input: ScriptInput, onRepeat?: () => void): Promise<Reply>

  /**
   * Receives the messages that scripts publish to these channels, until the client is closed. When the call resolves, the servers have
   * confirmed the channels. In a cluster these are sharded channels, with one connection to each server. If a connection is lost, the
   * client subscribes to its channels again.
   */
  subscribe(channels: readonly string[]): Promise<void>

  /** Returns for each server the first of `keys` that the server has. */
  ofEachServer(keys: readonly string[]): string[]

  /** Yields the names of all keys that begin with `start`, in pages. A name may come twice. */
  keys(start: string): AsyncIterable<string[]>

  /**
   * Deletes, on every server, the libraries whose names begin with `start`, except `kept`. A client that still needs a deleted library
   * loads it again.
   */
  keepOneLibrary(start: string, kept: Library): Promise<void>

  /** Resolves with what every server says about itself. */
  info(): Promise<ServerInfo[]>
}
