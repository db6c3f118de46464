/**
 * Returns a function that calls `handle` with one value after the other. A value that comes while `handle` runs waits until it is done.
 */
export const inOrder = <T extends object>(handle: (value: T) => void): ((value: T) => void) => {
  /** The value that is handled, and after it those that wait. */
  const values: T[] = []
  return (value) => {
    if (values.push(value) > 1) return
    for (; values[0]; values.shift()) handle(values[0])
  }
}
