import type { CheckedMessage, Engine, SendResult } from '../../engine.js'

/*
 * What an engine has to answer, in the simplest words: plain lists, which are searched for each answer, without storage, concurrency or
 * time. Random calls are compared with it (`random-calls.ts`).
 */

export interface ModelMessage extends Pick<CheckedMessage, 'id' | 'from' | 'to' | 'body'> {
  offset: number
}

/** How many messages an inbox keeps. Of large messages it keeps only the newest one. */
export interface ModelRetention {
  messages: number
  isLarge: (message: Pick<ModelMessage, 'body'>) => boolean
}

export class ModelInbox {
  readonly owner: string
  messages: ModelMessage[] = []
  newest = 0
  readOffset = 0
  /** The mark of each peer, with the peer's newest message when it was set. */
  readonly #marks = new Map<string | null, { offset: number; newest: ModelMessage }>()

  constructor(owner: string) {
    this.owner = owner
  }

  /** Returns the offset of the added message. */
  add(message: Omit<ModelMessage, 'offset'>, { messages, isLarge }: ModelRetention): number {
    const large = isLarge(message) ? this.messages.findLastIndex(isLarge) : -1
    this.messages.push({ ...message, offset: ++this.newest })
    this.messages = this.messages.slice(large + 1).slice(-messages)
    return this.newest
  }

  /** Whether messages after an offset are gone, or the inbox never had the offset. */
  lacks(offset: number): boolean {
    const first = this.messages[0]?.offset ?? this.newest + 1
    return offset > this.newest || offset + 1 < first
  }

  peerOf({ from, to }: Pick<ModelMessage, 'from' | 'to'>): string | null {
    return from === this.owner ? to : from
  }

  with(peer: string | null): ModelMessage[] {
    return this.messages.filter((message) => this.peerOf(message) === peer)
  }

  markOf(peer: string | null): number {
    const mark = this.#marks.get(peer)
    return Math.max(this.readOffset, mark && this.messages.includes(mark.newest) ? mark.offset : 0)
  }

  unread(peer: string | null): number {
    const mark = this.markOf(peer)
    return this.with(peer).filter(({ offset, from }) => from !== this.owner && offset > mark).length
  }

  /** The peers, the one with the newest message first. */
  get peers(): { id: string | null; unread: number; readOffset: number; newest: number }[] {
    const ids = [...new Set(this.messages.map((message) => this.peerOf(message)))]
    return ids
      .map((id) => ({
        ...{ id, unread: this.unread(id), readOffset: this.markOf(id) },
        newest: this.with(id).at(-1)?.offset ?? 0,
      }))
      .sort((a, b) => b.newest - a.newest)
  }

  get state(): { offset: number; readOffset: number; unread: number } {
    const unread = this.peers.reduce((sum, peer) => sum + peer.unread, 0)
    return { offset: this.newest, readOffset: this.readOffset, unread }
  }

  markRead(offset: number): void {
    this.readOffset = Math.max(this.readOffset, Math.min(offset, this.newest))
  }

  /** Somebody who is no peer gets no mark. */
  markPeerRead(peer: string | null, target: number): void {
    const offset = Math.min(target, this.newest)
    const newest = this.with(peer).at(-1)
    if (newest && offset > this.markOf(peer)) this.#marks.set(peer, { offset, newest })
  }
}

export class ModelUser {
  exists = false
  name: string | undefined
  isRevoked = false
  inbox: ModelInbox

  constructor(userId: string) {
    this.inbox = new ModelInbox(userId)
  }
}

export interface ModelSession {
  sessionId: string
  readonly userId: string
  /** The connection that carries it; null if it is detached. */
  connectionId: string | null
  /** The engine of that connection, which the tests call for it. */
  engine: Engine
  keyHash: string
  /** The earlier keys that are good until a connection is confirmed: the one that the last start used, and the one that it replaced. */
  former: readonly string[]
  tokenId: string | null
  /** The numbers of the last start, detachment and hiding, in one sequence; null while it is not detached or hidden. */
  readonly number: number
  detached: number | null
  hidden: number | null
  hasEnded: boolean
}

/** What of a start matters to the model. */
export type ModelStart = Pick<ModelSession, 'userId' | 'engine' | 'keyHash' | 'tokenId'> & {
  connectionId: string
  resumes: string | undefined
  isHidden: boolean
}

export class Model {
  readonly sessions: ModelSession[] = []
  isAppRevoked = false
  readonly #users = new Map<string, ModelUser>()
  /** What each message got whose id is stored. */
  readonly #sent = new Map<
    string,
    { message: Omit<ModelMessage, 'offset'>; offset: number; ownOffset: number | null }
  >()
  #number = 0

  user(userId: string): ModelUser {
    let user = this.#users.get(userId)
    if (!user) this.#users.set(userId, (user = new ModelUser(userId)))
    return user
  }

  /** The sessions that have not ended, the oldest first. */
  alive(userId?: string): ModelSession[] {
    return this.sessions.filter(
      (session) => !session.hasEnded && (userId === undefined || session.userId === userId),
    )
  }

  /** The users who exist. */
  get existing(): string[] {
    return [...this.#users].filter(([, { exists }]) => exists).map(([userId]) => userId)
  }

  /** How many inboxes ever had a message. */
  get inboxes(): number {
    return [...this.#users.values()].filter(({ inbox }) => inbox.newest > 0).length
  }

  send(message: Omit<ModelMessage, 'offset'>, retention: ModelRetention): Partial<SendResult> {
    const { id, from, to, body } = message
    const key = JSON.stringify([from, to, id])
    const earlier = this.#sent.get(key)
    if (earlier) {
      const { offset, ownOffset } = earlier
      return earlier.message.body === body
        ? { outcome: 'repeated', offset, ownOffset }
        : { outcome: 'conflict' }
    }
    const put = (userId: string): number => {
      const user = this.user(userId)
      user.exists = true
      return user.inbox.add(message, retention)
    }
    const offset = put(to)
    const ownOffset = from === null ? null : from === to ? offset : put(from)
    this.#sent.set(key, { message, offset, ownOffset })
    return { outcome: 'stored', offset, ownOffset }
  }

  /** Starts or resumes a session. Returns it, and whether it is resumed. The engine gives a new one its id. */
  start(
    { userId, resumes, isHidden, ...start }: ModelStart,
    limit: number,
  ): [ModelSession, isResumed: boolean] {
    const number = ++this.#number
    const carried = this.alive(userId).find(
      ({ keyHash, former }) => resumes !== undefined && [keyHash, ...former].includes(resumes),
    )
    const change = { ...start, detached: null, hidden: isHidden ? (carried?.hidden ?? number) : null }
    if (carried && resumes !== undefined)
      return [Object.assign(carried, { ...change, former: [resumes, carried.keyHash] }), true]
    this.#makeRoom(userId, limit)
    const session = { ...change, sessionId: '', userId, former: [], number, hasEnded: false }
    this.sessions.push(session)
    return [session, false]
  }

  /** Ends the sessions that are detached for the longest time, then those that are hidden for the longest time, then the oldest. */
  #makeRoom(userId: string, limit: number): void {
    const rank = ({ detached, hidden, number }: ModelSession): [group: number, number: number] =>
      detached !== null ? [0, detached] : hidden !== null ? [1, hidden] : [2, number]
    const all = this.alive(userId)
    const order = all.toSorted((one, other) => {
      const [[groupA, a], [groupB, b]] = [rank(one), rank(other)]
      return groupA - groupB || a - b
    })
    for (const session of order.slice(0, Math.max(0, all.length + 1 - limit))) this.end(session)
  }

  hide(session: ModelSession, isHidden: boolean): void {
    session.hidden = isHidden ? (session.hidden ?? ++this.#number) : null
  }

  detach(session: ModelSession): void {
    session.connectionId = null
    session.detached ??= ++this.#number
  }

  end(session: ModelSession): void {
    session.hasEnded = true
    session.connectionId = null
  }

  /** Revokes the credentials of all users, or of one, and ends their sessions. */
  revoke(userId?: string): void {
    if (userId === undefined) this.isAppRevoked = true
    else this.user(userId).isRevoked = true
    for (const session of this.alive(userId)) this.end(session)
  }

  /** Deletes a user with the inbox and the stored ids. The revocation stays. */
  delete(userId: string): void {
    this.revoke(userId)
    this.#users.set(userId, Object.assign(new ModelUser(userId), { isRevoked: true }))
    for (const [key, { message }] of this.#sent)
      if (message.from === userId || message.to === userId) this.#sent.delete(key)
  }
}
