import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createConcurrencyLimit, NoPlaceError } from '../../../src/gateway/limits/concurrency-limit.js'

test('no more jobs than the limits run or wait; accepted jobs run once, in order; a failed job frees its place', async () => {
  const sizes = fc.integer({ min: 1, max: 5 })
  /** Each step starts a job, or ends the oldest that runs; a job ends well or not. */
  const steps = fc.array(fc.record({ starts: fc.boolean(), fails: fc.boolean() }), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(sizes, sizes, steps, async (max, maxWaiting, each) => {
      const limit = createConcurrencyLimit(max, maxWaiting)
      const running: { number: number; end: (fails: boolean) => void }[] = []
      const started: number[] = []
      const outcomes: Promise<unknown>[] = []
      let taken = 0
      let ended = 0
      const begin = (number: number) =>
        limit.run(async () => {
          started.push(number)
          await new Promise<void>((resolve, reject) =>
            running.push({ number, end: (fails) => (fails ? reject(new Error('failed')) : resolve()) }),
          )
        })
      const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
      for (const { starts, fails } of each) {
        if (starts) {
          const run = begin(taken)
          assert.equal(run === undefined, taken - ended >= max + maxWaiting)
          if (run) taken++
          if (run) outcomes.push(run.catch(() => undefined))
        } else {
          const first = running.shift()
          if (first) ended++
          first?.end(fails)
        }
        await nextTurn()
        assert.equal(running.length, Math.min(max, taken - ended))
      }
      for (let next = running.shift(); next; next = running.shift()) {
        next.end(false)
        await nextTurn()
      }
      await Promise.all(outcomes)
      assert.deepEqual(
        started,
        Array.from({ length: taken }, (_, index) => index),
      )
    }),
    { numRuns: 50 },
  )
})

test('groups take turns, and the group with the most gives places to groups with fewer', async () => {
  const limit = createConcurrencyLimit(1, 3)
  const outcomes: string[] = []
  const run = async (name: string): Promise<void> => {
    const turn = limit.run(() => Promise.resolve(outcomes.push(`${name} ran`)), undefined, name[0])
    if (!turn) outcomes.push(`${name} was refused`)
    await turn?.catch((error: unknown) => {
      assert.ok(error instanceof NoPlaceError)
      outcomes.push(`${name} lost its place`)
    })
  }
  await Promise.all(['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'c1'].map(run))
  assert.deepEqual(outcomes.toSorted(), [
    'a1 ran',
    'a2 ran',
    'a3 lost its place',
    'a4 lost its place',
    'a5 was refused',
    'b1 ran',
    'b2 was refused',
    'c1 ran',
  ])
  const ran = outcomes.filter((outcome) => outcome.endsWith('ran'))
  assert.deepEqual(ran, ['a1 ran', 'a2 ran', 'b1 ran', 'c1 ran'])
})
