/** Does what is asked for under one name one thing after the other, and under different names at once. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name)
    const mine = before ? before.then(work, work) : work()
    const leave = (): void => {
      if (this.#last.get(name) === mine) this.#last.delete(name)
    }
    this.#last.set(name, mine)
    mine.then(leave, leave)
    return mine
  }

  /** Resolves when everything asked for so far is done or has failed. */
  async done(): Promise<void> {
    await Promise.allSettled(this.#last.values())
  }
}
