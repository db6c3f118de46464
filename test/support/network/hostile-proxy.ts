// A proxy that does to WebSockets and streams what networks do to them.
import { createHash } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after } from 'node:test'

/** What it does with the request of a WebSocket: a status is its answer. */
export type UpgradeMode = 'pass' | 'swallow' | 'reset' | 'silent-101' | 'up-only' | 'down-only' | number

/** What it does with the answers to other requests. */
type AnswerMode = 'pass' | 'buffer' | 'split' | { cutAfter: number }

export interface HostileProxy {
  url: string
  upgrades: UpgradeMode
  answers: AnswerMode
  /** The first lines of all requests that came first on their connection. */
  requests: string[]
  /** How many WebSockets have been asked for. */
  handshakes(): number
  /** Cuts every connection. */
  cut(): void
}

/** Bytes that a proxy with a buffer collects before it passes them on. */
const BUFFER = 4_096

const acceptanceOf = (head: string): string => {
  const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1] ?? ''
  const hash = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${hash}\r\nSec-WebSocket-Protocol: chat-session.v1\r\n\r\n`
}

export const startHostileProxy = async (
  target: string,
  { upgrades = 'pass', answers = 'pass' }: Partial<Pick<HostileProxy, 'upgrades' | 'answers'>> = {},
): Promise<HostileProxy> => {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  }
  const { hostname, port } = new URL(target)

  /** Passes bytes to the gateway, after the first ones through `up`, and its answer through `down`. */
  const join = (
    client: Socket,
    head: Buffer,
    down: (chunk: Buffer) => void,
    up = (server: Socket, chunk: Buffer): unknown => server.write(chunk),
  ): void => {
    const server = keep(connect(Number(port), hostname))
    server.write(head)
    client.on('data', (chunk) => up(server, chunk))
    server.on('data', down)
    client.once('close', () => server.destroy())
    server.once('close', () => client.end())
  }

  const upgrade = (client: Socket, head: Buffer): void => {
    const mode = proxy.upgrades
    if (typeof mode === 'number')
      return void client.end(`HTTP/1.1 ${mode} No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`)
    if (mode === 'reset') return void client.resetAndDestroy()
    if (mode === 'silent-101') return void client.write(acceptanceOf(head.toString('latin1')))
    if (mode === 'pass') return join(client, head, (chunk) => client.write(chunk))
    if (mode === 'down-only')
      return join(
        client,
        head,
        (chunk) => client.write(chunk),
        () => undefined,
      )
    if (mode === 'up-only') {
      client.write(acceptanceOf(head.toString('latin1')))
      join(client, head, () => undefined)
    }
  }

  const answer = (client: Socket, head: Buffer): void => {
    const mode = proxy.answers
    let held = Buffer.alloc(0)
    let isFull = false
    if (typeof mode === 'object') setTimeout(() => client.destroy(), mode.cutAfter).unref()
    join(client, head, (chunk) => {
      if (mode === 'buffer' && head.includes('/stream ')) {
        // It collects the beginning of an answer, and passes on the rest as it comes.
        if (isFull) return void client.write(chunk)
        held = Buffer.concat([held, chunk])
        isFull = held.length >= BUFFER
        if (isFull) client.write(held)
      } else if (mode === 'split') for (const byte of chunk) client.write(Buffer.of(byte))
      else client.write(chunk)
    })
  }

  const listener = createServer((client) => {
    keep(client).setNoDelay()
    client.once('data', (head) => {
      const text = head.toString('latin1')
      proxy.requests.push(text.slice(0, text.indexOf('\r\n')))
      if (/^upgrade: websocket/im.test(text)) upgrade(client, head)
      else answer(client, head)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const proxy: HostileProxy = {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    upgrades,
    answers,
    requests: [],
    handshakes: () => proxy.requests.filter((line) => line.startsWith('GET /v1/session ')).length,
    cut() {
      for (const socket of sockets) socket.destroy()
    },
  }
  after(() => {
    proxy.cut()
    listener.close()
  })
  return proxy
}
