import { LRUCache } from 'lru-cache'
import type { Clock } from '../../../util/clock.js'
import type { SendResult } from '../../engine.js'
import { resultOf, type IdempotencyKeys, type NewKey } from './idempotency.js'

/** The keys of so many messages are kept at most, in some 150 MB. If more are sent within a `sendWindow`, a retry of the oldest is stored again. */
const MAX_KEYS = 250_000

/** The idempotency keys of an engine in memory. It writes no rows for them: those took a third of a message's time. */
export class MemoryIdempotencyKeys implements IdempotencyKeys {
  readonly #keys: LRUCache<string, Pick<NewKey, 'digest' | 'synced'>>

  constructor(clock: Pick<Clock, 'now'>, maxKeys = MAX_KEYS) {
    this.#keys = new LRUCache({
      max: maxKeys,
      perf: clock,
      ttlResolution: 0,
    })
  }

  load(): Promise<void> {
    return Promise.resolve()
  }

  find(key: string, digest: string): Promise<SendResult> | undefined {
    const earlier = this.#keys.get(key)
    return earlier && resultOf(earlier, digest)
  }

  add(key: string, { digest, synced, now, expiresAt }: NewKey): void {
    this.#keys.set(key, { digest, synced }, { ttl: expiresAt - now, start: now })
  }
}
