import {
  limits,
  START_PREFIX,
  SUBPROTOCOL,
  type ClientFrameOf,
  type GatewayFrameOf,
} from '../../protocol/index.js'
import { withTimeout } from '../util/clock.js'
import { onPageHide } from '../page.js'
import { parseFrame } from './parse-frame.js'
import { sentences } from '../sentences.js'
import { utf8 } from '../util/utf8.js'
import type { OpenSocket, Transport, TransportListener } from './transport.js'

/** Milliseconds after which a socket that is still opening is given up, if its session has ended. */
const END_TIMEOUT = 5_000

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** Returns the subprotocols to offer. One of them has the `start` frame. Returns undefined if that frame is too long for a header. */
export const startProtocols = (start: ClientFrameOf<'start'>): string[] | undefined => {
  const bytes = utf8(JSON.stringify(start))
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

/** Opens a socket, and sets its handlers in the same task, because a frame may come in one packet with the handshake's answer. */
export const openTransport = (
  open: OpenSocket,
  url: string,
  protocols: string[],
  listener: TransportListener,
): Transport => {
  let socket = open(url, protocols)
  // These are handlers, not listeners: a WebSocket that isn't the browser's own perhaps does not support the option `signal`.
  socket.onopen = () => listener({ type: 'opened' })
  socket.ondeadline = (until) => listener({ type: 'deadline', until })
  let reason: GatewayFrameOf<'ended'> | undefined
  socket.onclose = ({ code }) => listener({ type: 'closed', code, reason })
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    const frame = parseFrame(String(data))
    if (frame?.type === 'ended') reason = frame
    else if (frame) listener({ type: 'frame', frame })
    else if (frame === undefined) listener({ type: 'fatal', fault: { code: 'protocol-error' } })
  }
  // Without a handler some WebSockets throw. After each error comes a close, which has all information that a page may get.
  socket.onerror = () => undefined
  // A socket that is closing sends nothing, and browsers warn if it is given a frame. So it is given none.
  const send: Transport['send'] = (frame) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame))
  }
  const close: Transport['close'] = (code = 1000) =>
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
    })
  return {
    send,
    close,
    async endAfterOpen() {
      await withTimeout(END_TIMEOUT, (done, signal) => {
        socket.onmessage = null
        socket.onopen = socket.onclose = done
        onPageHide(done, signal)
      })
      send({ type: 'end' })
      await close()
    },
    race(openRace, phase) {
      socket = openRace(url, protocols, socket, phase)
    },
  }
}
