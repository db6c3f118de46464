/** Runs a bounded number of jobs at once. */
export interface ConcurrencyLimit {
  /**
   * Runs `job` when its turn comes, and resolves or rejects as the job does. If too many jobs wait, returns undefined, and the job never
   * runs. Before that, those waiting jobs whose `isWanted` returns false give their places to others: each of these is rejected.
   */
  run<T>(job: () => Promise<T>, isWanted?: () => boolean): Promise<T> | undefined
}

interface WaitingJob {
  readonly begin: () => void
  readonly isWanted: () => boolean
  readonly giveUp: () => void
}

/** Creates a limit. `max` jobs run at once. `maxWaiting` further jobs wait, in the order in which they came. */
export const createConcurrencyLimit = (max: number, maxWaiting: number): ConcurrencyLimit => {
  let waiting: WaitingJob[] = []
  let running = 0

  const isFull = (): boolean => running >= max && waiting.length >= maxWaiting

  /** Gives the place of a finished job to the next waiting job, so that no new job overtakes those that wait. */
  const release = (): void => {
    const next = waiting.shift()
    if (next) next.begin()
    else running--
  }

  const removeUnwanted = (): void => {
    const all = waiting
    waiting = all.filter(({ isWanted }) => isWanted())
    for (const { isWanted, giveUp } of all) if (!isWanted()) giveUp()
  }

  return {
    run(job, isWanted = () => true) {
      if (isFull()) removeUnwanted()
      if (isFull()) return undefined
      const isFree = running < max
      if (isFree) running++
      const turn = isFree
        ? Promise.resolve()
        : new Promise<void>((resolve, reject) => {
            const giveUp = (): void => reject(new Error('The job is wanted no more.'))
            waiting.push({ begin: resolve, isWanted, giveUp })
          })
      return turn.then(async () => {
        try {
          return await job()
        } finally {
          release()
        }
      })
    },
  }
}
