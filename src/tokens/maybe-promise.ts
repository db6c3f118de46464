/** A value, or its promise if the value is not known at once. */
export type MaybePromise<T> = T | Promise<T>

/** Calls `next` with a value: at once, unless it is a promise. An `await` would cost a microtask even for a plain value. */
export const chain = <T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> =>
  value instanceof Promise ? value.then(next) : next(value)
