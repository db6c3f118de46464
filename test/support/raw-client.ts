// Clients that use only docs/PROTOCOL.md and none of this project's client code.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after } from 'node:test'
import { WebSocket } from 'ws'
import { startOf } from './starts.js'

export type Frame = Record<string, unknown> & { type: string }

export interface Close {
  code: number
  reason: string
}

const opened = new Set<() => void>()
// If a test fails, an open connection would keep the process of its file running.
after(() => {
  for (const cut of opened) cut()
})

/** Resolves with the result of `work`, or rejects after a timeout. `what` names the result in the error. */
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
  /** A start frame to send in the handshake. */
  start?: unknown
  /** Subprotocols, instead of those of the protocol. */
  protocols?: string[]
  origin?: string
  headers?: Record<string, string>
  /** Whether it answers `started` and `ping` frames. @default true */
  pongs?: boolean
  /** Certificate to trust. */
  ca?: Buffer
  /** The address that it connects from. */
  localAddress?: string
}

/** One connection to a gateway. It queues frames until `next` returns them. */
export interface Client {
  readonly socket: WebSocket
  /** The subprotocol that was agreed on, once the connection is open. */
  readonly opened: Promise<string>
  readonly closed: Promise<Close>
  /** Every frame so far. */
  readonly frames: readonly Frame[]
  send(...frames: (Frame | string | Buffer)[]): void
  /** Resolves with the next frame that is no `ping`. With `type`, it skips frames of other types. */
  next(type?: string): Promise<Frame>
  /** Resolves with the `ended` frame and the close that follows. */
  end(): Promise<{ frame: Frame } & Close>
  close(): void
}

export const openClient = (url: string, options: ClientOptions = {}): Client => {
  const { start, origin, headers, pongs = true, ca, localAddress } = options
  const protocols = options.protocols ?? [
    'chat-session.v1',
    ...(start === undefined ? [] : [startProtocol(start)]),
  ]
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/session`, protocols, {
    perMessageDeflate: false,
    ...(origin !== undefined && { origin }),
    ...(headers && { headers }),
    ...(ca && { ca }),
    ...(localAddress !== undefined && { localAddress }),
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
  // A test that needs the result awaits `opened`.
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
    // All frames share one timeout: otherwise pings would extend it.
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

export type StartedClient = Client & { started: Frame }

/** Opens a connection. Resolves when its session has started. */
export const startClient = async (
  url: string,
  start: unknown,
  options: ClientOptions = {},
): Promise<StartedClient> => {
  const client = openClient(url, { ...options, start })
  return { ...client, started: await client.next('started') }
}

/** Starts a session of a user with a token, and with these fields of the start changed. */
export const startAs = async (
  url: string,
  userId: string,
  changes: Record<string, unknown> = {},
  options: ClientOptions = {},
): Promise<StartedClient> => startClient(url, await startOf(userId, changes), options)

/** Starts a session for each of these users, one after the other. */
export const startAll = async (
  url: string,
  users: string[],
  options: ClientOptions = {},
): Promise<StartedClient[]> => {
  const clients: StartedClient[] = []
  for (const user of users) clients.push(await startAs(url, user, {}, options))
  return clients
}

/** Resolves with `started`, or with the code that a start is refused with. */
export const outcomeOf = async (url: string, start: unknown): Promise<unknown> => {
  const client = openClient(url, { start })
  const frame = await client.next()
  client.close()
  return frame.type === 'ended' ? frame['code'] : frame.type
}

/** Resolves with the code that a start is refused with. */
export const refusalOf = async (url: string, start: unknown): Promise<unknown> => {
  const { frame } = await openClient(url, { start }).end()
  return frame['code']
}

/** Sends a message as each client, and asserts that it is answered. */
export const assertServed = async (clients: Client[], label: string): Promise<void> => {
  for (const [index, client] of clients.entries()) {
    const id = `${label}-${index}`
    client.send({ type: 'send', id, to: 'zoe', body: 'x' })
    assert.equal((await client.next('sent'))['id'], id)
  }
}

/** Sends a frame and waits for its answer, so that the gateway has received a frame on this connection. */
export const roundTrip = async (client: Pick<Client, 'send' | 'next'>): Promise<void> => {
  client.send({ type: 'read', epoch: 'none', offset: 0 })
  await client.next('refused')
}

/** Sends a frame that has an answer from the engine, so that the frames before it were handled. */
export const settled = async (client: StartedClient): Promise<void> => {
  client.send({ type: 'read', epoch: client.started['epoch'], offset: 0 })
  await client.next('unread')
}

interface Answer {
  status: number
  /** The headers by name, in lower case. */
  headers: Map<string, string>
  /** The bytes after the header so far. */
  body: string
}

/** A TCP connection on which bytes are written by hand. */
export interface RawSocket {
  readonly socket: Socket
  /** The bytes received so far. */
  received(): Buffer
  /** Waits for the header of an HTTP response. */
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

/** Opens a TCP connection. With `allowHalfOpen` it stays open after the server's end. */
export const openRaw = async (
  url: string,
  { allowHalfOpen = false, localAddress }: { allowHalfOpen?: boolean; localAddress?: string } = {},
): Promise<RawSocket> => {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({
    port: Number(port),
    host,
    allowHalfOpen,
    ...(localAddress !== undefined && { localAddress }),
  })
  opened.add(() => socket.destroy())
  let bytes = Buffer.alloc(0)
  socket.on('data', (chunk) => (bytes = Buffer.concat([bytes, chunk])))
  // Some tests expect a reset. They await `closed`.
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

/** Returns the request of a handshake (RFC 6455, 4.1). `lines` replaces its headers; null removes a header. */
export const handshake = (lines: Record<string, string | null> = {}, target = '/v1/session'): string => {
  const headers: Record<string, string | null> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': 'chat-session.v1',
    ...lines,
  }
  const text = Object.entries(headers).flatMap(([name, value]) =>
    value === null ? [] : `${name}: ${value}\r\n`,
  )
  return `GET ${target} HTTP/1.1\r\n${text.join('')}\r\n`
}
