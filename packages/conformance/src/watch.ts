import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'

/** Thrown if the client breaks a rule. The message says what the client did wrong. */
export class Breach extends Error {
  override readonly name = 'Breach'
}

/** Throws a `Breach` with the sentence `otherwise`, unless `holds` is true. */
export function expect(holds: unknown, otherwise: string): asserts holds {
  if (!holds) throw new Breach(otherwise)
}

/** A queue of the items of one kind that have arrived: connections, frames of one connection, or reports of one client. */
export interface Feed<T> {
  readonly all: readonly T[]
  push(item: T): void
  /**
   * Resolves with the oldest item that fits and was not taken yet. If none comes within `limit`, rejects with a `Breach` whose message
   * contains `what`.
   */
  take(what: string, fits?: (item: T) => boolean): Promise<T>
}

/** Makes and ends the waits of one case. */
export interface Watch {
  /** Milliseconds that a client has for each thing that the case waits for. */
  readonly limit: number
  feed<T>(): Feed<T>
  /** Ends the case: every wait rejects, even one that begins later. Only the first call counts. */
  fail(why: string): void
  /** Waits. Rejects if the case fails meanwhile. */
  pause(milliseconds: number): Promise<void>
}

interface Taker<T> {
  fits: (item: T) => boolean
  resolve: (item: T) => void
}

export const createWatch = (limit: number): Watch => {
  const failure = new AbortController()
  const { signal } = failure
  // Each wait adds a listener to this signal. Without this line Node would warn of many listeners.
  setMaxListeners(0, signal)

  const createFeed = <T>(): Feed<T> => {
    const all: T[] = []
    const untaken: T[] = []
    const takers = new Set<Taker<T>>()
    return {
      all,
      push(item) {
        all.push(item)
        const taker = [...takers].find(({ fits }) => fits(item))
        if (taker) taker.resolve(item)
        else untaken.push(item)
      },
      async take(what, fits = () => true) {
        signal.throwIfAborted()
        const index = untaken.findIndex(fits)
        if (index >= 0) return untaken.splice(index, 1)[0] as T
        return new Promise<T>((resolve, reject) => {
          const finish = (): void => {
            clearTimeout(timer)
            takers.delete(taker)
            signal.removeEventListener('abort', onFailure)
          }
          const onFailure = (): void => {
            finish()
            reject(signal.reason as Breach)
          }
          const taker: Taker<T> = {
            fits,
            resolve(item) {
              finish()
              resolve(item)
            },
          }
          const timer = setTimeout(() => {
            finish()
            reject(new Breach(`The client did not ${what} within ${limit / 1_000} s.`))
          }, limit)
          takers.add(taker)
          signal.addEventListener('abort', onFailure)
        })
      },
    }
  }

  return {
    limit,
    feed: createFeed,
    fail: (why) => failure.abort(new Breach(why)),
    async pause(milliseconds) {
      signal.throwIfAborted()
      await wait(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted())
    },
  }
}
