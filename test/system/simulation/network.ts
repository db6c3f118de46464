import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import { Duplex } from 'node:stream'
import type { Owner } from './timers.js'
import type { World } from './world.js'

/** How the bytes of one client travel. */
export interface Line {
  /** Milliseconds that bytes take, at least and at most. */
  delay: [number, number]
  /** Bytes are lost in one direction, or in both: neither side notices. */
  dead: 'none' | 'up' | 'down' | 'both'
  /** No connection can be made. */
  refused: boolean
  /**
   * The offsets of messages that were on their way to the client when bytes of the client arrived. The gateway counts as received what it
   * sent before a client's last frame, so these are not pushed, even if they never arrive.
   */
  readonly crossed: Set<number>
}

/** Returns a line on which nothing is wrong. */
export const goodLine = (): Line => ({ delay: [1, 30], dead: 'none', refused: false, crossed: new Set() })

/** Something that listens: a gateway while it runs. */
interface Listener {
  owner: Owner
  server: Server
}

const TEXT = 1
const CLOSE = 8
const PING = 9
const PONG = 10

/** Milliseconds between two tries to send what was lost. */
const RETRANSMISSION = 500
/** Milliseconds that a browser waits for the other side to close. */
const CLOSING = 5_000

/** One direction of a connection: chunks arrive in order, each some time after the one before, and may arrive in pieces. */
class Pipe {
  readonly #world: World
  readonly #line: Line
  readonly #isDead: () => boolean
  readonly #arrive: (chunk: Buffer | null) => void
  /** What is on its way, in order, and when it arrives. */
  readonly #chunks: { chunk: Buffer | null; at: number }[] = []
  cut = false

  constructor(world: World, line: Line, isDead: () => boolean, arrive: (chunk: Buffer | null) => void) {
    this.#world = world
    this.#line = line
    this.#isDead = isDead
    this.#arrive = arrive
  }

  /** The bytes that are on their way. */
  get underway(): Buffer {
    return Buffer.concat(this.#chunks.flatMap(({ chunk }) => chunk ?? []))
  }

  /** Null is the end of the stream. */
  send(chunk: Buffer | null): void {
    const { random } = this.#world
    if (chunk && chunk.length > 1 && random.chance(0.05)) {
      const middle = random.between(1, chunk.length - 1)
      this.send(chunk.subarray(0, middle))
      return this.send(chunk.subarray(middle))
    }
    const [from, to] = this.#line.delay
    const at = this.#world.now() + from + random.next() * (to - from)
    this.#chunks.push({ chunk, at: Math.max(at, this.#chunks.at(-1)?.at ?? 0) })
    if (this.#chunks.length === 1) this.#wait()
  }

  #wait(): void {
    const [first] = this.#chunks
    if (first) this.#world.after(Math.max(0, first.at - this.#world.now()), () => this.#next())
  }

  #next(): void {
    if (this.cut) return
    // TCP sends what is lost again, so that it arrives once the line is back.
    if (this.#isDead()) return this.#world.after(RETRANSMISSION, () => this.#next())
    const first = this.#chunks.shift()
    if (first) this.#arrive(first.chunk)
    this.#wait()
  }
}

/** The gateway's end of a connection, with what Node gives a socket of an upgrade. */
class GatewaySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly #out: Pipe

  constructor(out: Pipe) {
    super({ allowHalfOpen: true })
    this.#out = out
  }
  override _read(): void {
    // Bytes are pushed when they arrive.
  }
  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    this.#out.send(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk))
    done()
  }
  override _final(done: () => void): void {
    this.#out.send(null)
    done()
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#out.send(null)
    done(error)
  }
}

const masked = (opcode: number, payload: Buffer): Buffer => {
  const mask = randomBytes(4)
  const { length } = payload
  const header =
    length < 126
      ? Buffer.from([0x80 | opcode, 0x80 | length])
      : Buffer.from([0x80 | opcode, 0x80 | 126, length >> 8, length & 0xff])
  const body = Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)))
  return Buffer.concat([header, mask, body])
}

/** Connects clients with the gateway that listens at the moment. */
export class Network {
  readonly #world: World
  /** The gateways that run. A load balancer gives each connection to one of them. */
  readonly listeners: Listener[] = []
  /** The connections that are open at one end at least. */
  readonly open = new Set<ClientSocket>()
  /** Called when a gateway that runs has lost, or closed, its end of a client's connection. */
  onLost: (client: Owner) => void = () => undefined
  /** The gateways' ends, with the client and the gateway's process. */
  readonly #carried = new Map<GatewaySocket, { client: Owner; gateway: Owner }>()
  /** The process that has a client's newest connection, or had it. */
  readonly lastGateway = new Map<Owner, Owner>()

  constructor(world: World) {
    this.#world = world
  }

  /** The class that a `ChatSession` of this owner opens its WebSockets with. */
  webSocketOf(owner: Owner, line: Line): typeof WebSocket {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- The class is made for one network.
    const network = this
    return class extends ClientSocket {
      constructor(_url: string, protocols: string[]) {
        super(network.#world, network, owner, line, protocols)
      }
    } as unknown as typeof WebSocket
  }

  /** Returns whether a gateway that runs has an end of a connection of such a client. */
  isCarried(isClient: (client: Owner) => boolean): boolean {
    return [...this.#carried.values()].some(({ client, gateway }) => gateway.alive && isClient(client))
  }

  carry(socket: GatewaySocket, client: Owner, gateway: Owner): void {
    this.#carried.set(socket, { client, gateway })
    this.lastGateway.set(client, gateway)
    socket.once('close', () => {
      this.#carried.delete(socket)
      if (gateway.alive) this.onLost(client)
    })
  }

  /** The process that listened is gone, and the kernel closes its sockets; if the machine is gone too, no client may hear of it. */
  endListener(owner: Owner, hasCrashed: boolean): void {
    this.removeListener(owner)
    for (const socket of [...this.open])
      if (socket.gateway === owner || this.listeners.length === 0)
        socket.reset(hasCrashed && this.#world.random.chance(0.3) ? 'never' : 'soon')
  }

  removeListener(owner: Owner): void {
    const place = this.listeners.findIndex((listener) => listener.owner === owner)
    if (place >= 0) this.listeners.splice(place, 1)
  }
}

/** The client's end: a WebSocket as browsers have it, of which the session uses these parts. */
class ClientSocket {
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSING = 2
  readonly CLOSED = 3
  readyState = 0
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  onerror: (() => void) | null = null
  readonly #world: World
  readonly #network: Network
  readonly #owner: Owner
  #up: Pipe | undefined
  #down: Pipe | undefined
  /** The gateway's process that took the connection, and its end of the connection. */
  #gateway: Owner | undefined
  #gatewaySocket: GatewaySocket | undefined
  #received = Buffer.alloc(0)
  #isUpgraded = false
  #closeCode = 1006

  constructor(world: World, network: Network, owner: Owner, line: Line, protocols: string[]) {
    this.#world = world
    this.#network = network
    this.#owner = owner
    network.open.add(this)
    world.after(world.random.between(1, 40), () => this.#connect(line, protocols))
  }

  #connect(line: Line, protocols: string[]): void {
    const listener = this.#world.random.any(this.#network.listeners)
    if (this.readyState === 3) return
    if (!listener || line.refused) return this.#closed(1006)
    if (line.dead !== 'none') return this.#world.after(1_000, () => this.#connect(line, protocols))
    const { owner } = listener
    const key = randomBytes(16).toString('base64')
    const down = new Pipe(
      this.#world,
      line,
      () => line.dead === 'down' || line.dead === 'both',
      (chunk) => this.#world.as(this.#owner, () => this.#onBytes(chunk)),
    )
    const socket = new GatewaySocket(down)
    const up = new Pipe(
      this.#world,
      line,
      () => line.dead === 'up' || line.dead === 'both',
      (chunk) => {
        this.#noteCrossed(line, down)
        this.#world.as(owner, () => socket.destroyed || socket.push(chunk))
      },
    )
    this.#gateway = owner
    ;[this.#up, this.#down, this.#gatewaySocket] = [up, down, socket]
    this.#network.carry(socket, this.#owner, owner)
    const headers = {
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-version': '13',
      'sec-websocket-key': key,
      'sec-websocket-protocol': protocols.join(', '),
    }
    const request = {
      method: 'GET',
      url: '/v1/session',
      headers,
      rawHeaders: Object.entries(headers).flat(),
      socket,
    }
    this.#world.as(owner, () =>
      listener.server.emit('upgrade', request as unknown as IncomingMessage, socket, Buffer.alloc(0)),
    )
    this.#accept = `Sec-WebSocket-Accept: ${createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')}`
  }
  #accept = ''

  send(text: string): void {
    this.#up?.send(masked(TEXT, Buffer.from(text)))
  }

  close(code = 1000): void {
    if (this.readyState >= 2) return
    if (this.readyState === 0) return this.#closed(1006)
    this.readyState = 2
    this.#up?.send(masked(CLOSE, Buffer.from([code >> 8, code & 0xff])))
    this.#world.after(CLOSING, () => this.#closed(1006))
  }

  /** The connection is gone: the gateway's process was killed. With `never` the client hears nothing. */
  reset(when: 'soon' | 'never'): void {
    if (this.#up) this.#up.cut = true
    if (this.#down) this.#down.cut = true
    if (when === 'soon') this.#world.after(this.#world.random.between(0, 200), () => this.#closed(1006))
  }

  /** Both sides hear that the connection is lost, each in its own time. */
  cut(): void {
    if (this.readyState === 3) return
    const [gateway, socket] = [this.#gateway, this.#gatewaySocket]
    if (this.#up) this.#up.cut = true
    if (this.#down) this.#down.cut = true
    if (gateway && socket)
      this.#world.after(this.#world.random.between(0, 500), () =>
        this.#world.as(gateway, () => socket.destroy()),
      )
    this.#world.after(this.#world.random.between(0, 500), () => this.#closed(1006))
  }

  /** The client's page has crashed: its kernel closes the socket, or its machine is gone without a word. */
  crash(): void {
    this.readyState = 3
    this.#network.open.delete(this)
    if (this.#world.random.chance(0.6)) this.#up?.send(null)
    else if (this.#up) this.#up.cut = true
  }

  toString(): string {
    const ends = `${this.readyState}, ${this.#gatewaySocket?.destroyed ? 'freed' : 'kept'} by the gateway`
    return `one of ${this.#owner.name} (${ends})`
  }

  get owner(): Owner {
    return this.#owner
  }

  /** The gateway's process that took the connection. */
  get gateway(): Owner | undefined {
    return this.#gateway
  }

  #noteCrossed({ crossed }: Line, down: Pipe): void {
    // A frame may have arrived in part.
    const text = Buffer.concat([this.#received, down.underway]).toString('latin1')
    for (const [, offset] of text.matchAll(/"type":"message","offset":(\d+)/g)) crossed.add(Number(offset))
  }

  #onBytes(chunk: Buffer | null): void {
    if (this.readyState === 3) return
    if (chunk === null) return this.#closed(this.#closeCode)
    this.#received = Buffer.concat([this.#received, chunk])
    if (!this.#isUpgraded) {
      const end = this.#received.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = this.#received.subarray(0, end).toString('latin1')
      this.#received = this.#received.subarray(end + 4)
      if (!head.startsWith('HTTP/1.1 101') || !head.includes(this.#accept)) return this.#closed(1006)
      this.#isUpgraded = true
      this.readyState = 1
      this.onopen?.()
    }
    for (;;) {
      const [first = 0, second = 0] = this.#received
      const long = second === 126
      const start = long ? 4 : 2
      if (this.#received.length < start) return
      const length = long ? this.#received.readUInt16BE(2) : second
      if (second === 127) throw new Error('The simulated client takes no frame of 64 kB.')
      if (this.#received.length < start + length) return
      const payload = this.#received.subarray(start, start + length)
      this.#received = this.#received.subarray(start + length)
      this.#onFrame(first & 0xf, payload)
    }
  }

  #onFrame(opcode: number, payload: Buffer): void {
    if (opcode === TEXT) this.onmessage?.({ data: payload.toString() })
    else if (opcode === PING) this.#up?.send(masked(PONG, payload))
    else if (opcode === CLOSE) {
      this.#closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
      if (this.readyState !== 1) return
      this.readyState = 2
      this.#up?.send(masked(CLOSE, payload.subarray(0, 2)))
      this.#world.after(CLOSING, () => this.#closed(this.#closeCode))
    }
  }

  #closed(code: number): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.#network.open.delete(this)
    // The kernel closes the connection: what was on the way may still arrive.
    this.#up?.send(null)
    this.#world.as(this.#owner, () => this.onclose?.({ code }))
  }
}
export type { ClientSocket }
