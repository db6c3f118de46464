import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

/** Returns the history's hash that a simulation prints. Rejects if it broke a rule. */
const historyOf = async (seed: number): Promise<string> => {
  const { stdout } = await promisify(execFile)('node', ['scripts/simulate.mjs', '--seed', String(seed)], {
    maxBuffer: 64 * 2 ** 20,
  })
  const [, history] = /"history": "([0-9a-f]{64})"/.exec(stdout) ?? []
  assert.ok(history)
  return history
}

const { default: faults } = (await import(new URL('faults.mjs', import.meta.url).href)) as {
  default: { name: string; file: string; right: string }[]
}
const known = JSON.parse(await readFile(new URL('./seeds.json', import.meta.url), 'utf8')) as {
  seed: number
  found: string
}[]

void describe('a simulation', () => {
  void it('has the same history each time that its seed is run', async () => {
    const [first, second] = await Promise.all([historyOf(2), historyOf(2)])
    assert.equal(first, second)
    assert.notEqual(await historyOf(4), first)
  })

  void it('has faults to put in that fit the files as they are', async () => {
    for (const { name, file, right } of faults)
      assert.equal((await readFile(file, 'utf8')).split(right).length, 2, name)
  })

  for (const { seed, found } of known)
    void it(`breaks no rule with seed ${seed}, which once found this: ${found}`, async () => {
      assert.ok(await historyOf(seed))
    })
})
