import { addressKey } from './connection-limits.js'

/** Limits how many sessions start at once. If thousands of clients reconnect together, they would slow down every start and every session. */
export interface StartQueue {
  /**
   * Calls `work` at once, or when earlier starts have finished. Returns its promise, or undefined if too many starts wait.
   * Starts of one address wait in order, and addresses take turns: a flood from one address delays the others little. `bytes` is
   * the memory that the start holds while it waits.
   */
  run(work: () => Promise<void>, address: string, bytes: number): Promise<void> | undefined
  /** Returns how many starts wait. */
  waiting(): number
}

export interface StartQueueOptions {
  /** How many starts run at once. */
  atOnce: number
  /** How many starts wait. */
  waiting: number
  /** Bytes that the waiting starts hold together. */
  waitingBytes: number
  /** Milliseconds after which a running start counts no more: a start that waits for a slow backend must not delay the others. */
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
  /** The starts that wait, by address. The first address has the next turn. */
  const waiting = new Map<string, Waiting[]>()
  let waitingCount = 0
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
      if (waitingCount > 0) beginNext()
    }
    const started = work()
    started.then(finish, finish)
    return started
  }

  const takeTurn = (): Waiting | undefined => {
    const [turn] = waiting
    if (!turn) return undefined
    const [address, starts] = turn
    const next = starts.shift()
    waiting.delete(address)
    if (starts.length > 0) waiting.set(address, starts)
    waitingCount -= 1
    return next
  }

  const beginNext = (): void => {
    forgetSlow()
    while (running.size < limits.atOnce) {
      const next = takeTurn()
      if (!next) break
      waitingBytes -= next.bytes
      next.begin()
    }
    clearTimeout(timer)
    timer = waitingCount > 0 ? setTimeout(beginNext, limits.maxHold).unref() : undefined
  }

  return {
    waiting: () => waitingCount,
    run(work, address, bytes) {
      if (running.size < limits.atOnce && waitingCount === 0) return begin(work)
      if (waitingCount >= limits.waiting || waitingBytes + bytes > limits.waitingBytes) return undefined
      return new Promise((resolve, reject) => {
        waitingBytes += bytes
        waitingCount += 1
        const key = addressKey(address)
        const starts = waiting.get(key) ?? []
        waiting.set(key, starts)
        starts.push({ bytes, begin: () => void begin(work).then(resolve, reject) })
        timer ??= setTimeout(beginNext, limits.maxHold).unref()
      })
    },
  }
}
