import { limits, START_PREFIX, SUBPROTOCOL, type ClientFrameOf } from '../../protocol/index.js'
import { withTimeout } from '../clock.js'
import { onPageHide } from '../page.js'
import { ifPossible } from '../if-possible.js'
import { parseFrame } from './parse-frame.js'
import { utf8 } from '../utf8.js'
import type { OpenSocket, Transport, TransportListener } from './transport.js'

/** Milliseconds in which the socket of a session that has ended may still open. */
const END_TIMEOUT = 5_000

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** Returns the subprotocols to offer, one of them the start; undefined if the start is too long for a header. */
export const startProtocols = (start: ClientFrameOf<'start'>): string[] | undefined => {
  const bytes = utf8(JSON.stringify(start))
  // Base64 has four characters for three bytes. Checked first, since `String.fromCharCode` can't take a very long start as arguments.
  if ((bytes.length * 4) / 3 + START_PREFIX.length > limits.startHeader) return undefined
  return [SUBPROTOCOL, START_PREFIX + base64url(bytes)]
}

/** Returns the gateway's WebSocket address. Throws when `endpoint` is no http(s) or ws(s) URL, or holds a password. */
export const sessionUrl = (endpoint: string | URL): string => {
  const url = new URL(endpoint)
  url.protocol = url.protocol.replace(/^http/, 'ws')
  if (!/^wss?:$/.test(url.protocol) || url.username || url.password) throw new TypeError('not an endpoint')
  url.pathname = url.pathname.replace(/\/*$/, '/v1/session')
  url.search = url.hash = ''
  return url.href
}

/** Opens a socket. Its handlers are set in the same task: a frame may come in one packet with the handshake's answer. */
export const openTransport = (
  open: OpenSocket,
  url: string,
  protocols: string[],
  listener: TransportListener,
): Transport => {
  let socket = open(url, protocols)
  // Handlers, not listeners: a WebSocket that isn't the browser's own may not support the option `signal`.
  socket.onopen = () => listener({ type: 'opened' })
  socket.ondeadline = (until) => listener({ type: 'deadline', until })
  socket.onclose = ({ code }) => listener({ type: 'closed', code })
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    const frame = parseFrame(String(data))
    if (frame) listener({ type: 'frame', frame })
    else if (frame === undefined) listener({ type: 'fatal', fault: { code: 'protocol-error' } })
  }
  // Without a handler some WebSockets throw. Each error is followed by a close, which has all that a page may know.
  socket.onerror = () => undefined
  // A socket that the gateway is closing sends nothing, and browsers warn about the attempt.
  const send: Transport['send'] = (frame) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame))
  }
  const close: Transport['close'] = (code = 1000) =>
    new Promise((closed) => {
      socket.onopen = socket.onmessage = null
      socket.onclose = () => closed()
      // Some WebSockets throw, and then report no close.
      const isClosing = ifPossible(() => {
        if (socket.readyState === socket.CLOSED) return false
        socket.close(code)
        return true
      })
      if (!isClosing) closed()
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
