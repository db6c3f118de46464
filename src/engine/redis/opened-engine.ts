import { randomBytes } from 'node:crypto'
import type {
  Adoption,
  AdoptionRequest,
  AppOptions,
  AppUsage,
  EngineEvent,
  LeaseLost,
  PushDevice,
  Signal,
  UserRecord,
  UserRef,
  WebhookOptions,
} from '../engine.js'
import { EngineError } from '../errors.js'
import { unfinishedTransfer } from '../transfer.js'
import { Apps } from './apps.js'
import { epochsText, otherFormat } from './format.js'
import { assertUsable, leastDurable } from './server-check.js'
import type { RedisClient, ServerInfo } from './client/port.js'
import { AttachedUsers } from './messages/attached-users.js'
import { SharedAdoptions } from './messages/shared-adoptions.js'
import { SharedInboxes } from './messages/shared-inboxes.js'
import { SharedPeers } from './messages/shared-peers.js'
import { SharedPushes } from './push/shared-pushes.js'
import { Leases } from './nodes/leases.js'
import { NodeCalls } from './nodes/node-calls.js'
import { Partitions } from './nodes/partitions.js'
import { Publications } from './nodes/publications.js'
import { Quotas } from './quotas.js'
import { CarriedSessions } from './recovery/carried-sessions.js'
import { RecentMessages } from './messages/recent-messages.js'
import { RecentCalls } from './recovery/recent-calls.js'
import { Recovery } from './recovery/recovery.js'
import { RestoredSessions } from './recovery/restored-sessions.js'
import { Settlement } from './recovery/settlement.js'
import { UncertainCalls } from './recovery/uncertain-calls.js'
import { UserStates } from './recovery/user-states.js'
import { SharedRevocations } from './sessions/shared-revocations.js'
import { SHARES, Watches } from './sessions/watches.js'
import { SharedSessions } from './sessions/shared-sessions.js'
import { StepRunner, type UncertainCall } from './step-runner.js'
import { Sweeper } from './nodes/sweeper.js'
import { SharedUsers } from './sessions/shared-users.js'
import { UnreadSearch } from './webhooks/unread-search.js'
import { Webhooks } from './webhooks/webhooks.js'
import type { WireEvent } from './wire-event.js'

const KEY_BYTES = 32
const NODE_ID_BYTES = 9
/** The smallest interval, in milliseconds, at which the node looks for events that it may have missed. */
const MIN_COMPARE_INTERVAL = 1_000
/**
 * After how many beats of its lease a node tells again which apps are in its config. An app that no node has told of for `APP_IN_USE`
 * milliseconds counts as removed. This time is longer than a gateway takes to start again.
 */
const BEATS_PER_TOUCH = 15
const APP_IN_USE = 600_000

export interface OpenedEngineOptions {
  client: RedisClient
  prefix: string
  clockShift: () => number
  compareInterval: number
  partitionCount: number | undefined
  /** The name under which other nodes send questions to this node. */
  name: string
  /** Answers a question of another node. */
  answer: (question: string) => Promise<string>
  emit: (event: EngineEvent) => void
  onOpen: (server: ServerInfo) => void
  onError: (error: unknown) => void
}

/** An opened engine: one of the nodes that share a Redis. */
export class OpenedEngine {
  readonly users: SharedUsers
  readonly sessions: SharedSessions
  readonly revocations: SharedRevocations
  readonly inboxes: SharedInboxes
  readonly peers: SharedPeers
  readonly pushes: SharedPushes
  readonly adoptions: SharedAdoptions
  readonly webhooks: Webhooks
  readonly watches: Watches
  readonly attached: AttachedUsers
  readonly calls: NodeCalls
  readonly #runner: StepRunner
  readonly #options: OpenedEngineOptions
  readonly apps = new Apps()
  readonly #unreadSearch: UnreadSearch
  readonly #publications: Publications
  readonly #quotas: Quotas
  readonly #leases: Leases
  readonly #sweeper: Sweeper
  readonly #states: UserStates
  readonly #recentMessages: RecentMessages
  readonly #recentCalls = new RecentCalls()
  readonly #settlement: Settlement
  readonly #recovery: Recovery
  readonly #uncertain: UncertainCalls
  /**
   * The interval, in milliseconds, at which the node asks how much the servers have published. In the same time it renews each of its
   * presence watches once.
   */
  readonly #compareInterval: number
  #key = Buffer.alloc(0)
  /** Whether Redis has perhaps lost the texts that `#keepSecrets` stores. */
  #mayLackSecrets = false
  #compareTimer: NodeJS.Timeout | undefined
  #beats = 0

  constructor(options: OpenedEngineOptions) {
    const { client, prefix, clockShift, partitionCount, emit, onError, name, answer } = options
    this.#options = options
    const runner = new StepRunner({
      client,
      prefix,
      partitions: new Partitions(partitionCount),
      nodeId: randomBytes(NODE_ID_BYTES).toString('base64url'),
      clockShift,
      onEvents: (events) => events.forEach((event) => this.#receive(event)),
      onUncertain: (call) => this.#onUncertain(call),
      onRemade: (call) => this.#recentCalls.note(call),
      onUnsettled: (server) => void this.#settlement.begin(server),
      webhooksOf: (appId, partition) => this.#webhooksOf(appId, partition),
    })
    this.#runner = runner
    this.#compareInterval = Math.max(options.compareInterval, MIN_COMPARE_INTERVAL)
    this.watches = new Watches({ runner, interval: this.#compareInterval, emit })
    this.#quotas = new Quotas(runner)
    this.revocations = new SharedRevocations(runner)
    this.users = new SharedUsers(runner, this.#quotas, this.revocations)
    this.#recentMessages = new RecentMessages(runner)
    this.inboxes = new SharedInboxes({
      ...{ runner, quotas: this.#quotas, recent: this.#recentMessages, onError },
      createUser: (of) => this.users.save(of, {}),
      onOwnCopy: (...args) => this.attached.noteOwnCopy(...args),
    })
    this.peers = new SharedPeers(runner)
    this.pushes = new SharedPushes({
      runner,
      isRevoked: (of, credential) => this.revocations.isRevoked(of, credential),
    })
    this.adoptions = new SharedAdoptions({ runner, retentionOf: (appId) => this.apps.retentionOf(appId) })
    this.webhooks = new Webhooks(runner, emit, (appId) => this.apps.webhooksOf(appId) !== null)
    this.#unreadSearch = new UnreadSearch(runner)
    this.calls = new NodeCalls({
      ...{ runner, name, answer, onError },
      seen: (sessions) => this.attached.seen(sessions),
    })
    this.#publications = new Publications({
      runner,
      name,
      onMissed: () => this.#recovery.check(),
    })
    this.attached = new AttachedUsers({
      runner,
      emit,
      onError,
      messagesAfter: (...args) => this.inboxes.after(...args),
    })
    this.#leases = new Leases({
      runner,
      onError,
      onLost: (cause) => this.#onLost(cause),
      onBeat: () => this.#onBeat(),
    })
    this.#sweeper = new Sweeper({
      ...{ runner, apps: this.apps, inboxes: this.inboxes, adoptions: this.adoptions, onError },
      sweeps: (partition) => this.#leases.sweeps(partition),
      onEventsDue: (appId, partition) => this.webhooks.find(appId, partition),
    })
    this.sessions = new SharedSessions({
      ...{ runner, attached: this.attached, revocations: this.revocations, sweeper: this.#sweeper },
      calls: this.calls,
    })
    const parts = { runner, attached: this.attached }
    const carried = new CarriedSessions({ ...parts, sessions: this.sessions, emit })
    const restored = new RestoredSessions({
      ...{ runner, sessions: this.sessions, revocations: this.revocations },
    })
    this.#states = new UserStates({ ...parts, emit })
    const afterFailover = { ...parts, leases: this.#leases, calls: this.#recentCalls, restored, onError }
    this.#settlement = new Settlement({ ...afterFailover, recent: this.#recentMessages })
    this.#recovery = new Recovery({
      ...afterFailover,
      ...{ carried, states: this.#states, watches: this.watches, settlement: this.#settlement },
    })
    this.#uncertain = new UncertainCalls({
      ...{ attached: this.attached, inboxes: this.inboxes, peers: this.peers, carried },
      ...{ watches: this.watches, recovery: this.#recovery, emit, onError },
      user: (of) => this.users.get(of),
      noteWebhooks: (appId, partition) => {
        if (this.apps.webhooksOf(appId)) this.webhooks.announce(appId, partition)
      },
    })
  }

  async open(): Promise<void> {
    const { client, onOpen, onError } = this.#options
    let servers: ServerInfo[]
    await client.open({
      onMessage: (channel, message) => {
        try {
          this.#receive(JSON.parse(this.#publications.receive(channel, message)) as WireEvent)
        } catch (error) {
          // An exception here would end the process, and somebody may publish any text by hand.
          onError(error)
        }
      },
      onResubscribed: () => this.#recovery.check(),
      onError,
    })
    try {
      servers = await client.info()
      assertUsable(servers)
      // The subscription comes before any session, because the events of a session must arrive.
      await client.subscribe(this.#runner.keys.subscribed(this.#runner.nodeId, this.#options.name))
      const runner = this.#runner
      const [outcome, key, epochs] = await runner.onPartition(runner.steps.open, 0, [
        randomBytes(KEY_BYTES).toString('base64'),
        epochsText(randomBytes(KEY_BYTES).toString('base64')),
      ])
      if (outcome !== 'opened') {
        const reason = outcome === 'unfinished' ? unfinishedTransfer('This Redis') : otherFormat('This Redis')
        throw new EngineError('unavailable', reason)
      }
      await runner.keepOwnLibrary()
      this.#key = Buffer.from(key, 'base64')
      runner.epochKey = epochs
      await this.#touchApps()
      await this.#publications.open()
      const histories = await this.#recovery.open()
      // `start` begins lasting work, so every other call that must not fail comes before it.
      await this.#leases.start()
      this.#settlement.open(histories)
    } catch (error) {
      await client.close()
      throw error
    }
    onOpen(leastDurable(servers))
    this.#sweeper.start()
    let share = 0
    const compareNext = (): void => {
      if (share % SHARES === 0) this.#publications.check().catch(onError)
      this.watches.renewShare(share % SHARES).catch(onError)
      share++
    }
    this.#compareTimer = setInterval(compareNext, this.#compareInterval / SHARES).unref()
  }

  /** Detaches the sessions of this node, and disconnects. */
  async close(): Promise<void> {
    clearInterval(this.#compareTimer)
    this.webhooks.stop()
    this.#publications.close()
    try {
      await Promise.all([
        this.#recovery.stop(),
        this.#settlement.stop(),
        this.#uncertain.stop(),
        this.#unreadSearch.stop(),
      ])
      await this.#sweeper.stop()
      await this.inboxes.stop()
      // The pending ends and detachments of sessions come first. If `leave` detached a session that is to end, the session would stay
      // until it can no longer be resumed.
      await this.sessions.departures.finish().catch(this.#options.onError)
      await this.#leases.leave()
    } catch (error) {
      // If Redis can't be reached, the node's lease ends, and then other nodes detach the sessions of this node.
      this.#options.onError(error)
    }
    this.attached.clear()
    this.watches.clear()
    await this.#options.client.close()
  }

  key(): Uint8Array {
    return new Uint8Array(this.#key)
  }

  /** Called if the reply of a step was lost: the step may have run. */
  #onUncertain(call: UncertainCall): void {
    const { step } = call
    // A beat renews the node's lease. Perhaps the lost reply said that the other nodes have counted this one as dead, and the next reply
    // does not repeat that. So the node compares its sessions with those in Redis.
    if (step === this.#runner.steps.beat) this.#recovery.check()
    // Only a step with the key `due` or `own` has events that must arrive.
    else if (step.keys.includes('due') || step.keys.includes('own')) this.#uncertain.note(call)
  }

  /**
   * Checks that Redis stores a value, and that this node receives what is published to it: it asks itself a question. Rejects if one of
   * these fails. Without a working subscription messages come late.
   */
  async check(): Promise<void> {
    const [isRead] = await this.#runner.onPartition(this.#runner.steps.check, 0, [])
    if (isRead !== 1) throw new EngineError('unavailable', 'Redis returned another value than was written.')
    if (!(await this.calls.askSeen(this.#runner.nodeId, [])))
      throw new EngineError('unavailable', 'Redis publishes nothing to this gateway.')
  }

  async configure(appId: string, options: AppOptions): Promise<void> {
    this.apps.configure(appId, options)
    await this.#store(appId, options)
    if (!options.webhooks) return this.webhooks.leave(appId)
    await this.webhooks.resume(appId, this.#leases.isAlone)
    // In a cluster this call reads how many webhook events are pending, so that the app's limits apply from now on.
    await this.#quotas.others(appId, 0)
  }

  async #store(appId: string, options: AppOptions): Promise<void> {
    const unreadAfter = options.webhooks?.events.includes('message.unread')
      ? options.webhooks.unreadAfter
      : undefined
    const { steps } = this.#runner
    const args = [JSON.stringify(options), unreadAfter !== undefined] as const
    const [isUnsearched] = await this.#runner.inPartition(steps.configure, 0, { appId, userId: '' }, args)
    if (isUnsearched === 1 && unreadAfter !== undefined) this.#unreadSearch.begin(appId, unreadAfter)
    else this.#unreadSearch.end(appId)
  }

  /** Tells the other nodes which apps are in this node's config, and learns which are in theirs. */
  async #touchApps(): Promise<void> {
    const appIds = this.apps.configured().map(([appId]) => appId)
    const apps = await this.#runner.onPartition(this.#runner.steps.touchApps, 0, [APP_IN_USE, ...appIds])
    const [others, removed] = [new Map<string, AppOptions>(), new Set<string>()]
    for (const [id, options, isInUse] of apps)
      if (isInUse === 1) others.set(id, JSON.parse(options) as AppOptions)
      else removed.add(id)
    this.apps.setOthers(others, removed)
  }

  /** Publishes a signal to the nodes that carry sessions of the user. If the reply is lost, the signal may be lost too. */
  async signal(to: UserRef, signal: Signal): Promise<void> {
    await this.#runner.onUser(this.#runner.steps.signal, to, [JSON.stringify(signal)])
  }

  /** Lets a user adopt a guest. Moves the first of the guest's messages to the user; the sweeper moves the others. */
  async adopt(request: AdoptionRequest): Promise<Adoption | null> {
    const { appId, guestId: userId, proof, retention } = request
    this.apps.retain(appId, retention)
    if (proof && (await this.revocations.isRevoked({ appId, userId }, proof.credential))) return null
    const adoption = await this.adoptions.adopt(request)
    if (adoption) await this.adoptions.move({ appId, userId }).catch(this.#options.onError)
    return adoption
  }

  async usage(appId: string): Promise<AppUsage> {
    const usage: AppUsage = { users: 0, guests: 0, inboxes: 0, bytes: 0, sessions: 0 }
    const names = ['users', 'guests', 'inboxes', 'bytes', 'sessions'] as const
    const { steps, servers } = this.#runner
    const all = await this.#runner.inPartitions(steps.readCounts, servers, appId, names)
    for (const counts of all) names.forEach((name, n) => (usage[name] += Number(counts[n])))
    return usage
  }

  async #onBeat(): Promise<void> {
    this.#unreadSearch.run().catch(this.#options.onError)
    this.#recovery.run()
    this.attached.readAgain()
    this.#uncertain.run()
    this.sessions.recent.beat()
    this.#recentMessages.beat()
    this.#recentCalls.beat()
    if (this.#mayLackSecrets) await this.#keepSecrets()
    await this.sessions.departures.retry()
    if (++this.#beats % BEATS_PER_TOUCH === 0) await this.#touchApps()
  }

  /**
   * Stores the engine's key and the secret of the epochs if Redis lacks them, and the options of this node's apps. Without the secrets the
   * next node that opens would make others: then each node would refuse the tokens and the epochs of the other nodes.
   */
  async #keepSecrets(): Promise<void> {
    const secrets = [this.#key.toString('base64'), this.#runner.epochKey] as const
    await this.#runner.onPartition(this.#runner.steps.open, 0, secrets)
    for (const [appId, options] of this.apps.configured()) await this.#store(appId, options)
    this.#mayLackSecrets = false
  }

  /**
   * Called when the other nodes have counted this one as dead, or Redis has lost its data. Forgets this node's sessions: perhaps
   * connections of other nodes carry them now.
   */
  #onLost(cause: LeaseLost['cause']): void {
    this.#mayLackSecrets = true
    this.attached.clear()
    this.#options.emit({ type: 'lease-lost', cause })
  }

  #webhooksOf(appId: string, partition: number): WebhookOptions | null {
    const webhooks = this.apps.webhooksOf(appId)
    if (!webhooks?.limits) return webhooks
    const { user, app } = webhooks.limits
    return { ...webhooks, limits: { user, app: this.#quotas.eventsLeft(appId, partition, app) } }
  }

  /** Handles an event from the reply to a step of this node, or an event that a script has published. */
  #receive(event: WireEvent): void {
    const { emit } = this.#options
    switch (event.type) {
      case 'history':
        return this.#recovery.begin(event.partition)
      case 'asked':
        return void this.calls.onAsked(event)
      case 'answered':
        return this.calls.onAnswered(event)
      case 'session-ended':
        this.attached.remove(event.session)
        this.sessions.recent.end(event.session, event.code)
        return emit(event)
      case 'connection-replaced':
        this.attached.remove(event.session, event.connectionId)
        this.sessions.recent.replace(event.session, event.connectionId)
        return emit(event)
      case 'reauth':
        return emit(event)
      case 'user-changed':
        this.#states.hear(event)
        return emit({ type: event.type, user: JSON.parse(event.user) as UserRecord })
      case 'message':
        return this.attached.receive(event, event.epoch, event.offset, event.json)
      case 'read': {
        this.#states.hear(event)
        const { epoch, offset, readOffset, unread, peer } = event
        const inbox = this.#runner.inboxOf(event, [epoch, offset, readOffset, unread])
        const read = { type: event.type, user: userOf(event), inbox }
        return emit(peer ? { ...read, peer: { ...peer, id: peer.id || null } } : read)
      }
      case 'signal':
        return emit({ type: event.type, user: userOf(event), signal: JSON.parse(event.signal) as Signal })
      case 'presence':
        return this.watches.onEvent(event, event.online, event.lastSeenAt ?? null, event.at)
      case 'push-due':
        if (!this.apps.isRemoved(event.user.appId)) return emit(event)
        // If this fails, the next sweep tries again.
        return void this.pushes.cancel(event.user).catch(this.#options.onError)
      case 'devices-ended':
        // If this fails, the Redis keys that name the devices' owners stay until they expire. That does no harm.
        return void this.pushes
          .letGo(userOf(event), JSON.parse(event.devices) as PushDevice[])
          .catch(this.#options.onError)
      case 'webhooks-due':
        return this.webhooks.announce(event.appId, event.partition)
      case 'token-released':
        // If this fails, the note that a session uses the token stays until the token's Redis hash expires. That does no harm.
        return void this.revocations
          .releaseToken(event, event.credential, event.use)
          .catch(this.#options.onError)
      case 'webhook-dropped':
        this.#quotas.refresh(event.appId)
        return emit(event)
      case 'counts':
        return this.#quotas.update(event, event.changed)
    }
  }
}

const userOf = ({ appId, userId }: UserRef): UserRef => ({ appId, userId })
