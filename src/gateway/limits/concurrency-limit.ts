/** Runs a bounded number of jobs at once. */
export interface ConcurrencyLimit {
  /**
   * Runs `job` when its turn comes, and resolves or rejects as the job does. If too many jobs wait, returns undefined, and the job never
   * runs.
   */
  run<T>(job: () => Promise<T>): Promise<T> | undefined
}

/** Creates a limit. `max` jobs run at once. `maxWaiting` further jobs wait, in the order in which they came. */
export const createConcurrencyLimit = (max: number, maxWaiting: number): ConcurrencyLimit => {
  const waiting: (() => void)[] = []
  let running = 0

  /** Gives the place of a finished job to the next waiting job, so that no new job overtakes those that wait. */
  const release = (): void => {
    const next = waiting.shift()
    if (next) next()
    else running--
  }

  return {
    run(job) {
      if (running >= max && waiting.length >= maxWaiting) return undefined
      const isFree = running < max
      if (isFree) running++
      const turn = isFree ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve))
      return turn.then(job).finally(release)
    },
  }
}
