import type { EndCode } from '../../../protocol/index.js'
import type { Credential, SessionRef } from '../../engine.js'
import type { SessionRow } from './session-row.js'

/** For how many beats (`Leases`), a second apart, a change is kept. A new master is assumed to lack only changes of the last minute. */
const KEPT_FOR = 60

/**
 * How a session left its connection: it was detached, and can be resumed for some milliseconds (undefined for as many as its row says); or
 * it ended.
 */
export type Departure = { detachedFor: number | undefined } | { code: EndCode }

/** The credential with which a session was started or renewed. `use` is what `SharedRevocations.useToken` returned for it. */
export interface StartCredential {
  readonly credential: Credential
  readonly use: string
}

/** What this node has last done with a session. */
export interface RecentSession {
  readonly session: SessionRef
  /** The connection that the start or the departure names; undefined for an end that names none. */
  connectionId: string | undefined
  /** The row that the start has stored; undefined if the session started earlier, or at another node. */
  row: string | undefined
  credential: StartCredential | undefined
  departure: Departure | undefined
  /** How many calls that store the departure have not succeeded yet. */
  pending: number
  /** The number of the server's history in which Redis has stored these changes. */
  history: number
  changedAt: number
}

/**
 * The sessions that this node has started, detached or ended in the last minute. A failover may lose changes that the old master has
 * acknowledged, and only this node can make them again.
 */
export class RecentSessions {
  /** The sessions by their ids. The first is the one that has changed least recently. */
  readonly #sessions = new Map<string, RecentSession>()
  #beats = 0

  all(): RecentSession[] {
    return [...this.#sessions.values()]
  }

  /** Notes that a connection of this node has started or resumed a session. */
  start(
    session: SessionRef,
    connectionId: string,
    row: string,
    credential: StartCredential,
    history: number,
  ): void {
    this.#put(Object.assign(this.#entry(session), { connectionId, row, credential, history }))
  }

  /** Changes the noted row of a session that this connection carries. */
  change(
    { sessionId }: SessionRef,
    connectionId: string,
    change: Partial<SessionRow>,
    credential: StartCredential,
  ): void {
    const recent = this.#sessions.get(sessionId)
    if (recent?.row === undefined || recent.connectionId !== connectionId) return
    recent.row = JSON.stringify({ ...(JSON.parse(recent.row) as SessionRow), ...change })
    recent.credential = credential
  }

  /**
   * Notes that a session leaves its connection. Without `connectionId`, notes that the session ends, whichever connection carries it. Call
   * the returned function with the number of the history in which Redis has stored the departure.
   */
  depart(
    session: SessionRef,
    connectionId: string | undefined,
    departure: Departure,
  ): (history: number) => void {
    const known = this.#sessions.get(session.sessionId)
    // True if a later connection of this node carries the session.
    const isOutdated =
      known?.row !== undefined && connectionId !== undefined && known.connectionId !== connectionId
    if (isOutdated) return () => undefined
    const recent = known ?? this.#entry(session)
    Object.assign(recent, { connectionId, departure, pending: recent.pending + 1 })
    this.#put(recent)
    return (history) => {
      recent.pending--
      // If this node has the row of the start, the history stays that of the start, because a failover may have lost the start.
      if (recent.row === undefined) recent.history = history
    }
  }

  /** Notes that a step of some node has ended a session. */
  end({ sessionId }: SessionRef, code: EndCode): void {
    const recent = this.#sessions.get(sessionId)
    if (recent) recent.departure = { code }
  }

  /** Forgets a session that another connection has resumed. `connectionId` is the connection that the session had before. */
  replace({ sessionId }: SessionRef, connectionId: string): void {
    if (this.#sessions.get(sessionId)?.connectionId === connectionId) this.#sessions.delete(sessionId)
  }

  /**
   * Whether this node has noted a departure from this connection. Then the call that noted it detaches or ends the session, so the caller
   * must not.
   */
  hasDeparted(sessionId: string, connectionId: string): boolean {
    const recent = this.#sessions.get(sessionId)
    return recent?.departure !== undefined && [connectionId, undefined].includes(recent.connectionId)
  }

  /**
   * Forgets old changes. Must be called after each beat that Redis has answered. The age of a change is counted in beats, so that no
   * change grows old while Redis is away.
   */
  beat(): void {
    this.#beats++
    for (const [sessionId, { changedAt, pending }] of this.#sessions) {
      if (this.#beats - changedAt <= KEPT_FOR) return
      if (pending === 0) this.#sessions.delete(sessionId)
    }
  }

  #entry({ appId, userId, sessionId }: SessionRef): RecentSession {
    return {
      session: { appId, userId, sessionId },
      connectionId: undefined,
      row: undefined,
      credential: undefined,
      departure: undefined,
      pending: 0,
      history: -1,
      changedAt: this.#beats,
    }
  }

  #put(recent: RecentSession): void {
    recent.changedAt = this.#beats
    this.#sessions.delete(recent.session.sessionId)
    this.#sessions.set(recent.session.sessionId, recent)
  }
}
