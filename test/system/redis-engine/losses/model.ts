// What Redis must have after the calls of a simulation, whichever requests and replies were lost.

export interface ModelSession {
  readonly sessionId: string
  readonly userId: string
  /** The node whose connection carries it; undefined if it is detached. */
  node: number | undefined
  connectionId: string
  /** The newest offset of the user's inbox when the connection came. Only later messages are emitted for it. */
  newestAtStart: number
  keyHash: string
  tokenId: string | null
  hidden: boolean
  hasEnded: boolean
  /** The nodes that carried it when it ended or moved, which must be told. */
  readonly toldAt: Set<number>
}

export interface ModelMessage {
  readonly id: string
  readonly from: string | null
}

export class ModelUser {
  exists = false
  name: string | undefined
  inbox: ModelMessage[] = []
  readOffset = 0
  /** Up to which offset the messages of the app's backend are read, by a mark of their own. */
  backendMark = 0
  isRevoked = false

  readonly userId: string

  constructor(userId: string) {
    this.userId = userId
  }

  get unread(): number {
    const markOf = (from: string | null): number =>
      Math.max(this.readOffset, from === null ? this.backendMark : 0)
    return this.inbox.filter(({ from }, index) => from !== this.userId && index >= markOf(from)).length
  }
}

export class Model {
  readonly users = new Map<string, ModelUser>()
  readonly sessions: ModelSession[] = []
  isAppRevoked = false

  user(userId: string): ModelUser {
    let user = this.users.get(userId)
    if (!user) this.users.set(userId, (user = new ModelUser(userId)))
    return user
  }

  alive(userId?: string): ModelSession[] {
    return this.sessions.filter(
      (session) => !session.hasEnded && (userId === undefined || session.userId === userId),
    )
  }

  /** Ends a session. Its node is told, unless that node itself has ended it with its connection. */
  end(session: ModelSession, by?: number): void {
    session.hasEnded = true
    if (session.node !== undefined && session.node !== by) session.toldAt.add(session.node)
    session.node = undefined
  }

  /** Deletes a user with the sessions and the inbox. */
  delete(userId: string): void {
    for (const session of this.alive(userId)) this.end(session)
    const user = this.user(userId)
    Object.assign(user, {
      exists: false,
      name: undefined,
      inbox: [],
      readOffset: 0,
      backendMark: 0,
      isRevoked: true,
    })
  }
}
