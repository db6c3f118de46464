// Reads and writes bench/results.json: the newest result of each row, in the order of the rows, and those of bench/nodes.mjs,
// bench/calls.mjs and bench/redis-engine.mjs.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { rows } from './rows/index.mjs'

const file = fileURLToPath(new URL('results.json', import.meta.url))

export const readResults = async () => {
  const text = await readFile(file, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '{}'
    throw error
  })
  return JSON.parse(text)
}

/** Calls `change` with the results, which it changes, and writes them. */
export const changeResults = async (change) => {
  const results = await readResults()
  change(results)
  const ordered = Object.fromEntries(
    [...Object.keys(rows), 'nodes', 'cluster', 'calls', 'calls-each', 'redis-memory'].flatMap((name) =>
      name in results ? [[name, results[name]]] : [],
    ),
  )
  await writeFile(
    file,
    await format(JSON.stringify(ordered), { ...(await resolveConfig(file)), filepath: file }),
  )
}
