import { AsyncResource } from 'node:async_hooks'
import FakeTimers, { type Clock } from '@sinonjs/fake-timers'

/** A process or a page of the simulation. Once it has crashed, none of its timers and callbacks runs any more. */
export interface Owner {
  readonly name: string
  alive: boolean
  /** When its process has ended, by `Date.now`. */
  endedAt?: number
  /** When its latest pause ends, by `Date.now`. */
  goesOnAt?: number
  /** While the process is paused: what it does when it goes on. A timer of an interval that has passed several times runs once. */
  held?: Set<() => void> | undefined
}

/** Runs `work` of an owner: never if the owner has crashed, and later if its process is paused. */
export const runAs = (owner: Owner, work: () => void): void => {
  if (owner.held) owner.held.add(work)
  else if (owner.alive) work()
}

/** A timer that an owner has set, and the place in the code that set it. */
interface PendingTimer {
  owner: Owner
  /** Its stack is written only if somebody asks for it, because that takes long. */
  setAt: Error
}

type Timer = ReturnType<typeof setTimeout>
type Callback = (...args: unknown[]) => void

/**
 * Replaces the clock and the timers of this process. Each timer belongs to the owner who sets it, and does not run after that one has
 * crashed. Returns the clock and the timers that wait.
 */
export const takeTimers = (
  begin: number,
  currentOwner: () => Owner | undefined,
): { clock: Clock; pending: ReadonlyMap<unknown, PendingTimer> } => {
  const clock = FakeTimers.install({
    now: begin,
    toFake: [
      ...([
        'setTimeout',
        'setInterval',
        'setImmediate',
        'clearTimeout',
        'clearInterval',
        'clearImmediate',
      ] as const),
      ...(['Date', 'performance'] as const),
    ],
    loopLimit: Number.MAX_SAFE_INTEGER,
  })
  const pending = new Map<unknown, PendingTimer>()
  /** A process that goes on after a pause may clear a timer whose time has passed meanwhile. */
  const cleared = new WeakSet<object>()

  const owned = (set: (callback: Callback, delay?: number) => unknown, repeats: boolean) => {
    return (callback: Callback, ...[delay, ...args]: [number?, ...unknown[]]): unknown => {
      const owner = currentOwner()
      // Without this, timers that the callback sets would have no owner.
      const bound = AsyncResource.bind(callback)
      const run = (): void => {
        if (!repeats) pending.delete(handle)
        if (!cleared.has(handle as object)) bound(...args)
      }
      const handle: unknown = set(() => (owner ? runAs(owner, run) : run()), delay)
      if (owner) pending.set(handle, { owner, setAt: new Error() })
      return handle
    }
  }
  const disowned =
    (clear: (handle: Timer) => void) =>
    (handle: Timer): void => {
      pending.delete(handle)
      if (typeof handle === 'object') cleared.add(handle)
      clear(handle)
    }
  // `setImmediate` has no delay.
  const immediate = owned((callback) => clock.setImmediate(callback), false)
  const timers = {
    setTimeout: owned((callback, delay) => clock.setTimeout(callback, delay ?? 0), false),
    setInterval: owned((callback, delay) => clock.setInterval(callback, delay ?? 0), true),
    setImmediate: (callback: Callback, ...args: unknown[]) => immediate(callback, undefined, ...args),
    clearTimeout: disowned((handle) => clock.clearTimeout(handle)),
    clearInterval: disowned((handle) => clock.clearInterval(handle)),
    clearImmediate: disowned((handle) => clock.clearImmediate(handle)),
  }
  Object.assign(globalThis, timers)
  Object.assign(process.getBuiltinModule('node:timers'), timers)

  const promised =
    (set: (callback: () => void, delay?: number) => unknown) =>
    (delay: number | undefined, value: unknown, signal: AbortSignal | undefined): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const abort = (): void => {
          timers.clearTimeout(handle as Timer)
          reject(signal?.reason as Error)
        }
        if (signal?.aborted) {
          reject(signal.reason as Error)
          return
        }
        const handle = set(() => {
          signal?.removeEventListener('abort', abort)
          resolve(value)
        }, delay)
        signal?.addEventListener('abort', abort, { once: true })
      })
  const later = promised((callback, delay) => timers.setTimeout(callback, delay))
  const soon = promised((callback) => timers.setImmediate(callback))
  interface Options {
    signal?: AbortSignal
  }
  Object.assign(process.getBuiltinModule('node:timers/promises'), {
    setTimeout: (delay?: number, value?: unknown, options?: Options) => later(delay, value, options?.signal),
    setImmediate: (value?: unknown, options?: Options) => soon(undefined, value, options?.signal),
  })
  return { clock, pending }
}
