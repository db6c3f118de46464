import type { ActivityLog } from '../activity-log.js'
import { request } from '../backend.js'
import type { Choice } from '../settings.js'

interface LinkFaults {
  /** Milliseconds that every byte is delayed, in each direction. */
  delay?: number
  /** Milliseconds for which connections fail. */
  down?: number
  /** Whether WebSockets are refused. */
  noWebSocket?: boolean
}

/** The conditions of a link. */
export const conditions = {
  up: { label: 'Online', hint: 'A real link to the gateway, to cut or slow.' },
  slow: { label: 'Slow', hint: 'Everything takes a second longer, each way.', delay: 1_000 },
  streams: { label: 'Stream', hint: 'No WebSocket, as behind a proxy that refuses them.', noWebSocket: true },
  outage: { label: 'Away 5 s', hint: 'Connections fail for five seconds.', down: 5_000 },
  down: { label: 'Offline', hint: 'Connections fail until it is online again.', down: 3_600_000 },
} as const satisfies Record<string, Choice & LinkFaults>
type Condition = keyof typeof conditions

/** One session's link to the gateway through the fault proxy of `chat-session dev`. */
export class NetworkLink {
  readonly name: string = crypto.getRandomValues(new BigUint64Array(2)).join('-')
  readonly #path = `/dev/links/${this.name}`
  condition: Condition = 'up'
  readonly #log: ActivityLog
  readonly #changed: () => void
  #recovery: ReturnType<typeof setTimeout> | undefined

  constructor(log: ActivityLog, changed: () => void) {
    this.#log = log
    this.#changed = changed
  }

  /** The endpoint of a session that uses this link. */
  get endpoint(): string {
    return location.origin + this.#path
  }

  async set(condition: Condition): Promise<void> {
    const { delay = 0, down = 0, noWebSocket = false }: Choice & LinkFaults = conditions[condition]
    this.#log.add('you', 'changed the network', condition)
    clearTimeout(this.#recovery)
    await request(`${this.#path}?delay=${delay}&down=${down}&noWebSocket=${noWebSocket}`, 'POST')
    if (condition === 'outage') this.#recovery = setTimeout(() => this.#become('up'), down)
    this.#become(condition)
  }

  /** Breaks every connection; the next one may open at once. */
  async cut(): Promise<void> {
    this.#log.add('you', 'cut the connection')
    await request(`${this.#path}/cut`, 'POST')
  }

  #become(condition: Condition): void {
    this.condition = condition
    this.#changed()
  }
}
