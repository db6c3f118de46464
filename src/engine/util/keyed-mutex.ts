/** Does what is asked for under one name one thing after the other, and under different names at once. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<unknown>>()

  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name)
    const mine = before ? before.then(work, work) : work()
    const leave = (): void => {
      if (this.#tails.get(name) === mine) this.#tails.delete(name)
    }
    this.#tails.set(name, mine)
    mine.then(leave, leave)
    return mine
  }

  /** Resolves when everything asked for so far is done or has failed. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#tails.values())
  }
}
