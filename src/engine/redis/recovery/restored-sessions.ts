import type { RecentSession } from '../sessions/recent-sessions.js'
import type { SharedRevocations } from '../sessions/shared-revocations.js'
import type { SharedSessions } from '../sessions/shared-sessions.js'
import type { StepRunner } from '../step-runner.js'

/** How many sessions are restored at once. Between two such groups other calls of this node run. */
const SESSIONS_PER_STEP = 50

export interface RestoredSessionsOptions {
  runner: StepRunner
  sessions: SharedSessions
  revocations: SharedRevocations
}

/** Makes again what this node has done with sessions in the last minute, because a failover may have lost it. */
export class RestoredSessions {
  readonly #options: RestoredSessionsOptions

  constructor(options: RestoredSessionsOptions) {
    this.#options = options
  }

  /** Restores the sessions on some servers. `numbers` has the number of each server's history. */
  async restore(numbers: ReadonlyMap<number, number>): Promise<void> {
    const { sessions, runner } = this.#options
    const due = sessions.recent.all().flatMap((recent): (() => Promise<unknown>)[] => {
      const number = numbers.get(runner.serverOf(runner.partitions.of(recent.session)))
      if (number !== undefined)
        return recent.history === number ? [] : [() => this.#restoreOne(recent, number)]
      const tokenId = recent.credential?.credential.tokenId
      const isTokens =
        typeof tokenId === 'string' &&
        numbers.has(runner.serverOf(runner.partitions.ofToken(recent.session.appId, tokenId)))
      return isTokens ? [() => this.#restoreToken(recent)] : []
    })
    const errors: unknown[] = []
    for (let n = 0; n < due.length; n += SESSIONS_PER_STEP) {
      const results = await Promise.allSettled(
        due.slice(n, n + SESSIONS_PER_STEP).map((restore) => restore()),
      )
      for (const result of results) if (result.status === 'rejected') errors.push(result.reason)
      // Redis is away again, so the other sessions wait for the next recovery.
      if (results.every(({ status }) => status === 'rejected')) break
    }
    if (errors.length > 0) throw errors[0]
  }

  /** Makes a session's start again, and then its departure. This does no harm if Redis has them. */
  async #restoreOne(recent: RecentSession, history: number): Promise<void> {
    const { runner, sessions } = this.#options
    const { session, row, departure, connectionId } = recent
    if (row !== undefined && (await this.#restoreToken(recent))) {
      const { appId, userId, sessionId } = session
      const args = [sessionId, row, departure !== undefined && 'code' in departure] as const
      await runner.onUser(runner.steps.restoreSession, { appId, userId }, args)
    }
    if (departure) await sessions.depart(session, connectionId, departure, true)
    recent.history = history
  }

  /** Notes again that a session uses its token. Returns false if the token is revoked. */
  async #restoreToken({ session, credential, departure }: RecentSession): Promise<boolean> {
    if (!credential || (departure && 'code' in departure)) return true
    const { revocations } = this.#options
    return (await revocations.useToken(session, credential.credential, credential.use)) !== null
  }
}
