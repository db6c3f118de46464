/** Runs tasks one after the other, in the order of the calls. */
export class TaskQueue {
  /** Resolves when the latest task has ended. */
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves or rejects as `task` does. If a task rejects, the later tasks still run. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
