import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

/** Returns the history's hash that a simulation prints. Rejects if it broke a rule. An odd seed has three gateways unless `nodes` says one. */
const historyOf = async (seed: number, nodes?: number): Promise<string> => {
  const args = ['scripts/simulate.mjs', '--seed', String(seed), ...(nodes ? ['--nodes', String(nodes)] : [])]
  const { stdout } = await promisify(execFile)('node', args, { maxBuffer: 64 * 2 ** 20 })
  const [, history] = /"history": "([0-9a-f]{64})"/.exec(stdout) ?? []
  assert.ok(history)
  return history
}

const { default: faults } = (await import(new URL('faults.mjs', import.meta.url).href)) as {
  default: { name: string; file: string; right: string }[]
}
const known = JSON.parse(await readFile(new URL('./seeds.json', import.meta.url), 'utf8')) as {
  seed: number
  nodes?: number
  found: string
}[]

void describe('a simulation', () => {
  for (const [nodes, seed] of [
    ['one gateway', 2],
    ['three gateways', 3],
  ] as const)
    void it(`of ${nodes} has the same history each time that its seed is run`, async () => {
      const [first, second] = await Promise.all([historyOf(seed), historyOf(seed)])
      assert.equal(first, second)
      assert.notEqual(await historyOf(seed + 2), first)
    })

  void it('has faults to put in that fit the files as they are', async () => {
    for (const { name, file, right } of faults)
      assert.equal((await readFile(file, 'utf8')).split(right).length, 2, name)
  })

  for (const { seed, nodes, found } of known)
    void it(`breaks no rule with seed ${seed}, which once found this: ${found}`, async () => {
      assert.ok(await historyOf(seed, nodes))
    })
})
