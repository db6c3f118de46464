import { addressKey } from './connection-limits.js'

/**
 * Limits how many sessions start at once, and how many of those that wait start in a second. If thousands of clients reconnect together,
 * for example those of a gateway that was killed, they would slow down every start and every session.
 */
export interface StartQueue {
  /**
   * Calls `work` at once, or with true after a wait for earlier starts. Resolves with true when `work` has finished, or with false if the
   * start waited for too long and `work` is not called. Returns undefined if too many starts wait. Starts of one address wait in order, and
   * addresses take turns: a flood from one address delays the others little. `bytes` is the memory that a waiting start takes.
   */
  run(
    work: (hasWaited: boolean) => Promise<void>,
    address: string,
    bytes: number,
  ): Promise<boolean> | undefined
  /** Returns how many starts wait. */
  waiting(): number
}

export interface StartQueueOptions {
  /** How many starts run at once. */
  atOnce: number
  /**
   * How many of the starts that wait begin in a second. Starts that need not wait are not counted: if fewer than `atOnce` run, the
   * gateway keeps up with them.
   */
  perSecond: number
  /** How many starts wait. */
  waiting: number
  /** Milliseconds after which a start waits no more. */
  maxWait: number
  /** Bytes of memory that the waiting starts take together. */
  waitingBytes: number
  /** Milliseconds after which a running start counts no more: a start that waits for a slow backend must not delay the others. */
  maxHold: number
}

const DEFAULTS: StartQueueOptions = {
  atOnce: 64,
  perSecond: 1_000,
  waiting: 10_000,
  maxWait: 5_000,
  waitingBytes: 32 * 2 ** 20,
  maxHold: 500,
}

/** How often starts that wait may begin, in milliseconds. */
const INTERVAL = 20

interface Waiting {
  readonly address: string
  readonly bytes: number
  readonly since: number
  readonly begin: () => void
  readonly refuse: () => void
}

export const createStartQueue = (options: Partial<StartQueueOptions> = {}): StartQueue => {
  const limits = { ...DEFAULTS, ...options }
  /** When each start began, the oldest first. */
  const running = new Map<symbol, number>()
  /** The starts that wait, by address. The first address has the next turn. */
  const waiting = new Map<string, Waiting[]>()
  /** The same starts, the oldest first. */
  const byAge = new Set<Waiting>()
  let waitingBytes = 0
  let timer: NodeJS.Timeout | undefined
  /** When `timer` is due. */
  let dueAt = 0
  const perInterval = Math.max(1, Math.round((limits.perSecond * INTERVAL) / 1_000))

  const forgetSlow = (): void => {
    const before = performance.now() - limits.maxHold
    for (const [id, since] of running) {
      if (since > before) return
      running.delete(id)
    }
  }

  const begin = async (work: (hasWaited: boolean) => Promise<void>, hasWaited: boolean): Promise<boolean> => {
    const id = Symbol()
    running.set(id, performance.now())
    try {
      await work(hasWaited)
    } finally {
      running.delete(id)
    }
    return true
  }

  /** Takes the oldest start of an address from the queue. */
  const take = (address: string): Waiting | undefined => {
    const starts = waiting.get(address) ?? []
    const next = starts.shift()
    waiting.delete(address)
    if (starts.length > 0) waiting.set(address, starts)
    if (!next) return undefined
    byAge.delete(next)
    waitingBytes -= next.bytes
    return next
  }

  const refuseOld = (): void => {
    const before = performance.now() - limits.maxWait
    for (const { address, since } of byAge) {
      if (since > before) return
      take(address)?.refuse()
    }
  }

  const schedule = (delay: number): void => {
    dueAt = performance.now() + delay
    timer = setTimeout(beginNext, delay).unref()
  }

  const beginNext = (): void => {
    // If the event loop was busy, leave it as much time again: otherwise starts would take all of a slow machine's time.
    const delay = INTERVAL + Math.max(0, performance.now() - dueAt)
    timer = undefined
    forgetSlow()
    refuseOld()
    for (let begun = 0; begun < perInterval && running.size < limits.atOnce; begun++) {
      const [turn] = waiting.keys()
      if (turn === undefined) break
      take(turn)?.begin()
    }
    if (byAge.size > 0) schedule(delay)
  }

  return {
    waiting: () => byAge.size,
    run(work, clientAddress, bytes) {
      if (running.size < limits.atOnce && byAge.size === 0) return begin(work, false)
      if (byAge.size >= limits.waiting || waitingBytes + bytes > limits.waitingBytes) return undefined
      return new Promise((resolve, reject) => {
        const address = addressKey(clientAddress)
        const start: Waiting = {
          address,
          bytes,
          since: performance.now(),
          begin: () => void begin(work, true).then(resolve, reject),
          refuse: () => resolve(false),
        }
        waitingBytes += bytes
        byAge.add(start)
        const starts = waiting.get(address) ?? []
        waiting.set(address, starts)
        starts.push(start)
        if (!timer) schedule(INTERVAL)
      })
    },
  }
}
