/** Limits how many sessions start at once: a crowd that comes back would slow down every start and every session. */
export interface StartQueue {
  /**
   * Calls `work` at once, or when earlier starts have finished, in order. Returns its promise, or undefined if too many starts
   * wait. `bytes` is what the start holds in memory while it waits.
   */
  run(work: () => Promise<void>, bytes: number): Promise<void> | undefined
}

export interface StartQueueOptions {
  /** Starts at once. */
  atOnce: number
  /** Starts that wait. */
  waiting: number
  /** Bytes that the waiting starts hold together. */
  waitingBytes: number
  /** Milliseconds after which a start counts no more: one that waits for a slow backend must not hold up the others. */
  maxHold: number
}

const DEFAULTS: StartQueueOptions = { atOnce: 64, waiting: 10_000, waitingBytes: 32 * 2 ** 20, maxHold: 500 }

interface Waiting {
  readonly bytes: number
  readonly begin: () => void
}

export const createStartQueue = (options: Partial<StartQueueOptions> = {}): StartQueue => {
  const limits = { ...DEFAULTS, ...options }
  /** When each start began, the oldest first. */
  const running = new Map<symbol, number>()
  const waiting: Waiting[] = []
  let waitingBytes = 0
  let timer: NodeJS.Timeout | undefined

  const forgetSlow = (): void => {
    const before = performance.now() - limits.maxHold
    for (const [id, since] of running) {
      if (since > before) return
      running.delete(id)
    }
  }

  const begin = (work: () => Promise<void>): Promise<void> => {
    const id = Symbol()
    running.set(id, performance.now())
    const finish = (): void => {
      running.delete(id)
      if (waiting.length > 0) beginNext()
    }
    const started = work()
    started.then(finish, finish)
    return started
  }

  const beginNext = (): void => {
    forgetSlow()
    while (running.size < limits.atOnce) {
      const next = waiting.shift()
      if (!next) break
      waitingBytes -= next.bytes
      next.begin()
    }
    clearTimeout(timer)
    timer = waiting.length > 0 ? setTimeout(beginNext, limits.maxHold).unref() : undefined
  }

  return {
    run(work, bytes) {
      if (running.size < limits.atOnce && waiting.length === 0) return begin(work)
      if (waiting.length >= limits.waiting || waitingBytes + bytes > limits.waitingBytes) return undefined
      return new Promise((resolve, reject) => {
        waitingBytes += bytes
        waiting.push({ bytes, begin: () => void begin(work).then(resolve, reject) })
        timer ??= setTimeout(beginNext, limits.maxHold).unref()
      })
    },
  }
}
