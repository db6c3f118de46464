/** Milliseconds that `until` waits. Less than mocha's limit in web-test-runner.config.mjs, so that this error comes first. */
const TIMEOUT = 50_000

/** Polls until `actual` returns `expected`, or true if nothing else is given. After the timeout it throws, with the last value. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>
export async function until<T>(
  what: string,
  actual: () => T | Promise<T>,
  expected: T,
  timeout?: number,
): Promise<void>
export async function until(
  what: string,
  actual: () => unknown,
  expected: unknown = true,
  timeout = TIMEOUT,
): Promise<void> {
  const deadline = performance.now() + timeout
  // The pauses grow: a poll can take time from the page or process that the test waits for.
  for (let pause = 1; ; pause = Math.min(1.3 * pause, 200)) {
    const value = await actual()
    if (value === expected) return
    if (performance.now() > deadline)
      throw new Error(`Timed out: ${what}. Expected ${String(expected)}, got ${String(value)}.`)
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}

/** Repeats a call until it resolves, as a client does. Resolves with its value. */
export const untilResolves = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
  const values: T[] = []
  await until(what, () =>
    call().then(
      (value) => values.push(value) > 0,
      () => false,
    ),
  )
  return values[0] as T
}
