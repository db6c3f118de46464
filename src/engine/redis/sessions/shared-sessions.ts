import { randomUUID } from 'node:crypto'
import type { EndCode } from '../../../protocol/index.js'
import { randomDigits } from '../../../util/random-digits.js'
import type {
  Credential,
  SessionPage,
  SessionRecord,
  SessionRef,
  SessionRequest,
  StartedSession,
  UserRef,
  UserStatus,
} from '../../engine.js'
import { mayHaveRun } from '../client/failures.js'
import { Departures } from './departures.js'
import type { AttachedUsers } from '../messages/attached-users.js'
import { cursorOf, pairsOf, readPage } from '../lists.js'
import type { SharedRevocations } from './shared-revocations.js'
import { RecentSessions, type Departure } from './recent-sessions.js'
import type { SessionRow } from './session-row.js'
import { credentialArgs, recordOf, startedRow, storedSessions, type StoredSession } from './session-record.js'
import type { StepRunner } from '../step-runner.js'
import type { Returns, Takes } from '../steps.js'
import type { NodeCalls } from '../nodes/node-calls.js'
import type { Sweeper } from '../nodes/sweeper.js'

export interface SharedSessionsOptions {
  runner: StepRunner
  attached: AttachedUsers
  revocations: SharedRevocations
  sweeper: Sweeper
  calls: NodeCalls
}

/** The sessions of users. */
export class SharedSessions {
  readonly #options: SharedSessionsOptions
  readonly #runner: StepRunner
  /** What this node has last done with sessions. */
  readonly recent = new RecentSessions()
  readonly departures = new Departures()
  /** The connections of starts that are being undone. */
  readonly #abandoned = new Set<string>()

  constructor(options: SharedSessionsOptions) {
    this.#options = options
    this.#runner = options.runner
  }

  async start(request: SessionRequest): Promise<StartedSession | null> {
    const { appId, userId, connectionId, resumes, sessionsPerUser, hidden, guest, after } = request
    const of = { appId, userId }
    const [, token, issuedAt] = credentialArgs(appId, request.credential)
    const newId = randomUUID()
    const finish = this.#options.attached.expectStart(of)
    try {
      // First the token's Redis hash gets a note that a session uses the token. If a revocation comes before the note, this start finds the
      // revocation. A revocation that comes later finds the note.
      const use = await this.#useToken(request)
      if (use === null) return null
      const args = [
        newId,
        connectionId,
        resumes,
        sessionsPerUser,
        hidden,
        guest,
        token,
        issuedAt,
        request.userCreatedAt,
        startedRow(request, this.#runner.nodeId, use),
        after && this.#runner.epochs.numberOf(of, after.epoch),
        after?.offset,
      ] as const
      const reply = await this.#runner
        .onUser(this.#runner.steps.startSession, of, args, { changes: { endsAs: 'too-many-sessions' } })
        .catch((error: unknown) => {
          if (mayHaveRun(error)) this.#abandon(request, newId, use)
          // Without this deletion many notes would stay: while Redis refuses starts, for example because its memory is full, clients try
          // again and again.
          else this.#releaseLater(request, use)
          throw error
        })
      if (reply[0] === 0) return null
      const [, isResumed, sessionId, row, history, isLost, ...state] = reply
      const session = recordOf(of, sessionId, JSON.parse(row) as SessionRow)
      const inbox = this.#runner.epochs.inboxOf(of, state)
      if (this.#options.attached.add(session, connectionId, state[0], inbox.offset)) {
        const credential = { credential: request.credential, use }
        this.recent.start(session, connectionId, row, credential, history)
      }
      return Object.assign(session, { resumed: isResumed === 1, inbox, lost: isLost === 1 })
    } finally {
      finish()
    }
  }

  /** Undoes a start whose reply was lost. The start may have run, and nobody else would detach or end its session. */
  #abandon(request: SessionRequest, newId: string, use: string): void {
    const { appId, userId, connectionId, resumableFor } = request
    const of = { appId, userId }
    const args = [connectionId, newId, resumableFor] as const
    this.#abandoned.add(connectionId)
    const abandon = async (): Promise<void> => {
      const [hasRun] = await this.#runner.onUser(this.#runner.steps.abandonSession, of, args)
      this.#abandoned.delete(connectionId)
      this.#options.sweeper.wake(this.#runner.partitions.of(of), resumableFor)
      // If the start has run, the note is deleted when the session ends.
      if (hasRun !== 1) await this.#releaseToken(request, use)
    }
    // If Redis is away, the change stays pending, and a later retry makes it.
    this.departures.run(abandon).catch(() => undefined)
  }

  /** Does what `SharedRevocations.useToken` does, with a new note. If the reply was lost, deletes the note, which is perhaps there. */
  async #useToken({
    appId,
    userId,
    credential,
  }: UserRef & { credential: Credential }): Promise<string | null> {
    const of = { appId, userId, credential }
    const use = randomDigits()
    try {
      return await this.#options.revocations.useToken(of, credential, use)
    } catch (error) {
      if (mayHaveRun(error)) this.#releaseLater(of, use)
      throw error
    }
  }

  /** Deletes the note as soon as Redis lets it. */
  #releaseLater(of: UserRef & { credential: Credential }, use: string): void {
    this.departures.run(() => this.#releaseToken(of, use)).catch(() => undefined)
  }

  /** Deletes the note that a session uses a token, because its start or its renewal has not run. */
  async #releaseToken(
    { appId, userId, credential }: UserRef & { credential: Credential },
    use: string,
  ): Promise<void> {
    if (use !== '')
      await this.#options.revocations.releaseToken({ appId, userId }, JSON.stringify(credential), use)
  }

  async confirm(session: SessionRef, connectionId: string): Promise<void> {
    await this.#change(session, connectionId, 'confirm')
  }

  async renew(session: SessionRef, connectionId: string, credential: Credential): Promise<boolean> {
    const use = await this.#useToken({ ...session, credential })
    if (use === null) return false
    const { appId, userId, sessionId } = session
    const args = credentialArgs(appId, credential)
    const { renewSession } = this.#runner.steps
    const [isGood] = await this.#runner
      .onUser(renewSession, { appId, userId }, [sessionId, connectionId, ...args, use])
      .catch((error: unknown) => {
        if (!mayHaveRun(error)) this.#releaseLater({ ...session, credential }, use)
        throw error
      })
    if (isGood === 0) return false
    const [authMethod, token, issuedAt, json] = args
    const change = {
      authMethod,
      token: token ?? undefined,
      issuedAt: issuedAt ?? undefined,
      credential: json,
      tokenUse: use || undefined,
    }
    this.recent.change(session, connectionId, change, { credential, use })
    return true
  }

  async setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void> {
    await this.#change(session, connectionId, hidden ? 'hide' : 'show')
  }

  async detach(session: SessionRef, connectionId: string, resumableFor: number): Promise<void> {
    await this.#leave(session, connectionId, { detachedFor: resumableFor })
  }

  async end(session: SessionRef, code: EndCode, connectionId: string | undefined): Promise<boolean> {
    if (connectionId !== undefined) return this.#leave(session, connectionId, { code })
    const [hasEnded, history] = await this.depart(session, undefined, { code })
    if (hasEnded === 1) this.recent.depart(session, undefined, { code })(history)
    return hasEnded === 1
  }

  /** Notes that a session leaves its connection, and stores it as soon as Redis lets it. */
  #leave(session: SessionRef, connectionId: string, departure: Departure): Promise<boolean> {
    // Even if the call fails, this connection no longer carries the session.
    this.#options.attached.remove(session, connectionId)
    const stored = this.recent.depart(session, connectionId, departure)
    return this.departures.run(async () => {
      const [hasLeft, history] = await this.depart(session, connectionId, departure)
      stored(history)
      return hasLeft === 1
    })
  }

  /**
   * Stores that a session leaves its connection; without `connectionId`, whichever connection carries it. `isRepeated` says that a recovery
   * does so again. Returns whether the connection carried it, and the number of the server's history in which Redis has stored this.
   */
  async depart(
    session: SessionRef,
    connectionId: string | undefined,
    departure: Departure,
    isRepeated = false,
  ): Promise<[hasLeft: 0 | 1, history: number]> {
    const { appId, userId, sessionId } = session
    if ('code' in departure) {
      const { code } = departure
      const args = [sessionId, code, connectionId, isRepeated] as const
      const options = { changes: { endsAs: code } }
      return this.#runner.onUser(this.#runner.steps.endSession, { appId, userId }, args, options)
    }
    const { detachedFor } = departure
    const reply = await this.#change(session, connectionId ?? '', 'detach', detachedFor)
    if (reply[0] === 1 && detachedFor !== undefined)
      this.#options.sweeper.wake(this.#runner.partitions.of(session), detachedFor)
    return reply
  }

  /** Whether this node has noted that the session left the connection. Then another call of this node detaches or ends the session. */
  hasDeparted(sessionId: string, connectionId: string): boolean {
    return this.#abandoned.has(connectionId) || this.recent.hasDeparted(sessionId, connectionId)
  }

  async of(of: UserRef): Promise<SessionRecord[]> {
    return this.#withSeen(await this.#stored(of))
  }

  /** Returns a page of the app's sessions, partition by partition. */
  async inApp(appId: string, after: string | null, limit: number): Promise<SessionPage> {
    const { page, next } = await readPage(this.#runner, after, {
      limit,
      read: (partitions, from, most) =>
        this.#runner.inPartitions(this.#runner.steps.listAppSessions, partitions, appId, [from, most]),
      parse: (list, partition) =>
        pairsOf(list).map(([member, number]) => {
          const [sessionId = '', userId = ''] = member.split('\0')
          return { sessionId, userId, cursor: cursorOf(partition, number) }
        }),
    })
    return { sessions: await this.#read(appId, page), next }
  }

  async status(of: UserRef): Promise<UserStatus> {
    const [online, sessions, lastSeenAt, revokedBefore, unread] = await this.#runner.onUser(
      this.#runner.steps.status,
      of,
      [],
    )
    return { online: online === 1, sessions, lastSeenAt, revokedBefore, unread }
  }

  /** Reads the records of listed sessions, and leaves out those that have ended since. */
  async #read(
    appId: string,
    listed: readonly { sessionId: string; userId: string }[],
  ): Promise<SessionRecord[]> {
    const userIds = [...new Set(listed.map(({ userId }) => userId))]
    const users = new Map(
      await Promise.all(
        userIds.map(async (userId) => [userId, await this.#stored({ appId, userId })] as const),
      ),
    )
    const found = listed.flatMap(
      ({ sessionId, userId }) =>
        users.get(userId)?.find(({ record }) => record.sessionId === sessionId) ?? [],
    )
    return this.#withSeen(found)
  }

  async #stored(of: UserRef): Promise<StoredSession[]> {
    return storedSessions(of, await this.#runner.onUser(this.#runner.steps.listSessions, of, []))
  }

  /**
   * Adds the time at which each connection last answered a ping, and the time that the ping took. Only the node of a connection knows them.
   * If the node does not answer, the records keep the stored times.
   */
  async #withSeen(stored: readonly StoredSession[]): Promise<SessionRecord[]> {
    const byNode = new Map<string, SessionRecord[]>()
    for (const { record, nodeId } of stored) {
      if (nodeId === undefined) continue
      byNode.set(nodeId, [...(byNode.get(nodeId) ?? []), record])
    }
    await Promise.all(
      [...byNode].map(async ([nodeId, records]) => {
        const ids = records.map(({ appId, userId, sessionId }) => [appId, userId, sessionId] as const)
        const { attached, calls } = this.#options
        const isOwn = nodeId === this.#runner.nodeId
        const seen = isOwn ? attached.seen(ids) : await calls.askSeen(nodeId, ids).catch(() => null)
        records.forEach((record, n) => {
          const [lastSeenAt, rtt] = seen?.[n] ?? []
          if (lastSeenAt === undefined || rtt === undefined) return
          Object.assign(record, { rtt, lastSeenAt: Math.max(record.lastSeenAt, lastSeenAt) })
        })
      }),
    )
    return stored.map(({ record }) => record)
  }

  #change(
    { appId, userId, sessionId }: SessionRef,
    connectionId: string,
    change: Takes<'changeSession'>[2],
    resumableFor?: number,
  ): Promise<Returns<'changeSession'>> {
    const args = [sessionId, connectionId, change, resumableFor] as const
    return this.#runner.onUser(this.#runner.steps.changeSession, { appId, userId }, args)
  }
}
