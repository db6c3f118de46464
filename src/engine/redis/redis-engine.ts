import type { EndCode, Message } from '../../protocol/index.js'
import type {
  Admission,
  AdmissionRefusal,
  Adoption,
  AdoptionRequest,
  AppOptions,
  AppUsage,
  Credential,
  DeliveryOutcome,
  Engine,
  EngineEvent,
  Exchange,
  InboxRange,
  InboxState,
  MessagePage,
  CheckedMessage,
  PeerMessages,
  PeerPage,
  PeerState,
  PendingEvent,
  PendingEventPage,
  PushDevice,
  PushOutcome,
  PushSubscriptionData,
  Position,
  Revocation,
  SavedUser,
  SendResult,
  SendRules,
  SessionPage,
  SessionRecord,
  SessionRef,
  SessionRequest,
  Signal,
  StartedSession,
  UnreadSenders,
  UserChange,
  UserPresence,
  UserRecord,
  UserRef,
  UserStatus,
} from '../engine.js'
import { EngineError } from '../errors.js'
import { createNodeName } from '../util/node-name.js'
import { Listeners } from '../listeners.js'
import { PendingCalls } from '../../util/pending-calls.js'
import type { RedisClient, ServerInfo } from './client/port.js'
import { createRedisClient, type RedisClientOptions } from './client/index.js'
import { OpenedEngine } from './opened-engine.js'

interface CommonOptions {
  /** The beginning of the names of all keys. @default 'chat-session:' */
  prefix?: string | undefined
  /**
   * The interval, in milliseconds, at which the engine asks each server how much the server has published. The answers show whether
   * anything that was published was lost. Within this interval the engine also renews each watch of a user's presence. At least 1,000.
   * @default 15000
   */
  compareInterval?: number | undefined
  /**
   * Called with errors that reject no call: of a listener that threw, of a background job, and of a lost connection.
   * @default a warning of the process
   */
  onError?: ((error: unknown) => void) | undefined
  /** Called when the engine has opened, with what its server says about itself; in a cluster, with what the least durable server says. */
  onOpen?: ((server: ServerInfo) => void) | undefined
}

export interface RedisEngineOptions extends CommonOptions {
  /** One server, the master that Sentinels name, or a cluster. */
  server: RedisClientOptions
}

export interface SharedEngineOptions extends CommonOptions {
  /** Makes a client for each opening of the engine. */
  client: () => RedisClient
  /** Milliseconds that are added to the time of Redis: for tests. */
  clockShift?: (() => number) | undefined
  /**
   * The number of partitions: a power of two. For tests: on a cluster an engine makes one call for each partition when it opens, so few
   * partitions save time. All engines of a Redis need the same number.
   */
  partitionCount?: number | undefined
}

const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error))

interface Opening {
  readonly node: OpenedEngine
  /** A close waits for these calls. */
  readonly calls: PendingCalls
  readonly ready: Promise<OpenedEngine>
  opened: OpenedEngine | undefined
}

/** An engine whose data are in a Redis that other engines may share. */
export class RedisEngine implements Engine {
  readonly #node = createNodeName()
  readonly #options: SharedEngineOptions
  readonly #onError: (error: unknown) => void
  readonly #listeners: Listeners
  #opening: Opening | undefined
  #closing: Promise<void> = Promise.resolve()
  #answer: ((question: string) => Promise<string>) | undefined

  constructor(options: SharedEngineOptions) {
    this.#options = options
    const { onError = warn } = options
    this.#onError = (error) => queueMicrotask(() => onError(error))
    this.#listeners = new Listeners(this.#onError)
  }

  async open(): Promise<void> {
    const opening = (this.#opening ??= this.#open())
    try {
      await opening.ready
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined
      throw error
    }
  }

  close(): Promise<void> {
    const opening = this.#opening
    if (opening) {
      this.#opening = undefined
      this.#closing = opening.ready.then(
        async (node) => {
          // This ends the calls that wait for the answers of other gateways.
          node.calls.close()
          await opening.calls.idle()
          await node.close()
        },
        () => undefined,
      )
    }
    return this.#closing
  }

  key(): Promise<Uint8Array> {
    return this.#use((node) => Promise.resolve(node.key()))
  }

  user(of: UserRef): Promise<UserRecord | null> {
    return this.#use(({ users }) => users.get(of))
  }

  saveUser(of: UserRef, change: UserChange): Promise<SavedUser> {
    return this.#use(({ users }) => users.save(of, change, this.#emitChange))
  }

  changeUser(of: UserRef, change: UserChange): Promise<SavedUser | null> {
    return this.#use(({ users }) => users.change(of, change, this.#emitChange))
  }

  admitUser(
    { appId, userId }: UserRef,
    change: UserChange,
    admission: Admission,
  ): Promise<SavedUser | AdmissionRefusal> {
    const of = { appId, userId }
    return this.#use(async ({ users, revocations }) =>
      (await revocations.isRevoked(of, admission.credential))
        ? 'revoked'
        : users.admit(of, change, admission, this.#emitChange),
    )
  }

  startSession(request: SessionRequest): Promise<StartedSession | null> {
    return this.#use(({ sessions }) => sessions.start(request))
  }

  isRevoked(of: UserRef, credential: Credential): Promise<boolean> {
    return this.#use(({ revocations }) => revocations.isRevoked(of, credential))
  }

  confirmSession(session: SessionRef, connectionId: string): Promise<void> {
    return this.#use(({ sessions }) => sessions.confirm(session, connectionId))
  }

  renewSession(session: SessionRef, connectionId: string, credential: Credential): Promise<boolean> {
    return this.#use(({ sessions }) => sessions.renew(session, connectionId, credential))
  }

  touchSession(session: SessionRef, connectionId: string, { rtt }: { rtt: number }): Promise<void> {
    return this.#use(({ attached }) => Promise.resolve(attached.touch(session, connectionId, rtt)))
  }

  setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void> {
    return this.#use(({ sessions }) => sessions.setHidden(session, connectionId, hidden))
  }

  detachSession(session: SessionRef, connectionId: string, resumableFor: number): Promise<void> {
    return this.#use(({ sessions }) => sessions.detach(session, connectionId, resumableFor))
  }

  sessions(of: UserRef): Promise<SessionRecord[]> {
    return this.#use(({ sessions }) => sessions.of(of))
  }

  endSession(session: SessionRef, code: EndCode, connectionId?: string): Promise<boolean> {
    return this.#use(({ sessions }) => sessions.end(session, code, connectionId))
  }

  appSessions(appId: string, after: string | null, limit: number): Promise<SessionPage> {
    return this.#use(({ sessions }) => sessions.inApp(appId, after, limit))
  }

  revokeUser(of: UserRef, revocation: Revocation): Promise<number> {
    return this.#use(({ revocations }) => revocations.revokeUser(of, revocation))
  }

  revokeApp(appId: string, revocation: Revocation): Promise<number> {
    return this.#use(({ revocations }) => revocations.revokeApp(appId, revocation))
  }

  revokeToken(appId: string, tokenId: string): Promise<void> {
    return this.#use(({ revocations }) => revocations.revokeToken(appId, tokenId))
  }

  liftRevocation(of: UserRef): Promise<boolean> {
    return this.#use(async ({ pushes, revocations }) => {
      // `devices` removes the devices whose credentials are revoked. Otherwise messages would be pushed to them after the lift.
      await pushes.devices(of)
      return revocations.lift(of)
    })
  }

  status(of: UserRef): Promise<UserStatus> {
    return this.#use(({ sessions }) => sessions.status(of))
  }

  users(appId: string, after: string | null, limit: number): Promise<UserRecord[]> {
    return this.#use(({ users }) => users.after(appId, after, limit))
  }

  deleteUser({ appId, userId }: UserRef): Promise<boolean> {
    const of = { appId, userId }
    return this.#use(async (node) => {
      const { revocations, users } = node
      // The end of the last session deletes a guest without messages. Then `users.delete` finds no user, although there was one.
      const wasThere = (await users.get(of)) !== null
      await revocations.revokeUser(of, { issuedBefore: null, mode: 'end' })
      await node.stopMove(of)
      return (await users.delete(of)) || wasThere
    })
  }

  usage(appId: string): Promise<AppUsage> {
    return this.#use((node) => node.usage(appId))
  }

  check(): Promise<void> {
    return this.#use((node) => node.check())
  }

  configure(appId: string, options: AppOptions): Promise<void> {
    return this.#use((node) => node.configure(appId, options))
  }

  takeDueEvents(appId: string, limit: number, leaseFor: number): Promise<PendingEvent[]> {
    return this.#use(({ webhooks }) => webhooks.take(appId, limit, leaseFor))
  }

  endDelivery(appId: string, userId: string, eventId: string, outcome: DeliveryOutcome): Promise<void> {
    return this.#use(({ webhooks }) => webhooks.endDelivery({ appId, userId }, eventId, outcome))
  }

  pendingEvents(appId: string, after: string | null, limit: number): Promise<PendingEventPage> {
    return this.#use(({ webhooks }) => webhooks.list(appId, after, limit))
  }

  replayEvent(appId: string, userId: string, eventId: string): Promise<boolean> {
    return this.#use(({ webhooks }) => webhooks.replay({ appId, userId }, eventId))
  }

  pendingSummary(appId: string): Promise<{ pending: number; oldestAt: number | null }> {
    return this.#use(({ webhooks }) => webhooks.summary(appId))
  }

  send(message: CheckedMessage, rules: SendRules): Promise<SendResult> {
    return this.#use((node) => {
      node.retain(message.appId, rules.retention)
      return node.inboxes.send(message, rules)
    })
  }

  inbox(of: UserRef): Promise<InboxState> {
    return this.#use(({ inboxes }) => inboxes.state(of))
  }

  messagesAfter(of: UserRef, position: Position, limit: number): Promise<MessagePage> {
    return this.#use(({ inboxes }) => inboxes.after(of, position, limit))
  }

  messagesBefore(
    of: UserRef,
    before: { epoch: string; offset: number | null },
    limit: number,
  ): Promise<Message[] | null> {
    return this.#use(({ inboxes }) => inboxes.before(of, before, limit))
  }

  signal(to: UserRef, signal: Signal): Promise<void> {
    return this.#use((node) => node.signal(to, signal))
  }

  watch(users: readonly UserRef[]): Promise<UserPresence[]> {
    return this.#use(({ watches }) => watches.watch(users))
  }

  unwatch(users: readonly UserRef[]): void {
    this.#opening?.node.watches.unwatch(users)
  }

  adoptGuest(request: AdoptionRequest): Promise<Adoption | null> {
    return this.#use((opened) => opened.adopt(request))
  }

  markRead(of: UserRef, position: Position): Promise<InboxState | null> {
    return this.#use(({ inboxes }) => inboxes.markRead(of, position))
  }

  exchanges(of: UserRef, peers: readonly (string | null)[]): Promise<Exchange[]> {
    return this.#use((node) => node.peers.exchanges(of, peers))
  }

  peers(of: UserRef, before: Position | null, limit: number): Promise<PeerPage | null> {
    return this.#use((node) => node.peers.page(of, before, limit))
  }

  messagesWith(
    of: UserRef,
    peer: string | null,
    range: InboxRange,
    limit: number,
  ): Promise<PeerMessages | null> {
    return this.#use((node) => node.peers.messages(of, peer, range, limit))
  }

  markPeerRead(
    of: UserRef,
    peer: string | null,
    position: Position,
  ): Promise<{ inbox: InboxState; peer: PeerState } | null> {
    return this.#use((node) => node.peers.markRead(of, peer, position))
  }

  savePushDevice(of: UserRef, subscription: PushSubscriptionData, credential: Credential): Promise<boolean> {
    return this.#use(({ pushes }) => pushes.save(of, subscription, credential))
  }

  endPushDevice(of: UserRef, id: string): Promise<boolean> {
    return this.#use(({ pushes }) => pushes.end(of, id))
  }

  pushDevices(of: UserRef): Promise<PushDevice[]> {
    return this.#use(({ pushes }) => pushes.devices(of))
  }

  unreadSenders(of: UserRef, after: number, limit: number): Promise<UnreadSenders> {
    return this.#use(({ pushes }) => pushes.unreadSenders(of, after, limit))
  }

  seenOnPage(of: UserRef, offset: number): Promise<void> {
    return this.#use(({ pushes }) => pushes.seen(of, offset))
  }

  endPushes(
    of: UserRef,
    outcomes: readonly PushOutcome[],
    through: number,
    dueIn: number | null,
  ): Promise<void> {
    return this.#use(({ pushes }) => pushes.endPushes(of, outcomes, through, dueIn))
  }

  listen(listener: (event: EngineEvent) => void, signal: AbortSignal): void {
    this.#listeners.add(listener, signal)
  }

  node(): string {
    return this.#node
  }

  askNode(node: string, question: string): Promise<string | null> {
    return this.#use(({ calls }) => calls.ask(node, question))
  }

  answerNodes(answer: (question: string) => Promise<string>, signal: AbortSignal): void {
    this.#answer = answer
    signal.addEventListener('abort', () => (this.#answer = undefined), { once: true })
  }

  #open(): Opening {
    const { client, prefix = 'chat-session:', clockShift = () => 0 } = this.#options
    const { compareInterval = 15_000, partitionCount, onOpen = () => undefined } = this.#options
    const node = new OpenedEngine({
      ...{
        client: client(),
        prefix,
        clockShift,
        compareInterval,
        partitionCount,
        onOpen,
        onError: this.#onError,
      },
      name: this.#node,
      answer: (question) =>
        this.#answer?.(question) ??
        Promise.reject(new EngineError('unavailable', 'This gateway answers no others.')),
      emit: (event) => this.#listeners.emit(event),
    })
    const openAfterClose = async (): Promise<OpenedEngine> => {
      await this.#closing
      await node.open()
      opening.opened = node
      return node
    }
    const opening: Opening = {
      node,
      // Each opening has calls of its own: those of the next opening wait until this one is closed.
      calls: new PendingCalls(),
      ready: openAfterClose(),
      opened: undefined,
    }
    return opening
  }

  readonly #emitChange = (user: UserRecord): void =>
    this.#listeners.emit({ type: 'user-changed', user: structuredClone(user) })

  /** Runs `work` synchronously if the engine is open, so that calls take effect in their order. */
  #use<T>(work: (node: OpenedEngine) => Promise<T>): Promise<T> {
    const opening = this.#opening
    if (!opening)
      return Promise.reject(new EngineError('unavailable', 'The engine is not open: call open() first.'))
    const call = opening.opened ? work(opening.opened) : opening.ready.then(work)
    opening.calls.add(call)
    return call
  }
}

/**
 * Makes an engine that keeps its data in a Redis, for several gateways that work as one. Each gateway makes such an engine with the same
 * server and prefix. How durable data are depends on the server's `appendfsync`. The engine needs the package ioredis.
 *
 * @example
 *     const engine = createRedisEngine({ server: { type: 'single', url: 'redis://127.0.0.1:6379' } })
 *     await engine.open()
 */
export const createRedisEngine = ({ server, ...options }: RedisEngineOptions): Engine =>
  new RedisEngine({ ...options, client: () => createRedisClient(server) })
