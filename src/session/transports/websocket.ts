import { limits, START_PREFIX, SUBPROTOCOL } from '../../protocol/index.js'
import { sentences } from '../sentences.js'
import { utf8 } from '../util/utf8.js'
import type { Connection, ConnectionListener, StartFrame } from './connection.js'
import { parseFrame } from './parse-frame.js'
import type { WebSocketClass } from '../websocket-class.js'
import { toJson } from '../util/to-json.js'

// Some pages have a polyfill of `replaceAll` that takes the text as a pattern.
const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=/g, '')

/** Returns the subprotocols to offer. One of them has the `start` frame. Returns undefined if that frame is too long for a header. */
const startProtocols = (start: StartFrame): string[] | undefined => {
  const bytes = utf8(toJson(start))
  // Base64 has four characters for three bytes. This is checked first, because `String.fromCharCode` can't take a very long start as
  // arguments.
  if ((bytes.length * 4) / 3 + START_PREFIX.length > limits.startHeader) return undefined
  return [SUBPROTOCOL, START_PREFIX + base64url(bytes)]
}

/** Returns the gateway's WebSocket address. Throws if `endpoint` is no http(s) or ws(s) URL, or contains a user name or password. */
export const sessionUrl = (endpoint: string | URL): string => {
  const url = new URL(endpoint)
  url.protocol = url.protocol.replace('http', 'ws')
  if (!/^wss?:$/.test(url.protocol) || url.username || url.password)
    throw new TypeError(sentences.badEndpoint)
  url.pathname = url.pathname.replace(/\/*$/, '/v1/session')
  url.search = url.hash = ''
  return url.href
}

interface WebSocketOptions {
  url: string
  /** The `start` frame, for the handshake's header. Null if the session sends it later. */
  start: StartFrame | null
  WebSocket: WebSocketClass
  listener: ConnectionListener
}

export interface WebSocketConnection extends Connection {
  /** As that of a WebSocket: 0 while it opens, 1 while it is open, 2 while it closes, then 3. */
  readonly readyState: number
}

/** Opens a WebSocket. Throws if the constructor of its class throws. */
export const openWebSocket = ({ url, start, WebSocket, listener }: WebSocketOptions): WebSocketConnection => {
  const protocols = start && startProtocols(start)
  const socket = new WebSocket(url, protocols ?? [SUBPROTOCOL])

  const connection: WebSocketConnection = {
    listener,
    get readyState() {
      return socket.readyState
    },
    // A socket that is closing sends nothing, and browsers warn if it is given a frame. So it is given none.
    send(frame) {
      if (socket.readyState === socket.OPEN) socket.send(toJson(frame))
    },
    close: (code = 1000) =>
      new Promise((closed) => {
        socket.onopen = socket.onmessage = null
        socket.onclose = () => closed()
        try {
          socket.close(code)
          if (socket.readyState !== socket.CLOSED) return
        } catch {
          // Some WebSockets throw, and then report no close.
        }
        closed()
      }),
  }

  // The handlers are set in the task that opens the socket, because a frame may come in one packet with the handshake's answer. They are
  // handlers, not listeners: a WebSocket that isn't the browser's own perhaps does not support the option `signal`.
  socket.onopen = () => {
    // If the start is too long for a header, it is the first frame.
    if (start && !protocols) connection.send(start)
    connection.listener({ type: 'opened' })
  }
  socket.onmessage = ({ data }: { data: unknown }) => {
    const event = parseFrame(String(data))
    if (event) connection.listener(event)
  }
  socket.onclose = ({ code }: { code: number }) => connection.listener({ type: 'closed', code })
  // Without a handler some WebSockets throw. After each error comes a close, which has all information that a page may get.
  socket.onerror = () => undefined
  return connection
}
