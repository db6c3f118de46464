/** A WebSocket of Bun's server. `data` is what the gateway passed to `upgrade`. */
export interface BunWebSocket<Data> {
  readonly data: Data
  /** Sends a text frame. Returns 0 if the frame was dropped. */
  sendText(text: string): number
  close(code: number, reason: string): void
  /** Destroys the socket. */
  terminate(): void
  /** Calls `write` with this socket at once. The frames that `write` sends leave with one system call. */
  cork(write: (socket: this) => void): void
  /** Returns the bytes that wait until the kernel takes them. */
  getBufferedAmount(): number
  pause(): void
  resume(): void
}

export interface BunRequest extends Request {
  /** The decoded segments of the path, by the names that the key of `routes` gives them. */
  readonly params: Record<string, string>
  readonly headers: Headers & { toJSON(): Record<string, string> }
}

export interface BoundAddress {
  address: string
  family: string
  port: number
}

export interface BunServer<Data> {
  /** A text is the path of a Unix socket. */
  readonly address: BoundAddress | string
  requestIP(request: Request): { address: string } | null
  /** Answers a handshake, and calls `open` before it returns. Returns false if the request is no WebSocket handshake. */
  upgrade(request: Request, options: { data: Data; headers: Record<string, string> }): boolean
  /** Sets the seconds without a byte after which the request's connection is closed; 0: never. */
  timeout(request: Request, seconds: number): void
  /** Stops accepting connections. With `closeActive` it also destroys the open ones. */
  stop(closeActive?: boolean): Promise<void>
}

type BunFetch<Data> = (
  request: BunRequest,
  server: BunServer<Data>,
) => Response | undefined | Promise<Response | undefined>

/** The options of `Bun.serve` that the gateway uses. */
type BunServeOptions<Data> = ({ hostname: string; port: number } | { unix: string }) & {
  tls?: { cert: Buffer; key: Buffer } | undefined
  development: boolean
  reusePort: boolean
  /** Seconds without a byte after which a connection that is no WebSocket is closed. */
  idleTimeout: number
  maxRequestBodySize: number
  fetch: BunFetch<Data>
  /** Handlers by path, in which `:name` stands for a segment. Bun compares it with the path as the client sent it. */
  routes: Record<string, BunFetch<Data>>
  error(error: unknown): Response
  websocket: {
    maxPayloadLength: number
    backpressureLimit: number
    closeOnBackpressureLimit: boolean
    perMessageDeflate: boolean
    /** Seconds without a frame after which a WebSocket is closed; 0: never. */
    idleTimeout: number
    sendPings: boolean
    open(socket: BunWebSocket<Data>): void
    message(socket: BunWebSocket<Data>, data: string | Buffer): void
    ping(socket: BunWebSocket<Data>, payload: Buffer): void
    pong(socket: BunWebSocket<Data>, payload: Buffer): void
    drain(socket: BunWebSocket<Data>): void
    close(socket: BunWebSocket<Data>, code: number): void
  }
}

/** The part of the global `Bun` that the gateway uses. Bun's own types are not used, because they declare a browser's globals, too. */
export interface BunRuntime {
  serve<Data>(options: BunServeOptions<Data>): BunServer<Data>
}

/** Returns the global `Bun`, or undefined on Node. */
export const bunRuntime = (): BunRuntime | undefined => (globalThis as { Bun?: BunRuntime }).Bun
