import { BriefMap } from './brief-map.js'

/** Runs the tasks of a key one after the other, in the order of the calls. Tasks of different keys run at the same time. */
export class KeyedMutex {
  /** The last task of each key. */
  readonly #tails = new BriefMap<Promise<unknown>>()

  /** Resolves or rejects as `task` does. If a task rejects, the later tasks of its key still run. */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const previous = this.#tails.get(key)
    const tail = previous ? previous.then(task, task) : task()
    const release = (): void => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
    this.#tails.set(key, tail)
    tail.then(release, release)
    return tail
  }

  /** Resolves when every task so far has ended. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#tails.values())
  }
}
