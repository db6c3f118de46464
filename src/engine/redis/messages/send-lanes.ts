import { BriefMap } from '../../../util/brief-map.js'
import type { SendResult } from '../../engine.js'

/** The outcome of a failed send, which its caller may repeat. Later sends that wait must not overtake the repetition. */
type Failure = { result: SendResult } | { error: unknown }

interface Lane {
  /** Resolves when the latest send has ended. */
  tail: Promise<void>
  failure: Failure | undefined
}

/**
 * Runs the sends of each user one after the other, in a lane. Otherwise a script could overtake an earlier script that the Redis client
 * sends again, after a lost connection or while a slot moves. If a send throws, or ends with `full` or `limited`, its caller may repeat it.
 * So the sends that wait for it fail with the same outcome.
 */
export class SendLanes {
  readonly #lanes = new BriefMap<Lane>()

  async run(key: string, send: () => Promise<SendResult>): Promise<SendResult> {
    const known = this.#lanes.get(key)
    const lane: Lane = known ?? { tail: Promise.resolve(), failure: undefined }
    this.#lanes.set(key, lane)
    const turn = known
      ? lane.tail.then(() => this.#takeTurn(lane, key, send))
      : this.#takeTurn(lane, key, send)
    const tail: Promise<void> = turn.then(
      () => this.#release(lane, key, tail),
      () => this.#release(lane, key, tail),
    )
    lane.tail = tail
    return turn
  }

  async #takeTurn(lane: Lane, key: string, send: () => Promise<SendResult>): Promise<SendResult> {
    if (lane.failure) {
      if ('error' in lane.failure) throw lane.failure.error
      return lane.failure.result
    }
    try {
      const result = await send()
      if (result.outcome === 'full' || result.outcome === 'limited') this.#fail(lane, key, { result })
      return result
    } catch (error) {
      this.#fail(lane, key, { error })
      throw error
    }
  }

  /** Removes the lane, so that sends from now on do not wait for the failed one. */
  #fail(lane: Lane, key: string, failure: Failure): void {
    lane.failure = failure
    if (this.#lanes.get(key) === lane) this.#lanes.delete(key)
  }

  #release(lane: Lane, key: string, tail: Promise<void>): void {
    if (lane.tail === tail && this.#lanes.get(key) === lane) this.#lanes.delete(key)
  }
}
