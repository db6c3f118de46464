/** Spreads jobs over turns of the event loop. */
interface TurnLimit {
  /** Calls `job` now; in a later turn if jobs of enough weight have run in this turn. Jobs run in the order in which they came. */
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
  let waiting: WaitingJob[] = []
  let ranInThisTurn = 0

  const nextTurn = (): void => {
    ranInThisTurn = 0
    let count = 0
    for (const { weight } of waiting) {
      if (ranInThisTurn >= max) break
      ranInThisTurn += weight
      count += 1
    }
    const jobs = waiting.slice(0, count)
    waiting = waiting.slice(count)
    if (count > 0) setImmediate(nextTurn)
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
