import type { GatewayFrameOf } from '../../protocol/index.js'
import type { Signal } from '../messages.js'
import { toJson } from '../util/to-json.js'

interface Signals {
  received(frame: GatewayFrameOf<'signal'>): void
  /** A message ends all signals of its sender. */
  endOf(sender: string | null): void
}

/** Emits each signal that comes. If a message of the sender ends a signal early, emits the signal once more. */
export const createSignals = (emit: (signal: Signal) => void): Signals => {
  /** The latest signals, by sender and name. */
  const latest = new Map<string, Signal>()

  return {
    received({ from, name, data, ttl }) {
      const now = Date.now()
      const signal = { from, name, data, until: now + ttl }
      for (const [key, { until }] of latest) if (until <= now) latest.delete(key)
      latest.set(toJson([from, name]), signal)
      emit(signal)
    },
    endOf(sender) {
      const until = Date.now()
      for (const [key, signal] of latest) {
        if (signal.from !== sender) continue
        latest.delete(key)
        if (signal.until > until) emit({ ...signal, until })
      }
    },
  }
}
