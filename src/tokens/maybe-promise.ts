/** A value that is there at once, unless it has to be waited for. */
export type MaybePromise<T> = T | Promise<T>

/** Calls `next` with a value: at once if it is there. An `await` would cost several turns of the queue of microtasks. */
export const chain = <T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> =>
  value instanceof Promise ? value.then(next) : next(value)
