/** Spreads jobs over turns of the event loop. */
export interface TurnLimit {
  /** Calls `job` now, or in a later turn if enough jobs have run in this one. Jobs run in the order in which they came. */
  run(job: () => void): void
}

/** At most `max` jobs run in a turn. Between turns the event loop serves other sockets. */
export const createTurnLimit = (max: number): TurnLimit => {
  let waiting: (() => void)[] = []
  let ranInThisTurn = 0

  const nextTurn = (): void => {
    const jobs = waiting.slice(0, max)
    waiting = waiting.slice(max)
    ranInThisTurn = jobs.length
    if (jobs.length > 0) setImmediate(nextTurn)
    for (const job of jobs) job()
  }

  return {
    run(job) {
      if (ranInThisTurn >= max) {
        waiting.push(job)
        return
      }
      if (ranInThisTurn === 0) setImmediate(nextTurn)
      ranInThisTurn += 1
      job()
    },
  }
}
