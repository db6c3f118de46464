/** Frames that were handled one after the other. `onAnswered` is set when no more frames are added. */
interface Batch {
  unanswered: number
  onAnswered?: () => void
}

/** The frames of one client that are not answered yet. */
export class PendingFrames {
  /** The frames since the latest call of `allAnswered`. */
  #batch: Batch = { unanswered: 0 }
  /** Resolves when all frames before `#batch` are answered. */
  #earlierAnswered: Promise<unknown> = Promise.resolve()
  #counted = 0

  /** How many frames with a limit to their number are not answered yet. */
  get counted(): number {
    return this.#counted
  }

  /**
   * Starts the work of a frame, which returns undefined if the frame is answered at once. If the work fails, calls `onFailed`, which
   * answers. `isCounted` says whether the frame is one of those in `counted`.
   */
  run(
    work: () => Promise<unknown> | undefined,
    isCounted: boolean,
    onFailed: (error: unknown) => void,
  ): void {
    const batch = this.#batch
    batch.unanswered += 1
    if (isCounted) this.#counted += 1
    const onAnswered = (): void => {
      if (isCounted) this.#counted -= 1
      batch.unanswered -= 1
      if (batch.unanswered === 0) batch.onAnswered?.()
    }
    const fail = (error: unknown): void => {
      onFailed(error)
      onAnswered()
    }
    // An async function would make several more promises for each message.
    try {
      const running = work()
      if (running) running.then(onAnswered, fail)
      else onAnswered()
    } catch (error) {
      fail(error)
    }
  }

  /** Resolves when every frame so far is answered. */
  async allAnswered(): Promise<void> {
    const last = this.#batch
    if (last.unanswered > 0) {
      this.#batch = { unanswered: 0 }
      const lastAnswered = new Promise<void>((resolve) => (last.onAnswered = resolve))
      this.#earlierAnswered = Promise.all([this.#earlierAnswered, lastAnswered])
    }
    await this.#earlierAnswered
  }
}
