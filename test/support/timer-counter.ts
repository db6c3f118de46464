import { createHook } from 'node:async_hooks'

interface TimerCounter {
  /** Returns how many of the timers that were made since are neither cancelled nor done. */
  count(): number
  stop(): void
}

/** Counts the timers that this process makes from now on. For Node: Bun calls no hooks. */
export const createTimerCounter = (): TimerCounter => {
  const timers = new Set<number>()
  const hook = createHook({
    init(id, type) {
      if (type === 'Timeout') timers.add(id)
    },
    destroy: (id) => timers.delete(id),
  }).enable()
  return { count: () => timers.size, stop: () => void hook.disable() }
}
