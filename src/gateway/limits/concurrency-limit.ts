/** Runs a bounded number of jobs at once. */
export type ConcurrencyLimit = ReturnType<typeof createConcurrencyLimit>

/** A job has lost its place to one of another group, and never runs. */
export class NoPlaceError extends Error {}

interface WaitingJob {
  readonly begin: () => void
  readonly isWanted: () => boolean
  readonly giveUp: (error: Error) => void
}

/** Creates a limit. `max` jobs run at once, and `maxWaiting` further jobs wait. */
export const createConcurrencyLimit = (max: number, maxWaiting: number) => {
  /** The jobs that wait, by group, the oldest first. The first group has the next turn. */
  const waiting = new Map<string, WaitingJob[]>()
  let waitingCount = 0
  let running = 0

  const isFull = (): boolean => running >= max && waitingCount >= maxWaiting

  const add = (group: string, job: WaitingJob): void => {
    const jobs = waiting.get(group)
    if (jobs) jobs.push(job)
    else waiting.set(group, [job])
    waitingCount++
  }

  /** Removes and returns the job that has the next turn. */
  const take = (): WaitingJob | undefined => {
    const [next] = waiting
    if (!next) return undefined
    const [group, jobs] = next
    waiting.delete(group)
    const job = jobs.shift()
    if (jobs.length > 0) waiting.set(group, jobs)
    waitingCount--
    return job
  }

  /** Gives the place of a finished job to the next waiting job, so that no new job overtakes those that wait. */
  const release = (): void => {
    const next = take()
    if (next) next.begin()
    else running--
  }

  const removeUnwanted = (): void => {
    for (const [group, all] of waiting) {
      const wanted: WaitingJob[] = []
      for (const job of all)
        if (job.isWanted()) wanted.push(job)
        else job.giveUp(new Error('The job is wanted no more.'))
      waitingCount -= all.length - wanted.length
      if (wanted.length > 0) waiting.set(group, wanted)
      else waiting.delete(group)
    }
  }

  /** Makes room for a job of this group, so that a flood of one group can't keep out others. */
  const displace = (group: string): void => {
    const own = waiting.get(group)?.length ?? 0
    const largest = [...waiting.values()].reduce<WaitingJob[]>(
      (most, each) => (each.length > most.length ? each : most),
      [],
    )
    if (largest.length <= own + 1) return
    waitingCount--
    largest.pop()?.giveUp(new NoPlaceError())
  }

  return {
    /**
     * Runs `job` when its turn comes, and resolves or rejects as the job does. The jobs of one `group` wait in the order in which they
     * came, and groups take turns. If too many jobs wait, returns undefined, and the job never runs. Before that, those waiting jobs whose
     * `isWanted` returns false give their places to others: each of these is rejected. If there are none, a job of a group with few waiting
     * jobs takes the place of the newest one of the group with the most, which is rejected with a `NoPlaceError`.
     */
    run<T>(job: () => Promise<T>, isWanted = () => true, group = ''): Promise<T> | undefined {
      if (isFull()) removeUnwanted()
      if (isFull()) displace(group)
      if (isFull()) return undefined
      const isFree = running < max
      if (isFree) running++
      const turn = isFree
        ? Promise.resolve()
        : new Promise<void>((resolve, reject) => add(group, { begin: resolve, isWanted, giveUp: reject }))
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
