import {
  gatewayFrames,
  limits,
  START_PREFIX,
  SUBPROTOCOL,
  type ClientFrame,
  type ClientFrameOf,
  type GatewayFrame,
} from '../protocol/index.js'
import { wrongField } from '../protocol/internal.js'
import { within } from './clock.js'
import { whenHidden } from './page.js'
import { utf8 } from './utf8.js'

/** What one attempt tells of itself. */
export interface SocketListener {
  opened(): void
  frame(frame: GatewayFrame): void
  /** What came is not this protocol. */
  garbled(): void
  closed(code: number): void
}

/** One attempt at a connection. */
export interface Line {
  send(frame: ClientFrame): void
  /** Closes, and answers when the socket is closed; nothing is told any more. @default code 1000 */
  close(code?: number): Promise<void>
  /**
   * Closes as soon as the handshake is done, and tells the gateway of the end first: a start that rides in it began a session
   * there. Given up after five seconds, and when the page goes.
   */
  leave(): Promise<void>
}

/** Milliseconds that a handshake has to be done in for who has left already. */
const LEAVE_LIMIT = 5_000

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** The subprotocols to offer; a start that fits rides along. Undefined when it doesn't fit. */
export const greeting = (start: ClientFrameOf<'start'>): string[] | undefined => {
  const bytes = utf8(JSON.stringify(start))
  // Four characters a three bytes: no call takes as many arguments as a long one has bytes.
  if ((bytes.length * 4) / 3 + START_PREFIX.length > limits.startHeader) return undefined
  return [SUBPROTOCOL, START_PREFIX + base64url(bytes)]
}

/** The gateway's WebSocket address. Throws when `endpoint` is no http(s) or ws(s) URL, or holds a password. */
export const sessionUrl = (endpoint: string | URL): string => {
  const url = new URL(endpoint)
  url.protocol = url.protocol.replace(/^http/, 'ws')
  if (!/^wss?:$/.test(url.protocol) || url.username || url.password) throw new TypeError('not an endpoint')
  url.pathname = url.pathname.replace(/\/*$/, '/v1/session')
  url.search = url.hash = ''
  return url.href
}

/** A frame; undefined for one that a newer gateway may know, null for what is none. */
const read = (json: string): GatewayFrame | null | undefined => {
  try {
    const frame = JSON.parse(json) as GatewayFrame
    const checks = Object.hasOwn(gatewayFrames, frame.type) && gatewayFrames[frame.type]
    return checks ? (wrongField(checks, frame) ? null : frame) : undefined
  } catch {
    return null
  }
}

/** Opens a socket and listens to it from the first moment: a frame may share a packet with the handshake's answer. */
export const openLine = (
  WebSocketClass: typeof WebSocket,
  url: string,
  protocols: string[],
  listener: SocketListener,
): Line => {
  const socket = new WebSocketClass(url, protocols)
  // Handlers, not listeners: a WebSocket that isn't the browser's own may know no `signal` to take them off with.
  socket.onopen = () => listener.opened()
  socket.onclose = ({ code }) => listener.closed(code)
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    const frame = read(String(data))
    if (frame) listener.frame(frame)
    else if (frame === null) listener.garbled()
  }
  // The close that follows says all that a page may know; without a handler some WebSockets throw.
  socket.onerror = () => undefined
  const send: Line['send'] = (frame) => socket.send(JSON.stringify(frame))
  const close: Line['close'] = (code = 1000) =>
    new Promise((closed) => {
      socket.onopen = socket.onmessage = null
      socket.onclose = () => closed()
      if (socket.readyState === socket.CLOSED) closed()
      socket.close(code)
    })
  return {
    send,
    close,
    async leave() {
      await within(LEAVE_LIMIT, (done, signal) => {
        socket.onmessage = null
        socket.onopen = socket.onclose = done
        whenHidden(done, signal)
      })
      if (socket.readyState === socket.OPEN) send({ type: 'end' })
      await close()
    },
  }
}
