import type { EndCode } from '../../../protocol/index.js'
import type { EngineEvent, UserRef } from '../../engine.js'
import type { CarriedSession } from '../calls/sessions.js'
import type { AttachedUsers } from '../messages/attached-users.js'
import type { SharedSessions } from '../sessions/shared-sessions.js'
import type { StepRunner } from '../step-runner.js'

export interface CarriedSessionsOptions {
  runner: StepRunner
  attached: AttachedUsers
  sessions: SharedSessions
  emit: (event: EngineEvent) => void
}

/**
 * Compares the sessions that connections of this node carry with those that Redis has. They differ if an event was lost, or if a failover
 * has lost a change.
 */
export class CarriedSessions {
  readonly #options: CarriedSessionsOptions

  constructor(options: CarriedSessionsOptions) {
    this.#options = options
  }

  /**
   * Compares the sessions of users, up to 200 users at a time. If Redis lacks a session of this node, emits the session's end with `code`.
   * If Redis has the session as detached, emits its end with `unavailable`. If Redis has it with another connection, emits
   * `connection-replaced`. If Redis has it with this connection and a revoked credential, emits `reauth`: perhaps that event was lost, and
   * then nobody would ask the client for another credential. If Redis has a session with a connection of this node that does not exist,
   * detaches the session.
   */
  async compare(users: readonly UserRef[], code: EndCode): Promise<void> {
    const { runner, attached } = this.#options
    for (const group of runner.userGroups(users.map((of) => ({ of })))) {
      // Only connections from before the read are compared: the read perhaps misses a session that starts meanwhile.
      const before = group.users.map(({ of }) => [...attached.connectionsOf(of)])
      const stored = await runner.onUsers(
        runner.steps.readCarried,
        ['sessions', 'user', 'revoked'],
        group,
        [],
      )
      await Promise.all(
        group.users.map(({ of }, n) => this.#compare(of, before[n] ?? [], stored[n] ?? [], code)),
      )
    }
  }

  async #compare(
    of: UserRef,
    carried: readonly (readonly [sessionId: string, connectionId: string])[],
    list: readonly CarriedSession[],
    code: EndCode,
  ): Promise<void> {
    const { attached, sessions, emit } = this.#options
    const stored = new Map<string, string>()
    const revoked = new Set<string>()
    for (const [sessionId, connectionId, isRevoked] of list) {
      stored.set(sessionId, connectionId)
      if (isRevoked === 1) revoked.add(sessionId)
    }
    for (const [sessionId, connectionId] of carried) {
      if (attached.connectionsOf(of).get(sessionId) !== connectionId) continue
      const session = { ...of, sessionId }
      if (stored.get(sessionId) === connectionId) {
        if (revoked.has(sessionId)) emit({ type: 'reauth', session })
        continue
      }
      attached.remove(session, connectionId)
      const other = stored.get(sessionId)
      // Other nodes have counted this node as dead and detached the session. After `unavailable` the client connects again and resumes the
      // session.
      if (other === '') emit({ type: 'session-ended', session, code: 'unavailable' })
      else if (other === undefined) emit({ type: 'session-ended', session, code })
      else emit({ type: 'connection-replaced', session, connectionId })
    }
    if (attached.isStarting(of)) return
    const known = attached.connectionsOf(of)
    const ghosts = [...stored].filter(
      ([sessionId, connectionId]) =>
        connectionId !== '' &&
        connectionId !== '*' &&
        known.get(sessionId) !== connectionId &&
        !sessions.hasDeparted(sessionId, connectionId),
    )
    await Promise.all(
      ghosts.map(([sessionId, connectionId]) =>
        sessions.depart({ ...of, sessionId }, connectionId, { detachedFor: undefined }),
      ),
    )
  }
}
