import type { Message } from '../../../protocol/index.js'
import type { EngineEvent, InboxPage, Position, SessionRef, UserRef } from '../../engine.js'
import { userKey } from '../../user-key.js'
import type { OwnCopyPlace } from './own-copies.js'
import type { StepRunner, UserGroup } from '../step-runner.js'
import type { SessionId } from '../wire-event.js'

/** How many messages one read returns at most. */
const PAGE = 100
/** At most this many inboxes are read at once, because after an outage perhaps all attached users have missed messages. */
const READ_AT_ONCE = 32
/** How many groups of users are compared with Redis at once. */
const GROUPS_AT_ONCE = 4
/** When a connection last answered a ping, and how many milliseconds the answer took. */
export type Seen = readonly [lastSeenAt: number, rtt: number]

/** A user who has a session on a connection of this node. */
interface AttachedUser {
  readonly of: UserRef
  /** The connection of this node that carries each session, by the session's id. */
  readonly connections: Map<string, string>
  /**
   * When each session's client last answered, by the session's id. Redis does not have this time: to store it each minute would be most of
   * what an idle session costs Redis.
   */
  readonly seen: Map<string, Seen>
  /** The number of the inbox's epoch, within which offsets are comparable, and the offset of the message that was emitted last. */
  epoch: number
  offset: number
  /** The newest offset that this node knows. The node reads the messages up to this offset, and emits them. */
  newest: number
  isReading: boolean
}

interface Starting {
  count: number
  /** The epoch and offset of the newest message that came before the session's start had a result. */
  newest: [epoch: number, offset: number] | undefined
  /**
   * The ids of sessions that ended, and of connections that no longer carry a session. `add` looks for them, because the result of a start
   * may come after the session's end.
   */
  readonly gone: Set<string>
}

export interface AttachedUsersOptions {
  runner: StepRunner
  emit: (event: EngineEvent) => void
  reads: { after: (of: UserRef, position: Position, limit: number) => Promise<InboxPage> }
  onError: (error: unknown) => void
}

const NO_CONNECTIONS: ReadonlyMap<string, string> = new Map()

/**
 * The users whose sessions are attached to this node, and the newest message that this node has emitted for each. Messages are emitted once
 * and in order. If what Redis published was lost, the node reads the messages from the inbox.
 */
export class AttachedUsers {
  readonly #options: AttachedUsersOptions
  readonly #users = new Map<string, AttachedUser>()
  readonly #starting = new Map<string, Starting>()
  /** The users whose missing messages are read next. */
  readonly #waiting: AttachedUser[] = []
  #readCount = 0

  constructor(options: AttachedUsersOptions) {
    this.#options = options
  }

  users(): UserRef[] {
    return [...this.#users.values()].map(({ of }) => of)
  }

  /** Returns the object with the user's ids that stays the same for as long as the user is attached. */
  refOf(of: UserRef): UserRef | undefined {
    return this.#users.get(userKey(of))?.of
  }

  /** Returns the users whose data are on one of these servers. */
  usersOn(servers: Pick<ReadonlySet<number>, 'has'>): UserRef[] {
    const { runner } = this.#options
    return this.users().filter((of) => servers.has(runner.serverOf(runner.partitions.of(of))))
  }

  /**
   * Called before a session of the user starts. Until the returned function is called, this class notes the user's newest message, and
   * which sessions and connections have gone.
   */
  expectStart(of: UserRef): () => void {
    const key = userKey(of)
    const starting = this.#starting.get(key) ?? { count: 0, newest: undefined, gone: new Set() }
    starting.count++
    this.#starting.set(key, starting)
    return () => {
      if (--starting.count === 0) this.#starting.delete(key)
    }
  }

  /** Whether a session of the user is starting, without a result yet. Redis may have the session before this node does. */
  isStarting(of: UserRef): boolean {
    return this.#starting.has(userKey(of))
  }

  /** Returns the connection of this node that carries each session of the user, by the session's id. */
  connectionsOf(of: UserRef): ReadonlyMap<string, string> {
    return this.#users.get(userKey(of))?.connections ?? NO_CONNECTIONS
  }

  /**
   * Notes that a connection of this node carries a session. `offset` was the newest offset of the inbox when the session started. Returns
   * false if the session or the connection was gone before the result of its start came.
   */
  add(
    { appId, userId, sessionId }: SessionRef,
    connectionId: string,
    epoch: number,
    offset: number,
  ): boolean {
    const key = userKey({ appId, userId })
    const starting = this.#starting.get(key)
    if (starting?.gone.has(sessionId) || starting?.gone.has(connectionId)) return false
    let user = this.#users.get(key)
    if (!user) {
      const maps = { connections: new Map<string, string>(), seen: new Map<string, Seen>() }
      user = { of: { appId, userId }, ...maps, epoch, offset, newest: offset, isReading: false }
      this.#users.set(key, user)
    }
    const replaced = user.connections.get(sessionId)
    user.connections.set(sessionId, connectionId)
    user.seen.delete(sessionId)
    // The reply to an earlier start, with the event about the replaced connection, was lost. So the event is emitted here.
    if (replaced !== undefined && replaced !== connectionId)
      this.#options.emit({
        type: 'connection-replaced',
        session: { appId, userId, sessionId },
        connectionId: replaced,
      })
    if (epoch !== user.epoch) this.#advance(user, epoch, offset)
    if (starting?.newest) this.#hear(user, ...starting.newest)
    return true
  }

  /** Notes that a session has ended. With `connectionId`, only notes that this connection no longer carries the session. */
  remove({ appId, userId, sessionId }: SessionRef, connectionId?: string): void {
    const key = userKey({ appId, userId })
    this.#starting.get(key)?.gone.add(connectionId ?? sessionId)
    const user = this.#users.get(key)
    if (!user || (connectionId !== undefined && user.connections.get(sessionId) !== connectionId)) return
    user.seen.delete(sessionId)
    if (user.connections.delete(sessionId) && user.connections.size === 0) this.#users.delete(key)
  }

  /** Notes that the client of a session has answered a ping on this connection. */
  touch({ appId, userId, sessionId }: SessionRef, connectionId: string, rtt: number): void {
    const user = this.#users.get(userKey({ appId, userId }))
    if (user?.connections.get(sessionId) === connectionId) user.seen.set(sessionId, [Date.now(), rtt])
  }

  /**
   * Returns when the clients of sessions last answered; null for a session whose client has not answered, or that no connection of this
   * node carries.
   */
  seen(sessions: readonly SessionId[]): (Seen | null)[] {
    return sessions.map(
      ([appId, userId, sessionId]) =>
        this.#users.get(userKey({ appId, userId }))?.seen.get(sessionId) ?? null,
    )
  }

  /** Notes that a message was stored. `json` is the message without its offset; undefined if the event does not contain the message. */
  receive(of: UserRef, epoch: number, offset: number, json: string | undefined): void {
    const key = userKey(of)
    const starting = this.#starting.get(key)
    if (starting) starting.newest = [epoch, offset]
    const user = this.#users.get(key)
    if (!user) return
    const isNext = epoch === user.epoch && offset === user.offset + 1 && !user.isReading
    if (!isNext || json === undefined) return this.#hear(user, epoch, offset)
    user.offset = user.newest = offset
    const whole = `{"offset":${offset},${json.slice(1)}`
    this.#emit(user, JSON.parse(whole) as Message, whole)
  }

  /**
   * Notes the place of a sender's own copy, before the sender learns its offset. If the inbox has a new epoch, this method reports the
   * epoch, because in the earlier epoch the offset may belong to another message.
   */
  noteOwnCopy(of: UserRef, { epoch, offset }: OwnCopyPlace): void {
    const user = this.#users.get(userKey(of))
    if (user) this.#hear(user, epoch, offset)
  }

  /**
   * Compares the epochs and newest offsets of users with Redis, because published messages may have been lost. Resolves with the servers
   * that lack messages of which this node knows. With `onError` a server that does not answer is one of them; else the promise rejects.
   */
  async compare(users: readonly UserRef[], onError?: (error: unknown) => void): Promise<Set<number>> {
    const attached = users.flatMap((of) => this.#users.get(userKey(of)) ?? [])
    const groups = this.#options.runner.userGroups(attached).values()
    const lacking = new Set<number>()
    const errors: unknown[] = []
    const compareNext = async (): Promise<void> => {
      for (const group of groups) {
        const hasAll = await this.#compareGroup(group).catch((error: unknown) => void errors.push(error))
        if (!hasAll) lacking.add(group.server)
      }
    }
    // A few groups are compared at a time, so that other calls need not wait for all. If one group fails, the others are still compared.
    await Promise.all(Array.from({ length: GROUPS_AT_ONCE }, compareNext))
    if (onError) errors.forEach(onError)
    else if (errors.length > 0) throw errors[0]
    return lacking
  }

  /**
   * Reads the missing messages again whose read has failed. Must be called after each beat that Redis has answered: if nothing else was
   * lost, no other call would find these messages.
   */
  readAgain(): void {
    for (const user of this.#users.values()) this.#advance(user, user.epoch, user.newest)
  }

  clear(): void {
    this.#users.clear()
  }

  /** Resolves with whether Redis has all messages to these users that this node knows of. */
  async #compareGroup(group: UserGroup<AttachedUser>): Promise<boolean> {
    const { runner } = this.#options
    const newest = await runner.onUsers(runner.steps.newestOffsets, ['user'], group, [group.users.length])
    let hasAll = true
    for (const [n, user] of group.users.entries()) {
      const [epoch, offset] = newest[n] ?? [0, 0]
      if (epoch < user.epoch || (epoch === user.epoch && offset < user.newest)) hasAll = false
      this.#advance(user, epoch, offset)
    }
    return hasAll
  }

  /**
   * Notes the place of a message, unless its epoch is an earlier one: a published text, or the reply to a send, may come after a reply with
   * a later epoch.
   */
  #hear(user: AttachedUser, epoch: number, offset: number): void {
    if (epoch >= user.epoch) this.#advance(user, epoch, offset)
  }

  #advance(user: AttachedUser, epoch: number, offset: number): void {
    const { runner, emit } = this.#options
    if (epoch !== user.epoch) {
      emit({ type: 'epoch-changed', user: user.of, epoch: runner.epochs.textOf(user.of, epoch) })
      // The newest message is emitted next. By its offset, a session that started in the new epoch notices whether it lacks messages.
      Object.assign(user, { epoch, offset: Math.max(offset - 1, 0), newest: offset })
    }
    user.newest = Math.max(user.newest, offset)
    if (user.newest === user.offset || user.isReading) return
    user.isReading = true
    this.#waiting.push(user)
    this.#readNext()
  }

  #readNext(): void {
    while (this.#readCount < READ_AT_ONCE) {
      const user = this.#waiting.shift()
      if (!user) return
      this.#readCount++
      this.#read(user)
        .catch(this.#options.onError)
        .finally(() => {
          user.isReading = false
          this.#readCount--
          this.#readNext()
        })
    }
  }

  /** Reads and emits the messages up to the newest one. If that fails, the next message, comparison or beat tries it again. */
  async #read(user: AttachedUser): Promise<void> {
    const { runner, reads } = this.#options
    while (user.offset < user.newest && this.#users.get(userKey(user.of)) === user) {
      const { epoch, offset } = user
      const position = { epoch: runner.epochs.textOf(user.of, epoch), offset }
      const { messages, inbox } = await reads.after(user.of, position, PAGE)
      // The messages may be those of an epoch of which this node is not told yet.
      this.#hear(user, runner.epochs.numberOf(user.of, inbox.epoch), inbox.offset)
      if (user.epoch !== epoch) continue
      for (const message of messages) {
        if (message.offset <= user.offset) continue
        user.offset = message.offset
        this.#emit(user, message)
      }
      user.newest = Math.max(user.newest, user.offset)
      // Nothing was read: retention has deleted the missing messages.
      if (user.offset === offset) user.offset = user.newest
    }
  }

  #emit({ of, epoch }: AttachedUser, message: Message, json?: string): void {
    const { runner, emit } = this.#options
    emit({ type: 'message', user: of, epoch: runner.epochs.textOf(of, epoch), message, json })
  }
}
