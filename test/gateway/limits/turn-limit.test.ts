import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurnLimit } from '../../../src/gateway/limits/turn-limit.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('jobs of a limited weight run at once, the others in later turns and in their order', async () => {
  const limit = createTurnLimit(3)
  const ran: number[] = []
  for (let job = 0; job < 8; job += 1) limit.run(() => ran.push(job))
  assert.deepEqual(ran, [0, 1, 2])
  await turn()
  assert.deepEqual(ran, [0, 1, 2, 3, 4, 5])
  limit.run(() => ran.push(8))
  assert.deepEqual(ran.length, 6, 'a new job does not overtake those that wait')
  await turn()
  assert.deepEqual(ran, [0, 1, 2, 3, 4, 5, 6, 7, 8])
  await turn()
  await turn()
  limit.run(() => ran.push(9))
  assert.equal(ran.at(-1), 9, 'after a pause a job runs at once')
})

test('a job that throws does not stop those after it', async () => {
  const limit = createTurnLimit(1)
  const ran: string[] = []
  assert.throws(() => {
    limit.run(() => {
      throw new Error('broken')
    })
  }, /broken/)
  limit.run(() => ran.push('next'))
  await turn()
  assert.deepEqual(ran, ['next'])
})

test('a turn does not copy the jobs that wait for later turns', async (t) => {
  const limit = createTurnLimit(10)
  const all = Array.from({ length: 5_000 }, (_, n) => n)
  const ran: number[] = []
  for (const n of all) limit.run(() => ran.push(n))
  // `mock.method` takes no array.
  const { slice } = Array.prototype
  let copied = 0
  Array.prototype.slice = function (this: unknown[], ...range) {
    const items = slice.apply(this, range) as unknown[]
    copied += items.length
    return items
  }
  t.after(() => (Array.prototype.slice = slice))
  while (ran.length < all.length) await turn()
  assert.ok(copied < 4 * all.length, `${copied} jobs were copied`)
  assert.deepEqual(ran, all)
})
