import { randomBytes, randomUUID } from 'node:crypto'
import type {
  AppOptions,
  AppUsage,
  EngineEvent,
  InboxState,
  SessionRef,
  UserRecord,
  UserRef,
} from '../engine.js'
import { EngineError } from '../errors.js'
import { unfinishedTransfer } from '../transfer.js'
import { Canaries } from './canaries.js'
import { Apps } from './apps.js'
import { assertUsable, leastDurable } from './server-check.js'
import type { RedisClient, ServerInfo } from './client/port.js'
import { Held, SHARES } from './held.js'
import { Inboxes } from './inboxes.js'
import { Nodes } from './nodes.js'
import { Partitions } from './partitions.js'
import { Quotas } from './quotas.js'
import { Revocations } from './revocations.js'
import { Sessions } from './sessions.js'
import { Store } from './store.js'
import { Sweeper } from './sweeper.js'
import { Users } from './users.js'
import { Webhooks } from './webhooks.js'

const KEY_BYTES = 32
const NODE_ID_BYTES = 9
/** The least milliseconds between two comparisons of a user's newest offset with Redis. */
const MIN_COMPARE_INTERVAL = 1_000

export interface NodeOptions {
  client: RedisClient
  prefix: string
  clockShift: () => number
  compareInterval: number
  emit: (event: EngineEvent) => void
  onOpen: (server: ServerInfo) => void
  onError: (error: unknown) => void
}

/** An event as scripts write it. */
type WireEvent =
  | [
      'e',
      appId: string,
      userId: string,
      sessionId: string,
      code: Extract<EngineEvent, { code: unknown }>['code'],
    ]
  | ['r', appId: string, userId: string, sessionId: string, connectionId: string]
  | ['a', appId: string, userId: string, sessionId: string]
  | ['u', appId: string, userId: string, user: string]
  | ['m', appId: string, userId: string, epoch: number, offset: number, json?: string]
  | ['d', appId: string, userId: string, epoch: number, offset: number, readOffset: number, unread: number]
  | ['g', partition: number]
  | ['w', appId: string, partition: number, node: string]
  | ['k', canary: string]
  | ['c', appId: string, userId: string, guests: number, inboxes: number, bytes: number]

/** An opened engine: one node of those that share a Redis. */
export class Node {
  readonly users: Users
  readonly sessions: Sessions
  readonly revocations: Revocations
  readonly inboxes: Inboxes
  readonly webhooks: Webhooks
  readonly held: Held
  readonly #store: Store
  readonly #options: NodeOptions
  readonly #apps = new Apps()
  readonly #canaries = new Canaries()
  readonly #quotas: Quotas
  readonly #nodes: Nodes
  readonly #sweeper: Sweeper
  #key = Buffer.alloc(0)
  #compareTimer: NodeJS.Timeout | undefined

  constructor(options: NodeOptions) {
    const { client, prefix, clockShift, emit, onError } = options
    this.#options = options
    const store = new Store({
      client,
      prefix,
      partitions: new Partitions(),
      nodeId: randomBytes(NODE_ID_BYTES).toString('base64url'),
      clockShift,
      onEvents: (events) => events.forEach((event) => this.#receive(event)),
      webhooksOf: (appId) => this.#apps.webhooksOf(appId),
    })
    this.#store = store
    this.#quotas = new Quotas(store)
    this.users = new Users(store, this.#quotas)
    this.revocations = new Revocations(store)
    this.inboxes = new Inboxes(store, this.#quotas, (...args) => this.held.noteCopy(...args))
    this.webhooks = new Webhooks(store, emit)
    this.held = new Held({ store, emit, onError, messagesAfter: (...args) => this.inboxes.after(...args) })
    this.#nodes = new Nodes({
      store,
      onError,
      onLost: () => this.#onLost(),
      onBeat: () => this.sessions.settleDepartures(),
    })
    this.#sweeper = new Sweeper({
      ...{ store, apps: this.#apps, inboxes: this.inboxes, onError },
      sweeps: (partition) => this.#nodes.sweeps(partition),
    })
    this.sessions = new Sessions({
      ...{ store, held: this.held, revocations: this.revocations, sweeper: this.#sweeper },
    })
  }

  async open(): Promise<void> {
    const { client, compareInterval, onOpen, onError } = this.#options
    let servers: ServerInfo[]
    await client.open({
      onMessage: (_channel, message) => this.#receive(message, true),
      onResubscribed: () => void this.held.compare().catch(onError),
      onError,
    })
    try {
      servers = await client.info()
      assertUsable(servers, client.isCluster)
      // Before any session starts: what is published for it must arrive.
      await client.subscribe(this.#store.keys.subscribed(this.#store.nodeId))
      const { store } = { store: this.#store }
      const [key, epochs, ...apps] = await store.onPartition(store.steps.open, 0, [
        randomBytes(KEY_BYTES).toString('base64'),
        randomBytes(KEY_BYTES).toString('base64'),
      ])
      if (key === null) throw new EngineError('unavailable', unfinishedTransfer('This Redis'))
      this.#key = Buffer.from(String(key), 'base64')
      store.epochKey = String(epochs)
      for (let n = 0; n + 1 < apps.length; n += 2) this.#apps.load(String(apps[n]), String(apps[n + 1]))
      await this.#nodes.start()
    } catch (error) {
      await client.close()
      throw error
    }
    onOpen(leastDurable(servers))
    this.#sweeper.start()
    let share = 0
    const compareNext = (): void => {
      this.held.compareShare(share++ % SHARES).catch(onError)
    }
    const interval = Math.max(compareInterval, MIN_COMPARE_INTERVAL)
    this.#compareTimer = setInterval(compareNext, interval / SHARES).unref()
  }

  /** Holds the sessions of this node, and disconnects. */
  async close(): Promise<void> {
    clearInterval(this.#compareTimer)
    this.webhooks.stop()
    try {
      await this.#sweeper.stop()
      await this.#nodes.leave()
    } catch (error) {
      // Without Redis the node's lease ends, and other nodes hold its sessions.
      this.#options.onError(error)
    }
    this.held.clear()
    await this.#options.client.close()
  }

  key(): Uint8Array {
    return new Uint8Array(this.#key)
  }

  /** Rejects unless Redis stores a value, and what it publishes for this node arrives: without that, messages come late. */
  async check(): Promise<void> {
    const canary = randomUUID()
    const arrival = this.#canaries.expect(canary)
    try {
      const [isRead] = await this.#store.onPartition(this.#store.steps.check, 0, [canary])
      if (isRead !== 1) throw new EngineError('unavailable', 'Redis returned another value than was written.')
      await arrival
    } finally {
      this.#canaries.forget(canary)
    }
  }

  async configure(appId: string, options: AppOptions): Promise<void> {
    const isOtherAge = this.#apps.retain(appId, options.retention)
    this.#apps.set(appId, options)
    await this.#store.onApp(this.#store.steps.configure, 0, appId, [JSON.stringify(options)])
    if (isOtherAge) this.#sweeper.searchInboxes(appId)
    if (options.webhooks) await this.webhooks.resume(appId, this.#nodes.isAlone)
  }

  /** Sets the app's retention as a message's rules have it. */
  retain(appId: string, retention: AppOptions['retention']): void {
    if (this.#apps.retain(appId, retention)) this.#sweeper.searchInboxes(appId)
  }

  async usage(appId: string): Promise<AppUsage> {
    const usage: AppUsage = { users: 0, guests: 0, inboxes: 0, bytes: 0, sessions: 0 }
    const names = ['users', 'guests', 'inboxes', 'bytes', 'sessions'] as const
    const all = await this.#store.onEveryPartition(this.#store.steps.readCounts, appId, [])
    for (const counts of all) names.forEach((name, n) => (usage[name] += Number(counts[n])))
    return usage
  }

  /** A node that the others counted as dead has lost its sessions: other connections may carry them now. */
  #onLost(): void {
    this.held.clear()
    this.#options.emit({ type: 'lease-lost' })
  }

  /** An event of a step of this node, or with `isPublished` one of another node. */
  #receive(json: string, isPublished = false): void {
    const { emit } = this.#options
    const event = JSON.parse(json) as WireEvent
    if (event[0] === 'k') return this.#canaries.arrive(event[1])
    if (event[0] === 'g') return this.#compare(event[1])
    const user: UserRef = { appId: event[1], userId: String(event[2]) }
    const session = (id: string): SessionRef => ({ ...user, sessionId: id })
    switch (event[0]) {
      case 'e':
        this.held.remove(session(event[3]))
        return emit({ type: 'session-ended', session: session(event[3]), code: event[4] })
      case 'r':
        // If this node carries the session anew, the result of its start says so after this.
        this.held.remove(session(event[3]))
        return emit({ type: 'connection-replaced', session: session(event[3]), connectionId: event[4] })
      case 'a':
        return emit({ type: 'reauth', session: session(event[3]) })
      case 'u':
        return emit({ type: 'user-changed', user: JSON.parse(event[3]) as UserRecord })
      case 'm':
        return this.held.receive(user, event[3], event[4], event[5])
      case 'd':
        return emit({ type: 'read', user, inbox: this.#inboxOf(user, event) })
      case 'w':
        // A node receives its own events twice: the first time with the result of the step.
        if (isPublished && event[3] === this.#store.nodeId) return
        return this.webhooks.note(event[1], event[2], 0)
      case 'c':
        return void this.#quotas.update(user, { guests: event[3], inboxes: event[4], bytes: event[5] })
    }
  }

  /** Epochs have changed: of all inboxes, or in a cluster of a partition's. */
  #compare(partition: number): void {
    const { client, onError } = this.#options
    this.held.compare(client.isCluster ? partition : undefined).catch(onError)
  }

  #inboxOf(
    of: UserRef,
    [, , , epoch, offset, readOffset, unread]: Extract<WireEvent, ['d', ...unknown[]]>,
  ): InboxState {
    return { epoch: this.#store.epochBase(of) + String(epoch), offset, readOffset, unread }
  }
}
