import type { SessionRef } from '../../engine.js'
import type { OfPartition, StepRunner } from '../step-runner.js'

/** How long touches are gathered, in milliseconds. */
const GATHER_TIME = 1_000

interface Touch extends OfPartition {
  readonly args: readonly string[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Stores when sessions were seen last, and their round-trip times. One call stores the touches that up to 200 users made within a second;
 * in a cluster, users of one partition. Idle sessions make hardly any other calls, and one call for each touch would take Redis many times
 * as long.
 */
export class Touches {
  readonly #runner: StepRunner
  #waiting: Touch[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(runner: StepRunner) {
    this.#runner = runner
  }

  /** Resolves when the touch is stored. */
  add({ appId, userId, sessionId }: SessionRef, connectionId: string, rtt: number): Promise<void> {
    const of = { appId, userId }
    return new Promise((resolve, reject) => {
      const args = [sessionId, connectionId, String(rtt)]
      this.#waiting.push({ of, partition: this.#runner.partitions.of(of), args, resolve, reject })
      this.#timer ??= setTimeout(() => this.flush(), GATHER_TIME)
    })
  }

  /** Stores what was gathered. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const touches = this.#waiting
    this.#waiting = []
    const { steps } = this.#runner
    for (const group of this.#runner.userGroups(touches)) {
      const args = group.users.flatMap((touch) => touch.args)
      this.#runner.onUsers(steps.touchSessions, ['sessions'], group, args).then(
        () => group.users.forEach(({ resolve }) => resolve()),
        (error: unknown) => group.users.forEach(({ reject }) => reject(error)),
      )
    }
  }
}
