import { addressKey } from './connection-limits.js'
import { FairQueue, type Queued } from './fair-queue.js'

/**
 * Limits how many sessions start at once, so that the event loop serves them without delay. Messages that are posted without a session
 * count as starts, too. Without a limit, thousands of clients that reconnect together would slow down every start and every session.
 */
export type StartQueue = ReturnType<typeof createStartQueue>

interface AtOnce {
  /** At least this many starts run at once even if other work delays the event loop. Else a busy gateway would start no session. */
  fewest: number
  first: number
  /** The most starts at once. More would not be faster: they would wait in the engine, and delay its calls for live sessions. */
  most: number
}

interface StartQueueOptions {
  /** How many starts run at once: at first `first`, later more or fewer, depending on the delay of the event loop. */
  atOnce: AtOnce
  /** The most starts that wait. */
  waiting: number
  /** The most milliseconds that a start waits. */
  maxWait: number
  /** The most bytes of memory of all waiting starts. */
  waitingBytes: number
  /** Milliseconds after which a running start no longer counts, because a start that waits for a slow backend must not delay others. */
  maxRunning: number
}

const DEFAULTS: StartQueueOptions = {
  atOnce: { fewest: 16, first: 64, most: 256 },
  waiting: 10_000,
  maxWait: 5_000,
  waitingBytes: 32 * 2 ** 20,
  maxRunning: 500,
}

/** How often the delay of the event loop is measured while sessions start, in milliseconds. */
const INTERVAL = 20

/**
 * The delays, in milliseconds, below which more starts run at once and above which fewer do. A frame waits for two or three turns of the
 * event loop. So even at the longer of the two delays the frame's answer comes within 50 ms.
 */
const [SHORT_DELAY, LONG_DELAY] = [5, 10]
const INCREASE = 8
const DECREASE = 0.75

/**
 * Returns how many starts run at once from now on. Until now `current` starts ran at once, and the event loop was late by `delay`
 * milliseconds. The number falls after a long delay. It grows after a short delay if starts have waited meanwhile.
 */
export const nextAtOnce = (
  current: number,
  { fewest, most }: Pick<AtOnce, 'fewest' | 'most'>,
  delay: number,
  hasWaiting: boolean,
): number => {
  if (delay > LONG_DELAY) return Math.max(fewest, Math.floor(current * DECREASE))
  if (delay < SHORT_DELAY && hasWaiting) return Math.min(most, current + INCREASE)
  return current
}

/** A start that waits. Its group is the key of its address. */
interface Waiting extends Queued {
  readonly since: number
  readonly begin: () => void
}

export const createStartQueue = (options: Partial<StartQueueOptions> = {}) => {
  const limits = { ...DEFAULTS, ...options }
  let atOnce = limits.atOnce.first
  /** When each running start began, the oldest first. */
  const running = new Map<symbol, number>()
  /**
   * How many starts have finished in this turn of the event loop. They keep their places until the turn ends. Otherwise all starts whose
   * `work` finishes without a wait would run in one turn.
   */
  let finished = 0
  const waiting = new FairQueue<Waiting>(limits.waiting, limits.waitingBytes)
  let timer: NodeJS.Timeout | undefined
  /** When `timer` fires. */
  let dueAt = 0
  /** Whether a start has begun since `timer` was set, and whether a start had to wait. */
  let [hasBegun, hasWaiting] = [false, false]

  const forgetSlow = (): void => {
    const before = performance.now() - limits.maxRunning
    for (const [id, since] of running) {
      if (since > before) return
      running.delete(id)
    }
  }

  const begin = async (work: (hasWaited: boolean) => Promise<void>, hasWaited: boolean): Promise<boolean> => {
    const id = Symbol()
    running.set(id, performance.now())
    hasBegun = true
    if (!timer) schedule()
    try {
      await work(hasWaited)
    } finally {
      if (running.delete(id) && finished++ === 0) setImmediate(endTurn)
    }
    return true
  }

  /** Removes a start from the queue, if it still waits. */
  const leave = (start: Waiting): void => {
    if (waiting.remove(start)) start.refuse()
  }

  const refuseOld = (): void => {
    const before = performance.now() - limits.maxWait
    for (const start of waiting.items) {
      if (start.since > before) return
      leave(start)
    }
  }

  const isFull = (): boolean => running.size + finished >= atOnce

  const beginWaiting = (): void => {
    for (let next; !isFull() && (next = waiting.take());) next.begin()
  }

  const endTurn = (): void => {
    finished = 0
    beginWaiting()
  }

  const schedule = (): void => {
    dueAt = performance.now() + INTERVAL
    timer = setTimeout(measure, INTERVAL).unref()
  }

  const measure = (): void => {
    atOnce = nextAtOnce(atOnce, limits.atOnce, performance.now() - dueAt, hasWaiting)
    timer = undefined
    hasWaiting = waiting.items.size > 0
    if (hasBegun || hasWaiting) schedule()
    hasBegun = false
    forgetSlow()
    refuseOld()
    beginWaiting()
  }

  return {
    /** Returns how many starts wait. */
    waiting: (): number => waiting.items.size,
    /**
     * Calls `work(false)` at once, or `work(true)` after a wait for earlier starts. Resolves with true when `work` has finished; with false
     * if the start has waited for too long and `work` is not called. If too many starts wait, returns undefined and does not call `work`.
     * Starts of one address wait in order, and addresses take turns, so that a flood from one address delays the others little. `bytes` is
     * the memory that the start takes while it waits. If the start has to wait, `onWait` gets a function that removes it from the queue.
     * Then the promise resolves with false. If the queue is full, a start of an address with few waiting starts takes the place of the
     * newest ones of an address with many.
     */
    run(
      work: (hasWaited: boolean) => Promise<void>,
      clientAddress: string,
      bytes: number,
      onWait?: (leave: () => void) => void,
    ): Promise<boolean> | undefined {
      if (!isFull() && waiting.items.size === 0) return begin(work, false)
      const group = addressKey(clientAddress)
      if (!waiting.makeRoom(group, bytes)) return undefined
      hasWaiting = true
      if (!timer) schedule()
      return new Promise((resolve, reject) => {
        const start: Waiting = {
          group,
          bytes,
          since: performance.now(),
          begin: () => void begin(work, true).then(resolve, reject),
          refuse: () => resolve(false),
        }
        waiting.add(start)
        onWait?.(() => leave(start))
      })
    },
  }
}
