/** Passes on whether a session's page is hidden. A change counts as a request: beyond the user's limit only the latest state is passed on. */
export class Visibility {
  readonly #apply: (hidden: boolean) => void
  readonly #takeRequest: () => number
  #hidden = false
  #timer: NodeJS.Timeout | undefined

  /** `takeRequest` returns 0, or the milliseconds until the user has a request left. */
  constructor(apply: (hidden: boolean) => void, takeRequest: () => number) {
    this.#apply = apply
    this.#takeRequest = takeRequest
  }

  set(hidden: boolean): void {
    this.#hidden = hidden
    // `refused` can't answer a `visibility`, and the latest one must not get lost: the session may have to make room.
    if (this.#timer === undefined) this.#pass()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #pass(): void {
    const wait = this.#takeRequest()
    this.#timer = wait === 0 ? undefined : setTimeout(() => this.#pass(), wait).unref()
    if (wait === 0) this.#apply(this.#hidden)
  }
}
