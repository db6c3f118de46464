import type { Engine } from '../../engine/index.js'
import { withTimeout } from '../../util/with-timeout.js'
import type { Log } from '../log.js'

/** Whether the gateway accepts sessions now. `unavailable`: the engine is not open, or can't write. */
export type Readiness = 'ready' | 'draining' | 'unavailable'

/** Milliseconds after which a check of the engine counts as failed. */
const CHECK_TIMEOUT = 5_000

/** Milliseconds for which a result is used again. `/readyz` is public, and each check costs a sync of the disk. */
const CHECK_INTERVAL = 1_000

const tookTooLong = (): Error => new Error(`The engine's check took longer than ${CHECK_TIMEOUT} ms.`)

/** Returns a function that tells whether the gateway is ready. It checks the engine: a durable write and a read must succeed. */
export const createReadiness = (
  isDraining: () => boolean,
  engine: Pick<Engine, 'check'>,
  log: Pick<Log, 'warn'>,
): (() => Promise<Readiness>) => {
  let latest: Promise<boolean> | undefined
  let checkedAt = -Infinity
  /** The running check. If a check hangs, no other check begins until it ends. */
  let running: Promise<void> | undefined

  const check = async (): Promise<boolean> => {
    try {
      running ??= engine.check().finally(() => (running = undefined))
      await withTimeout(running, CHECK_TIMEOUT, tookTooLong)
      return true
    } catch (err) {
      log.warn({ err }, 'the gateway is not ready, because the engine fails')
      return false
    } finally {
      checkedAt = performance.now()
    }
  }

  return async () => {
    if (isDraining()) return 'draining'
    if (performance.now() - checkedAt > CHECK_INTERVAL) {
      checkedAt = Infinity
      latest = check()
    }
    const isReady = await latest
    // A drain may have begun meanwhile.
    if (isDraining()) return 'draining'
    return isReady ? 'ready' : 'unavailable'
  }
}
