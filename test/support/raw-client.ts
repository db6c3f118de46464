// Clients that a stranger could write from docs/PROTOCOL.md: they know the wire and nothing of this project's code.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after } from 'node:test'
import { WebSocket } from 'ws'

export type Frame = Record<string, unknown> & { type: string }

export interface Close {
  code: number
  reason: string
}

const opened = new Set<() => void>()
// What a failed test leaves open must not keep its file from ending.
after(() => {
  for (const cut of opened) cut()
})

/** Rejects when `work` isn't there in time; `what` names it. */
export const within = async <T>(work: Promise<T>, what: string, milliseconds = 30_000): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`There was no ${what} in time.`)), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

export const base64url = (text: string | Uint8Array): string => Buffer.from(text).toString('base64url')

export const startProtocol = (frame: unknown): string => `start.${base64url(JSON.stringify(frame))}`

export interface ClientOptions {
  /** Put into the handshake. */
  start?: unknown
  /** Subprotocols, in place of those that the protocol asks for. */
  protocols?: string[]
  origin?: string
  headers?: Record<string, string>
  /** Whether it answers `started` and `ping` frames. @default true */
  pongs?: boolean
  /** Certificate to trust. */
  ca?: Buffer
}

/** One connection to a gateway. Frames are kept until somebody asks for them. */
export interface Client {
  readonly socket: WebSocket
  /** The subprotocol that was agreed on, once the connection is open. */
  readonly opened: Promise<string>
  readonly closed: Promise<Close>
  /** Every frame so far. */
  readonly frames: readonly Frame[]
  send(...frames: (Frame | string | Buffer)[]): void
  /** The next frame that is no `ping`; with `type` the next one of that type, whatever comes before it. */
  next(type?: string): Promise<Frame>
  /** The `ended` frame and the close after it. */
  end(): Promise<{ frame: Frame } & Close>
  close(): void
}

export const openClient = (url: string, options: ClientOptions = {}): Client => {
  const { start, origin, headers, pongs = true, ca } = options
  const protocols = options.protocols ?? [
    'chat-session.v1',
    ...(start === undefined ? [] : [startProtocol(start)]),
  ]
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/session`, protocols, {
    perMessageDeflate: false,
    ...(origin !== undefined && { origin }),
    ...(headers && { headers }),
    ...(ca && { ca }),
  })
  opened.add(() => socket.terminate())
  const frames: Frame[] = []
  const waiting: Frame[] = []
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Frame
    frames.push(frame)
    if (pongs && (frame.type === 'ping' || frame.type === 'started')) socket.send('{"type":"pong"}')
    if (frame.type !== 'ping') waiting.push(frame)
  })
  const open = new Promise<string>((resolve, reject) => {
    socket.once('open', () => resolve(socket.protocol))
    socket.on('error', reject)
  })
  // Those who care await it themselves.
  open.catch(() => undefined)
  const closed = new Promise<Close>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  )
  const gone = closed.then(({ code, reason }) => {
    throw new Error(`The connection closed with ${code} ${reason}.`)
  })
  gone.catch(() => undefined)

  const find = async (type?: string): Promise<Frame> => {
    for (;;) {
      const frame = waiting.shift()
      if (frame === undefined) await Promise.race([once(socket, 'message'), gone])
      else if (type === undefined || frame.type === type) return frame
    }
  }

  return {
    socket,
    opened: open,
    closed,
    frames,
    send(...sent) {
      for (const frame of sent)
        socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame))
    },
    // One deadline for all of it: pings, which come more often, must not put it off.
    next: (type) => within(find(type), type ?? 'frame'),
    async end() {
      const { code, reason } = await within(closed, 'close')
      const frame = waiting.find(({ type }) => type === 'ended')
      if (!frame) throw new Error(`It closed with ${code} ${reason} and no 'ended' frame.`)
      return { frame, code, reason }
    },
    close: () => socket.terminate(),
  }
}

/** A connection whose session has started. */
export const startClient = async (
  url: string,
  start: unknown,
  options: ClientOptions = {},
): Promise<Client & { started: Frame }> => {
  const client = openClient(url, { ...options, start })
  return { ...client, started: await client.next('started') }
}

export interface Answer {
  status: number
  /** By lower-case name. */
  headers: Map<string, string>
  /** What follows the header, as far as it has come. */
  body: string
}

/** A TCP connection on which bytes are written by hand. */
export interface RawSocket {
  readonly socket: Socket
  /** What came so far. */
  received(): Buffer
  /** Waits for the header of an HTTP answer. */
  answer(): Promise<Answer>
  readonly closed: Promise<unknown>
}

const parseAnswer = (bytes: Buffer): Answer | undefined => {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { status: Number(first.split(' ')[1]), headers: new Map(headers), body: text.slice(end + 4) }
}

/** With `allowHalfOpen` it stays when the other side says that it has no more to say. */
export const openRaw = async (url: string, { allowHalfOpen = false } = {}): Promise<RawSocket> => {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ port: Number(port), host, allowHalfOpen })
  opened.add(() => socket.destroy())
  let bytes = Buffer.alloc(0)
  socket.on('data', (chunk) => (bytes = Buffer.concat([bytes, chunk])))
  // A reset is what some tests are after; `closed` tells.
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await within(once(socket, 'connect'), 'TCP connection')
  return {
    socket,
    closed,
    received: () => bytes,
    async answer() {
      for (;;) {
        const answer = parseAnswer(bytes)
        if (answer) return answer
        if (socket.destroyed) throw new Error('The connection closed without an answer.')
        await within(Promise.race([once(socket, 'data'), closed]), 'answer')
      }
    },
  }
}

/** The lines of a handshake as RFC 6455, 4.1 has them; those given are put in the place of the usual ones. */
export const handshake = (lines: Record<string, string | null> = {}, target = '/v1/session'): string => {
  const usual: Record<string, string | null> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'chat-session.v1',
    ...lines,
  }
  const text = Object.entries(usual).flatMap(([name, value]) =>
    value === null ? [] : `${name}: ${value}\r\n`,
  )
  return `GET ${target} HTTP/1.1\r\n${text.join('')}\r\n`
}

/** A WebSocket frame of a client, masked with zeros (RFC 6455, 5.2), of less than 64 kB. */
export const maskedFrame = (text: string, opcode = 1): Buffer => {
  const payload = Buffer.from(text)
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), payload])
}
