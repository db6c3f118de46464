/** Spreads jobs over turns of the event loop. */
interface TurnLimit {
  /** Calls `job` now, or in a later turn if this turn's jobs have reached the limit. Jobs run in the order in which they came. */
  run(job: () => void, weight?: number): void
}

interface WaitingJob {
  run: () => void
  weight: number
}

/**
 * Creates a limit. In each turn jobs run until the sum of their weights reaches `max`. Between turns the event loop serves other sockets.
 */
export const createTurnLimit = (max: number): TurnLimit => {
  /** The jobs before index `first` have run. */
  let waiting: WaitingJob[] = []
  let first = 0
  let ranInThisTurn = 0

  const nextTurn = (): void => {
    ranInThisTurn = 0
    const jobs: WaitingJob[] = []
    for (let job; ranInThisTurn < max && (job = waiting[first]); first++) {
      ranInThisTurn += job.weight
      jobs.push(job)
    }
    // Jobs are removed only when half of the list has run: each removal copies all other jobs, which may be a million.
    if (2 * first >= waiting.length) {
      waiting = waiting.slice(first)
      first = 0
    }
    if (jobs.length > 0) setImmediate(nextTurn)
    for (const job of jobs) job.run()
  }

  return {
    run(job, weight = 1) {
      if (ranInThisTurn >= max) {
        waiting.push({ run: job, weight })
        return
      }
      if (ranInThisTurn === 0) setImmediate(nextTurn)
      ranInThisTurn += weight
      job()
    },
  }
}
