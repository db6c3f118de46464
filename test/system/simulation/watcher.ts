import { goodLine, type ClientSocket, type Network } from './network.js'
import { APP } from './site.js'
import { tokenOf } from './tab.js'
import type { Owner } from './timers.js'
import type { World } from './world.js'

const SECOND = 1_000
/** Longer than two ping intervals. */
const SILENCE = 60 * SECOND
const MONTH = 30 * 86_400

type Presence = readonly { id: string; online: boolean }[]
type Frame =
  | { type: 'presence'; users: Presence }
  | { type: 'refused'; retryAfter: number }
  | { type: 'started' | 'ping' | 'message' }

/** A client of its own that speaks the protocol, and watches users. Its line is never bad, but its gateway may be. */
export class Watcher {
  readonly owner: Owner = { name: 'the watcher', alive: true }
  /** What it shows of each user since its connection has started. */
  readonly online = new Map<string, boolean>()
  readonly #world: World
  readonly #network: Network
  readonly #users: readonly string[]
  readonly #note: (text: string) => void
  #socket: (WebSocket & Pick<ClientSocket, 'gateway'>) | undefined
  #silence: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(world: World, network: Network, users: readonly string[], note: (text: string) => void) {
    this.#world = world
    this.#network = network
    this.#users = users
    this.#note = note
    world.as(this.owner, () => this.#connect())
  }

  /** Whether it knows the presence of all users. */
  get isWatching(): boolean {
    return this.online.size === this.#users.length
  }

  /** The process of the gateway that its connection was made to. */
  get gateway(): Owner | undefined {
    return this.#socket?.gateway
  }

  end(): void {
    this.#hasEnded = true
    this.#world.as(this.owner, () => {
      clearTimeout(this.#silence)
      this.#socket?.send('{"type":"end"}')
    })
  }

  #connect(): void {
    if (this.#hasEnded) return
    const socket = new (this.#network.webSocketOf(this.owner, goodLine()))('', ['chat-session.v1'])
    this.#socket = socket as unknown as WebSocket & ClientSocket
    socket.onopen = () =>
      socket.send(JSON.stringify({ type: 'start', appId: APP, token: tokenOf('watcher', 'watcher', MONTH) }))
    socket.onmessage = ({ data }: { data: unknown }) => this.#onFrame(JSON.parse(String(data)) as Frame)
    socket.onclose = () => {
      this.online.clear()
      clearTimeout(this.#silence)
      clearTimeout(this.#retry)
      if (!this.#hasEnded) setTimeout(() => this.#connect(), SECOND)
    }
    this.#listen()
  }

  /** Closes a connection that has been silent for long. */
  #listen(): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.#socket?.close(), SILENCE)
  }

  #watch(): void {
    this.#socket?.send(JSON.stringify({ type: 'watch', users: this.#users }))
  }

  #onFrame(frame: Frame): void {
    this.#listen()
    if (frame.type === 'ping') this.#socket?.send('{"type":"pong"}')
    if (frame.type === 'started') this.#watch()
    // The gateway refuses a watch if it can't read the users.
    if (frame.type === 'refused') this.#retry = setTimeout(() => this.#watch(), frame.retryAfter)
    if (frame.type !== 'presence') return
    for (const { id, online } of frame.users) this.online.set(id, online)
    this.#note(`the watcher is told ${frame.users.map(({ id, online }) => `${id} ${online}`).join(', ')}`)
  }
}
