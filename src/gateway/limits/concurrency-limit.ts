import { FairQueue, type Queued } from './fair-queue.js'

/** Runs a bounded number of jobs at once. */
export type ConcurrencyLimit = ReturnType<typeof createConcurrencyLimit>

/** A job has lost its place to one of another group, and never runs. */
export class NoPlaceError extends Error {}

interface WaitingJob extends Queued {
  readonly begin: () => void
  readonly isWanted: () => boolean
  readonly giveUp: (error: Error) => void
}

/** Creates a limit. `max` jobs run at once, and `maxWaiting` further jobs wait. */
export const createConcurrencyLimit = (max: number, maxWaiting: number) => {
  const waiting = new FairQueue<WaitingJob>(maxWaiting)
  let running = 0

  /** Gives the place of a finished job to the next waiting job, so that no new job overtakes those that wait. */
  const release = (): void => {
    const next = waiting.take()
    if (next) next.begin()
    else running--
  }

  const removeUnwanted = (): void => {
    for (const job of waiting.items)
      if (!job.isWanted() && waiting.remove(job)) job.giveUp(new Error('The job is wanted no more.'))
  }

  return {
    /**
     * Runs `job` when its turn comes, and resolves or rejects as the job does. The jobs of one `group` wait in the order in which they
     * came, and groups take turns. If too many jobs wait, returns undefined, and the job never runs. Before that, those waiting jobs whose
     * `isWanted` returns false give their places to others: each of these is rejected. If there are none, a job of a group with few waiting
     * jobs takes the place of the newest one of the group with the most, which is rejected with a `NoPlaceError`.
     */
    run<T>(job: () => Promise<T>, isWanted = () => true, group = ''): Promise<T> | undefined {
      const isFree = running < max
      if (isFree) running++
      else {
        if (waiting.isFull) removeUnwanted()
        if (!waiting.makeRoom(group, 0)) return undefined
      }
      const turn = isFree
        ? Promise.resolve()
        : new Promise<void>((begin, giveUp) => {
            const refuse = (): void => giveUp(new NoPlaceError())
            waiting.add({ group, bytes: 0, begin, isWanted, giveUp, refuse })
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
