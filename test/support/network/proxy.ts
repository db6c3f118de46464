import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after } from 'node:test'

/** One direction of a connection. Bytes keep their order, and the end follows the last byte. */
interface Way {
  /** Holds all bytes and closes, without closing a socket. With `text`, it begins at the bytes that contain it. */
  stall(text?: string): void
  /** Forwards the held bytes, and all that follow. */
  flow(): void
  /** Delays all later bytes by this many milliseconds. */
  delay(milliseconds: number): void
  /** The bytes that are held or delayed. */
  held(): Buffer
}

/** One connection through the proxy. */
export interface Wire {
  /** The direction from the client to the server. */
  up: Way
  /** The direction from the server to the client. */
  down: Way
  /** Destroys the sockets of both sides, or of one. The close of one side is forwarded to the other, unless that way stalls. */
  cut(side?: 'client' | 'server'): void
}

export interface Proxy {
  /** http://127.0.0.1:PORT */
  url: string
  /** The head of each connection's handshake. */
  heads: string[]
  /** The connections with an open side, in their order. */
  wires: ReadonlySet<Wire>
  /** How many sockets are open: two for each connection that works. */
  open(): number
  /** Stalls what clients send, or lets it flow, on later connections too. */
  stall(): void
  flow(): void
  /** Cuts every connection. */
  cut(): void
  close(): Promise<void>
}

type Item = Buffer | 'end' | 'close'

const forward = (from: Socket, to: Socket): Way & { push(bytes: Buffer): void } => {
  const queue: { item: Item; due: number }[] = []
  let [stalled, ended, latency] = [false, false, 0]
  let stallsAt: string | undefined
  let timer: NodeJS.Timeout | undefined

  const pump = (): void => {
    clearTimeout(timer)
    for (let next = queue[0]; next && !stalled; next = queue[0]) {
      const left = next.due - performance.now()
      if (left > 0) {
        timer = setTimeout(pump, left)
        return
      }
      queue.shift()
      if (next.item === 'close') to.destroySoon()
      else if (next.item === 'end') to.end()
      else if (to.writable) to.write(next.item)
    }
  }
  const push = (item: Item): void => {
    if (ended && item !== 'close') return
    ended ||= item === 'end'
    if (stallsAt !== undefined && typeof item !== 'string' && item.includes(stallsAt)) stalled = true
    queue.push({ item, due: performance.now() + latency })
    pump()
  }
  from.on('data', push)
  from.once('end', () => push('end'))
  from.once('close', () => push('close'))
  to.once('close', () => clearTimeout(timer))
  return {
    push,
    stall(text) {
      stallsAt = text
      stalled = text === undefined
    },
    flow() {
      stalled = false
      stallsAt = undefined
      pump()
    },
    delay: (milliseconds) => void (latency = milliseconds),
    held: () => Buffer.concat(queue.map(({ item }) => item).filter((item) => typeof item !== 'string')),
  }
}

/**
 * Starts a proxy for the server at `target` (http://HOST:PORT). If `target` is a function, it is called for each connection.
 * `refuses` gets the head of each handshake; if it returns true, the proxy destroys the socket. `onConnection` gets each
 * connection before the first byte is forwarded. The proxy is closed after the tests.
 */
export const startProxy = async (
  target: string | (() => string),
  refuses: (head: string) => boolean = () => false,
  onConnection: (wire: Wire) => void = () => undefined,
): Promise<Proxy> => {
  const heads: string[] = []
  const sockets = new Set<Socket>()
  const wires = new Set<Wire>()
  let isStalled = false

  const keep = (socket: Socket, gone: () => void): void => {
    sockets.add(socket)
    // A close follows, and is forwarded.
    socket.on('error', () => undefined)
    socket.once('close', () => {
      sockets.delete(socket)
      gone()
    })
  }

  const join = (client: Socket, head: Buffer): void => {
    const { hostname, port } = new URL(typeof target === 'string' ? target : target())
    const server = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    const up = forward(client, server)
    const wire: Wire = {
      up,
      down: forward(server, client),
      cut(side) {
        if (side !== 'server') client.destroy()
        if (side !== 'client') server.destroy()
      },
    }
    wires.add(wire)
    const gone = (): void => {
      if (client.closed && server.closed) wires.delete(wire)
    }
    keep(server, gone)
    client.once('close', gone)
    if (isStalled) up.stall()
    onConnection(wire)
    up.push(head)
  }

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    keep(client, () => undefined)
    client.once('data', (head) => {
      heads.push(head.toString('latin1'))
      if (refuses(head.toString('latin1'))) client.destroy()
      else join(client, head)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))

  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      listener.close(() => resolve())
      cut()
    })
  after(close)
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    heads,
    wires,
    open: () => sockets.size,
    stall() {
      isStalled = true
      for (const { up } of wires) up.stall()
    },
    flow() {
      isStalled = false
      for (const { up } of wires) up.flow()
    },
    cut,
    close,
  }
}
