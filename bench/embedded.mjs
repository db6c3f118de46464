// The embedded engine of a benchmark, in the process that the benchmark has started for it.
import { join } from 'node:path'
import { createEmbeddedEngine } from '../dist/engine/index.js'

const path = join(process.env.BENCH_FOLDER, 'data')
/** Calls that have not resolved yet, at the same time. */
const AT_ONCE = 100

/** Opens the engine on the folder of this process. */
export const open = async () => {
  const engine = createEmbeddedEngine({ path })
  await engine.open()
  return engine
}

/** Does `step` for each number below `count`, some at a time. */
export const each = async (count, step) => {
  let next = 0
  const work = async () => {
    while (next < count) await step(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
