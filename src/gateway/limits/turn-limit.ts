import { RoundRobin } from '../../util/round-robin.js'

/** Calls `then` after this many turns of the event loop. */
const afterTurns = (turns: number, then: () => void): void => {
  setImmediate(turns > 1 ? () => afterTurns(turns - 1, then) : then)
}

/**
 * Spreads jobs over turns of the event loop. In each turn jobs run until the sum of their weights reaches `max`. Between turns the event
 * loop serves other sockets. With `every` only one of so many turns has jobs.
 */
export const createTurnLimit = (max: number, every = 1) => {
  const waiting = new RoundRobin<{ run: () => void; weight: number }>()
  let ranInThisTurn = 0

  const nextTurn = (): void => {
    ranInThisTurn = 0
    const jobs: (() => void)[] = []
    for (let job; ranInThisTurn < max && (job = waiting.take());) {
      ranInThisTurn += job.weight
      jobs.push(job.run)
    }
    if (jobs.length > 0) afterTurns(every, nextTurn)
    for (const run of jobs) run()
  }

  return {
    /**
     * Calls `job` now, or in a later turn if this turn's jobs have reached the limit. The jobs of one group run in the order in which they
     * came, and the groups take turns.
     */
    run(job: () => void, weight = 1, group = ''): void {
      if (ranInThisTurn >= max) return waiting.add({ run: job, weight }, group)
      if (ranInThisTurn === 0) afterTurns(every, nextTurn)
      ranInThisTurn += weight
      job()
    },
  }
}
