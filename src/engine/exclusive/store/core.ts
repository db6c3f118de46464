import type { Clock } from '../../../util/clock.js'
import type { Scheduler } from '../../../util/scheduler.js'
import type { EngineEvent } from '../../engine.js'
import type { GroupCommit } from './group-commit.js'
import type { Reads } from './reads.js'
import type { Store } from './store.js'
import type { Usage } from './usage.js'

/** What every part of an open database uses. */
export interface Core {
  store: Store
  commit: GroupCommit
  reads: Reads
  usage: Usage
  /** The number of this run: it rises at each opening of the store. A delivery or a push that an earlier run has begun is due at once. */
  run: number
  /** The engine's clock, which stops while the engine is closed. */
  clock: Clock
  /** Runs background jobs as long as the store can be written. */
  scheduler: Scheduler
  emit: (event: EngineEvent) => void
  /** Called with errors that no caller gets. */
  onError: (error: unknown) => void
}
