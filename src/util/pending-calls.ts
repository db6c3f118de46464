/** Counts the promises that are pending. It does not keep them in a `Set`, for the reason that `BriefMap` has. */
export class PendingCalls {
  #count = 0
  #onIdle: (() => void)[] = []

  add(call: Promise<unknown>): void {
    this.#count += 1
    const end = (): void => {
      this.#count -= 1
      if (this.#count > 0) return
      for (const resolve of this.#onIdle.splice(0)) resolve()
    }
    call.then(end, end)
  }

  /** Resolves when no promise is pending. */
  async idle(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }
}
