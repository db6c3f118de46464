import type { Clock } from './clock.js'
import { Deadlines } from './deadlines.js'

/** Does one small step of a job. Resolves with the time of the next step; with Infinity if none is due until the job is scheduled again. */
type JobStep = (now: number) => Promise<number>

export interface Job {
  readonly run: JobStep
  /** When the next step is due; Infinity if none is scheduled. */
  at: number
  /** The message of the error that the last step rejected with. */
  lastError: string | undefined
}

/** Milliseconds after which a job that failed is tried again. */
const RETRY_DELAY = 1_000

/** Runs background jobs in small steps, so that no request waits for them. Times are those of `clock`. */
export class Scheduler {
  readonly #due: Deadlines<Job>
  readonly #running = new Map<Job, Promise<void>>()
  readonly #clock: Clock
  readonly #canRun: () => boolean
  readonly #onError: (error: unknown) => void
  #isStopped = false

  /** No step starts while `canRun` returns false. `onError` gets the errors of a job; an error that repeats is reported once. */
  constructor(clock: Clock, canRun: () => boolean, onError: (error: unknown) => void) {
    this.#clock = clock
    this.#due = new Deadlines<Job>(
      () => clock.now(),
      () => this.#runDue(),
    )
    this.#canRun = canRun
    this.#onError = onError
  }

  /** Returns a job that runs when it is scheduled. */
  job(run: JobStep): Job {
    return { run, at: Infinity, lastError: undefined }
  }

  /** Returns a function that schedules the job of an app as `schedule` does. Each app has a job of its own. */
  perApp(run: (appId: string, now: number) => Promise<number>): (appId: string, at: number) => void {
    const jobs = new Map<string, Job>()
    return (appId, at) => {
      const job = jobs.get(appId) ?? this.job((now) => run(appId, now))
      jobs.set(appId, job)
      this.schedule(job, at)
    }
  }

  /** Runs the job at `at`, or earlier if it is scheduled for an earlier time already. */
  schedule(job: Job, at: number): void {
    if (at >= job.at) return
    job.at = at
    if (!this.#running.has(job) && !this.#isStopped) this.#due.add(at, job)
  }

  /** Starts no more steps. Resolves when none is running. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#due.stop()
    await Promise.all(this.#running.values())
  }

  #runDue(): void {
    const now = this.#clock.now()
    for (const job of this.#due.takeDue(now)) {
      // A job that was scheduled twice is in the heap twice. It runs only at the first of the two entries.
      if (job.at <= now && !this.#running.has(job) && this.#canRun())
        this.#running.set(job, this.#runStep(job, now))
    }
  }

  /** Never rejects. */
  async #runStep(job: Job, now: number): Promise<void> {
    job.at = Infinity
    let next = now + RETRY_DELAY
    try {
      next = await job.run(now)
      job.lastError = undefined
    } catch (error) {
      // If an error that repeats were reported each time, it would fill the log.
      if (job.lastError !== (job.lastError = String(error))) this.#onError(error)
    }
    this.#running.delete(job)
    const at = Math.min(next, job.at)
    job.at = Infinity
    this.schedule(job, at)
  }
}
