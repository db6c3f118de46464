import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KeyedMutex } from '../../src/util/keyed-mutex.js'

const task = fc.record({ key: fc.constantFrom('a', 'b', 'c'), fails: fc.boolean() })

void describe('the keyed mutex', () => {
  void it('runs tasks of a key one at a time in their order, and settles each as the task does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(task, { maxLength: 20 }), async (scheduler, tasks) => {
        const mutex = new KeyedMutex()
        const running = new Set<string>()
        const started: [string, number][] = []
        const results = tasks.map(({ key, fails }, n) =>
          mutex.run(key, async () => {
            assert.ok(!running.has(key), 'one task of a key runs')
            running.add(key)
            started.push([key, n])
            await scheduler.schedule(Promise.resolve())
            running.delete(key)
            if (fails) throw new Error(`${n}`)
            return n
          }),
        )
        const settled = Promise.allSettled(results)
        await scheduler.waitFor(mutex.idle())
        assert.equal(started.length, tasks.length)
        for (const key of ['a', 'b', 'c']) {
          const order = started.filter(([other]) => other === key).map(([, n]) => n)
          assert.deepEqual(
            order,
            order.toSorted((a, b) => a - b),
          )
        }
        for (const [n, result] of (await settled).entries()) {
          if (tasks[n]?.fails)
            assert.equal(result.status === 'rejected' && String(result.reason), `Error: ${n}`)
          else assert.equal(result.status === 'fulfilled' && result.value, n)
        }
      }),
      { numRuns: 100 },
    )
  })

  void it('runs tasks of different keys at once, and a task of a free key synchronously', async () => {
    const mutex = new KeyedMutex()
    const started: string[] = []
    const release: (() => void)[] = []
    const runs = ['a', 'b', 'c'].map((key) =>
      mutex.run(key, () => {
        started.push(key)
        return new Promise<void>((resolve) => release.push(resolve))
      }),
    )
    assert.deepEqual(started, ['a', 'b', 'c'])
    for (const resolve of release) resolve()
    await Promise.all(runs)
  })
})
