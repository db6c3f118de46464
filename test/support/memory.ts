import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Returns the bytes of memory that are in use after `make` and were not before. */
export const memoryOf = async (make: () => unknown): Promise<number> => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  await make()
  collect()
  return process.memoryUsage().heapUsed - before
}

/** Returns the bytes of memory that each thing takes. `make` makes those from one number to another. The first ten do not count. */
export const memoryOfEach = async (
  make: (from: number, to: number) => unknown,
  count = 80,
): Promise<number> => {
  await make(0, 10)
  return (await memoryOf(() => make(10, 10 + count))) / count
}
