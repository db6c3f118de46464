import { randomUUID } from 'node:crypto'
import type { EndCode } from '../../../protocol/index.js'
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
import { cursorOf, inGroups, positionOf, readList } from '../lists.js'
import type { Revocations } from './revocations/revocations.js'
import { credentialArgs, factsJson, recordOf, recordsOf } from './session-record.js'
import type { StepRunner } from '../step-runner.js'
import type { Sweeper } from '../nodes/sweeper.js'
import { Touches } from './touches.js'

export interface SessionsOptions {
  runner: StepRunner
  attached: AttachedUsers
  revocations: Revocations
  sweeper: Sweeper
}

/** The sessions of users. */
export class Sessions {
  readonly #runner: StepRunner
  readonly #attached: AttachedUsers
  readonly #revocations: Revocations
  readonly #sweeper: Sweeper
  readonly #departures = new Departures()
  readonly #touches: Touches

  constructor({ runner, attached, revocations, sweeper }: SessionsOptions) {
    this.#runner = runner
    this.#attached = attached
    this.#revocations = revocations
    this.#sweeper = sweeper
    this.#touches = new Touches(runner)
  }

  async start(request: SessionRequest): Promise<StartedSession | null> {
    const { appId, userId, connectionId, keyHash, resumes, resumableFor, sessionsPerUser, hidden, guest } =
      request
    const of = { appId, userId }
    const [authMethod, token, issuedAt, json] = credentialArgs(appId, request.credential)
    const newId = randomUUID()
    const args = [
      ...[newId, connectionId, keyHash, resumes ?? '', String(resumableFor), String(sessionsPerUser)],
      ...[hidden ? '1' : '0', guest ? '1' : '0', authMethod, token, issuedAt, json, factsJson(request)],
    ]
    const finish = this.#attached.expectStart(of)
    try {
      // The token's note is written first. If a revocation does not find the note, this start finds the revocation.
      const use = await this.#revocations.useToken(of, request.credential)
      if (use === null) return null
      const [isStarted, isResumed, sessionId, row, epoch, offset] = await this.#runner
        .onUser(this.#runner.steps.startSession, of, [...args, use])
        .catch((error: unknown) => {
          if (mayHaveRun(error)) this.#abandon(request, newId, use)
          throw error
        })
      if (isStarted !== 1) return null
      const session = recordOf(of, String(sessionId), String(row))
      this.#attached.add(session, connectionId, Number(epoch), Number(offset))
      return Object.assign(session, { resumed: isResumed === 1 })
    } finally {
      finish()
    }
  }

  /** Undoes a start that may have run, though its reply was lost: nobody else would detach or end its session. */
  #abandon(request: SessionRequest, newId: string, use: string): void {
    const { appId, userId, connectionId, resumableFor, credential } = request
    const of = { appId, userId }
    const args = [connectionId, newId, String(resumableFor)]
    const abandon = async (): Promise<void> => {
      const [hasRun] = await this.#runner.onUser(this.#runner.steps.abandonSession, of, args)
      this.#sweeper.wake(this.#runner.partitions.of(of), resumableFor)
      // The step that ends a session releases its token.
      if (hasRun !== 1 && use !== '')
        await this.#revocations.releaseToken(of, JSON.stringify(credential), use)
    }
    // If the change fails, it stays pending, and a later retry makes it.
    this.#departures.run(abandon).catch(() => undefined)
  }

  async confirm(session: SessionRef, connectionId: string): Promise<void> {
    await this.#change('confirmSession', session, connectionId)
  }

  async renew(session: SessionRef, connectionId: string, credential: Credential): Promise<boolean> {
    const use = await this.#revocations.useToken(session, credential)
    if (use === null) return false
    const args = [...credentialArgs(session.appId, credential), use]
    return this.#change('renewSession', session, connectionId, ...args)
  }

  touch(session: SessionRef, connectionId: string, rtt: number): Promise<void> {
    return this.#touches.add(session, connectionId, rtt)
  }

  /** Stores the gathered touches now. */
  flushTouches(): void {
    this.#touches.flush()
  }

  async setHidden(session: SessionRef, connectionId: string, hidden: boolean): Promise<void> {
    await this.#change('hideSession', session, connectionId, hidden ? '1' : '0')
  }

  async detach(session: SessionRef, connectionId: string, resumableFor: number): Promise<void> {
    // Whatever the reply is, this connection no longer carries the session.
    this.#attached.remove(session, connectionId)
    await this.#departures.run(async () => {
      if (!(await this.#change('detachSession', session, connectionId, String(resumableFor)))) return false
      this.#sweeper.wake(this.#runner.partitions.of(session), resumableFor)
      return true
    })
  }

  end(session: SessionRef, code: EndCode, connectionId: string | undefined): Promise<boolean> {
    const end = (): Promise<boolean> => this.#change('endSession', session, code, connectionId ?? '')
    if (connectionId === undefined) return end()
    this.#attached.remove(session, connectionId)
    return this.#departures.run(end)
  }

  /** Makes again the changes of lost connections that failed because Redis was away. */
  retryDepartures(): Promise<void> {
    return this.#departures.retry()
  }

  async of(of: UserRef): Promise<SessionRecord[]> {
    return recordsOf(of, (await this.#runner.onUser(this.#runner.steps.listSessions, of, [])) as string[])
  }

  /** A page of the app's sessions, partition by partition. */
  async inApp(appId: string, after: string | null, limit: number): Promise<SessionPage> {
    const found = await readList(this.#runner, {
      ...{
        step: this.#runner.steps.listAppSessions,
        appId,
        from: positionOf(after),
        start: '0',
        limit: limit + 1,
      },
      parse: (list, partition) =>
        inGroups(list, 2).map(([member, number]) => {
          const [sessionId = '', userId = ''] = String(member).split('\0')
          return { sessionId, userId, cursor: cursorOf(partition, number) }
        }),
    })
    const page = found.slice(0, limit)
    return {
      sessions: await this.#read(appId, page),
      next: found.length > limit ? (page.at(-1)?.cursor ?? null) : null,
    }
  }

  async status(of: UserRef): Promise<UserStatus> {
    const [online, sessions, lastSeenAt, revokedBefore, unread] = await this.#runner.onUser(
      this.#runner.steps.status,
      of,
      [],
    )
    return {
      online: online === 1,
      sessions: Number(sessions),
      lastSeenAt: lastSeenAt === null ? null : Number(lastSeenAt),
      revokedBefore: revokedBefore === null ? null : Number(revokedBefore),
      unread: Number(unread),
    }
  }

  /** Reads the records of listed sessions, and leaves out those that have ended since. */
  async #read(
    appId: string,
    listed: readonly { sessionId: string; userId: string }[],
  ): Promise<SessionRecord[]> {
    const users = new Map<string, Promise<SessionRecord[]>>()
    for (const { userId } of listed) if (!users.has(userId)) users.set(userId, this.of({ appId, userId }))
    const found: SessionRecord[] = []
    for (const { sessionId, userId } of listed) {
      const session = (await users.get(userId))?.find((each) => each.sessionId === sessionId)
      if (session) found.push(session)
    }
    return found
  }

  async #change(
    step: 'confirmSession' | 'renewSession' | 'hideSession' | 'detachSession' | 'endSession',
    { appId, userId, sessionId }: SessionRef,
    ...args: string[]
  ): Promise<boolean> {
    const [result] = await this.#runner.onUser(this.#runner.steps[step], { appId, userId }, [
      sessionId,
      ...args,
    ])
    return result === 1
  }
}
