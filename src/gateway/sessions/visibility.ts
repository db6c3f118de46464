/**
 * Calls `apply` when a session's page was hidden or shown. Each call counts as a request of the user: beyond the limit it waits, and
 * only the latest state is applied.
 */
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
    // If the latest state were dropped instead, the session of a visible page could be ended as a hidden one to make room.
    if (this.#timer === undefined) this.#applyWhenAllowed()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #applyWhenAllowed(): void {
    const wait = this.#takeRequest()
    this.#timer = wait === 0 ? undefined : setTimeout(() => this.#applyWhenAllowed(), wait).unref()
    if (wait === 0) this.#apply(this.#hidden)
  }
}
