/** What a session uses of a WebSocket. */
interface WebSocketLike {
  readonly readyState: number
  readonly OPEN: number
  readonly CLOSED: number
  onopen: ((event: never) => unknown) | null
  onmessage: ((event: never) => unknown) | null
  onerror: ((event: never) => unknown) | null
  onclose: ((event: never) => unknown) | null
  send(text: string): void
  close(code?: number): void
}

/** A class of WebSockets: that of browsers, or that of the package `ws`, whose types differ. */
export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike

/** Returns the class that the page has given, else that of the browser. Node before version 22 has none. */
export const webSocketClass = (given: WebSocketClass | undefined): WebSocketClass | undefined =>
  given ?? (globalThis as { WebSocket?: WebSocketClass }).WebSocket
