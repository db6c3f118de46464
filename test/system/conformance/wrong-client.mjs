// The client of demo/clients with one fault, whose name is the argument. Faults change frames on their way between the session and the
// gateway.
import { WebSocket } from 'ws'
import { drive } from '../../../demo/clients/drive.mjs'

const START = 'start.'
const report = (type, fields) => process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`)

let connections = 0
/** Repeats the newest handshake, or the newest request of a stream. */
let startAgain
let token = ''
const offsets = new Set()

/** `out` and `incoming` return the frame that goes on, or undefined for none; `close` the close code that the session sees. */
const faults = {
  'sends no pong': { out: (frame) => (frame.type === 'pong' ? undefined : frame) },
  'delivers repeated messages again': {
    incoming(frame) {
      const { type, ...message } = frame
      if (type === 'message' && offsets.has(message.offset)) report('message', { message })
      offsets.add(message.offset)
      return frame
    },
  },
  'says nothing of lost messages': {
    incoming: (frame) => (frame.type === 'started' ? { ...frame, lost: false } : frame),
  },
  'begins a new session after a loss': {
    out: (frame) => (frame.type === 'start' ? { ...frame, resume: undefined } : frame),
  },
  'resumes from the first message': {
    out: (frame) => (frame.resume ? { ...frame, resume: { ...frame.resume, offset: 0 } } : frame),
  },
  'reconnects after 44xx': { close: (code) => (code >= 4400 && code < 4500 ? 1006 : code) },
  'reconnects after 1000': { close: (code) => (code === 1000 ? 1006 : code) },
  'gives up after 45xx': { close: (code) => (code >= 4500 ? 4400 : code) },
  'ignores retryAfter': {
    incoming: (frame) => (frame.type === 'ended' ? { ...frame, retryAfter: undefined } : frame),
  },
  'starts with its first token for ever': {
    out: (frame) => (frame.type === 'start' ? { ...frame, token: (token ||= frame.token) } : frame),
  },
  'sends a message again as another one': {
    out: (frame) =>
      frame.type === 'send' && connections > 1 ? { ...frame, id: `${frame.id}-again` } : frame,
  },
  'forgets messages without an answer': {
    out: (frame) => (frame.type === 'send' && connections > 1 ? undefined : frame),
  },
  'goes by its own clock': {
    out(frame) {
      token = frame.token ?? token
      return frame
    },
    incoming(frame) {
      const [, claims] = token.split('.')
      if (frame.type !== 'started' || !claims) return frame
      const { exp } = JSON.parse(Buffer.from(claims, 'base64url'))
      return { ...frame, expiresIn: exp * 1_000 - Date.now() }
    },
  },
  'has timers of 31 bits': {
    incoming: (frame) =>
      frame.expiresIn > 2 ** 31 ? { ...frame, expiresIn: (frame.expiresIn % 2 ** 31) % 1_000 } : frame,
  },
  'sends its token again': {
    out(frame) {
      token = frame.token ?? token
      return frame.type === 'pong' ? { type: 'token', token } : frame
    },
  },
  'sends no end': { out: (frame) => (frame.type === 'end' ? undefined : frame) },
  'knows only ASCII': {
    out: (frame) =>
      frame.type === 'send' ? { ...frame, body: frame.body.replaceAll(/[^\0-\x7F]/g, '?') } : frame,
  },
  'fails at unknown frames': {
    incoming: (frame) => (frame.type === 'weather' ? process.exit(3) : frame),
  },
  'counts its own messages as unread': {
    incoming: (frame) => (frame.type === 'message' ? { ...frame, from: 'somebody' } : frame),
  },
  'gives a repeated post a new number': {
    post(body) {
      const { stream, frames } = JSON.parse(body)
      return JSON.stringify({ stream, seq: ++connections, frames })
    },
  },
  'posts null before its messages': {
    post(body) {
      const { frames, ...rest } = JSON.parse(body)
      const hasRoom = frames.length < 16 && frames.some(({ type }) => type === 'send')
      return JSON.stringify({ ...rest, frames: hasRoom ? [null, ...frames] : frames })
    },
  },
  'reports messages without the field': {
    incoming(frame) {
      const { type, ...message } = frame
      if (type === 'message') report('message', message)
      return frame
    },
  },
  'starts again when it is over': { over: () => startAgain() },
  'resets a refused handshake': { refused: (request) => request.socket.resetAndDestroy() },
}

const {
  out = (frame) => frame,
  incoming = (frame) => frame,
  close = (code) => code,
  post = (body) => body,
  over,
  refused,
} = faults[process.argv[2]]

/** Changes the start in the subprotocols. */
const withStart = (protocols) =>
  protocols.map((name) =>
    name.startsWith(START)
      ? START +
        Buffer.from(
          JSON.stringify(out(JSON.parse(Buffer.from(name.slice(START.length), 'base64url')))),
        ).toString('base64url')
      : name,
  )

class WrongWebSocket extends WebSocket {
  constructor(url, protocols) {
    connections += 1
    super(url, withStart(protocols))
    startAgain = () => new WebSocket(url, protocols)
    if (!refused) return
    this.once('unexpected-response', (request) => {
      refused(request)
      this.terminate()
    })
  }

  send(json) {
    const frame = out(JSON.parse(json))
    if (frame) super.send(JSON.stringify(frame))
  }

  set onmessage(handler) {
    super.onmessage =
      handler && (({ data }) => handler({ data: JSON.stringify(incoming(JSON.parse(String(data)))) }))
  }

  set onclose(handler) {
    super.onclose = handler && (({ code }) => handler({ code: close(code) }))
  }
}

const { fetch } = globalThis
globalThis.fetch = (url, options) => {
  if (url.endsWith('/frames')) return fetch(url, { ...options, body: post(options.body) })
  startAgain = () => fetch(url, { ...options, signal: undefined })
  return fetch(url, options)
}
if (over) {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = (text) => {
    write(text)
    if (text.includes('"over"')) over()
  }
}
drive(WrongWebSocket)
