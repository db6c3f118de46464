import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { Deadlines } from '../../src/util/deadlines.js'

/** Far in the future, so that the timer of these tests never fires. */
const FUTURE = Date.now() + 86_400_000

const add = fc.record({ do: fc.constant('add' as const), at: fc.nat({ max: 50 }) })
const take = fc.record({ do: fc.constant('take' as const), now: fc.nat({ max: 60 }) })

void describe('the heap of deadlines', () => {
  void it('returns the items that are due, the earliest first, and each once', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(add, take), { maxLength: 200 }), (steps) => {
        const deadlines = new Deadlines<{ at: number }>(
          () => Date.now(),
          () => assert.fail('nothing is due'),
        )
        let expected: { at: number }[] = []
        for (const step of steps) {
          if (step.do === 'add') {
            const item = { at: FUTURE + step.at }
            deadlines.add(item.at, item)
            expected.push(item)
            continue
          }
          const now = FUTURE + step.now
          const due = deadlines.takeDue(now)
          assert.deepEqual(
            due.map(({ at }) => at),
            expected
              .map(({ at }) => at)
              .filter((at) => at <= now)
              .toSorted((a, b) => a - b),
          )
          assert.equal(new Set(due).size, due.length)
          for (const item of due) assert.ok(expected.includes(item))
          expected = expected.filter(({ at }) => at > now)
        }
        deadlines.stop()
        assert.deepEqual(deadlines.takeDue(Infinity), [])
      }),
    )
  })

  void it('calls back at each deadline, whatever the order in which they were added', () => {
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'Date'] })
    try {
      fc.assert(
        fc.property(fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 30 }), (delays) => {
          const start = Date.now()
          const due: number[] = []
          const deadlines = new Deadlines<number>(
            () => Date.now(),
            () => {
              for (const at of deadlines.takeDue(Date.now())) {
                assert.equal(at, Date.now())
                due.push(at)
              }
            },
          )
          for (const delay of delays) deadlines.add(start + delay + 1, start + delay + 1)
          for (let n = 0; n <= 1_001; n++) mock.timers.tick(1)
          assert.deepEqual(
            due,
            delays.map((delay) => start + delay + 1).toSorted((a, b) => a - b),
          )
        }),
        { numRuns: 50 },
      )
    } finally {
      mock.timers.reset()
    }
  })

  void it('returns at most `limit` items, and calls back for the others', () => {
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'Date'] })
    try {
      const taken: number[][] = []
      const deadlines = new Deadlines<number>(
        () => Date.now(),
        () => taken.push(deadlines.takeDue(Date.now(), 2)),
      )
      const at = Date.now() + 10
      for (const item of [1, 2, 3, 4, 5]) deadlines.add(at, item)
      mock.timers.tick(10)
      for (let turn = 0; turn < 5; turn++) mock.timers.tick(1)
      assert.deepEqual(
        taken.map(({ length }) => length),
        [2, 2, 1],
      )
      assert.deepEqual(taken.flat().toSorted(), [1, 2, 3, 4, 5])
    } finally {
      mock.timers.reset()
    }
  })

  void it('calls back once in a turn of the event loop, however long each call takes', async () => {
    let turn = 0
    const turns: number[] = []
    const deadlines = new Deadlines<number>(
      () => performance.now(),
      () => {
        turns.push(turn)
        deadlines.takeDue(performance.now(), 1)
        // This work for the item also sets a timer. Then Node reads the clock, and finds that the timer of the next item is due.
        queueMicrotask(() => {
          const end = performance.now() + 5
          while (performance.now() < end);
          clearTimeout(setTimeout(() => undefined, 1_000))
        })
      },
    )
    const at = performance.now()
    for (let item = 0; item < 10; item++) deadlines.add(at, item)
    for (const by = performance.now() + 10_000; turns.length < 10 && performance.now() < by; turn++)
      await nextTurn()
    assert.equal(turns.length, 10)
    assert.equal(new Set(turns).size, 10)
    deadlines.stop()
  })

  void it('calls back for the other items when a call throws', () => {
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'Date'] })
    try {
      const taken: string[] = []
      const deadlines = new Deadlines<string>(
        () => Date.now(),
        () => {
          const [item = 'none'] = deadlines.takeDue(Date.now(), 1)
          taken.push(item)
          if (item === 'bad') throw new Error('of the item')
        },
      )
      deadlines.add(Date.now() + 10, 'bad')
      deadlines.add(Date.now() + 10, 'good')
      assert.throws(() => mock.timers.tick(11), /of the item/)
      mock.timers.tick(2)
      assert.deepEqual(taken, ['bad', 'good'])
    } finally {
      mock.timers.reset()
    }
  })

  void it('waits longer than a timer can', () => {
    mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'Date'] })
    try {
      const days = 40 * 86_400_000
      let due = 0
      const deadlines = new Deadlines<string>(
        () => Date.now(),
        () => (due += deadlines.takeDue(Date.now()).length),
      )
      deadlines.add(days, 'far')
      mock.timers.tick(2 ** 31)
      assert.equal(due, 0)
      mock.timers.tick(days - 2 ** 31)
      assert.equal(due, 1)
    } finally {
      mock.timers.reset()
    }
  })
})
