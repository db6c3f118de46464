// The rate limiter by its properties, on a clock that the test sets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRateLimiter, MAX_DEBT, type LimitName } from '../../../src/gateway/limits/rate-limiter.js'

/** A limiter whose clock stands still until the test moves it. */
const limiterAt = (start = 1_000) => {
  const clock = { now: start }
  return { clock, limiter: createRateLimiter(() => clock.now) }
}

const perSecond = fc.integer({ min: 1, max: 1_000 })
/** Milliseconds between two takes: often none, sometimes long enough for a bucket to be dropped. */
const pauses = fc.array(
  fc.oneof(
    fc.constant(0),
    fc.double({ min: 0, max: 50, noNaN: true }),
    fc.double({ min: 0, max: 3_000, noNaN: true }),
  ),
  { minLength: 1, maxLength: 200 },
)

test('in any window a key takes at most the tokens of a second, and those that the window refills', () => {
  fc.assert(
    fc.property(perSecond, pauses, (budget, between) => {
      const { clock, limiter } = limiterAt()
      const taken: number[] = []
      for (const pause of between) {
        clock.now += pause
        // This is twice the budget: the tokens of the bucket, and as many refusals.
        for (let n = 0; n < 2 * budget && n < 50; n++)
          if (limiter.take('messagesPerSecond', 'ada', budget) === 0) taken.push(clock.now)
      }
      for (const [first, from] of taken.entries())
        for (let last = first; last < taken.length; last++) {
          const window = (taken[last] ?? 0) - from
          assert.ok(last - first + 1 <= budget + (window * budget) / 1_000 + 1e-3, `${window} ms`)
        }
    }),
    { numRuns: 50 },
  )
})

test('a key that has waited as long as it was asked to is let through', () => {
  fc.assert(
    fc.property(perSecond, pauses, (budget, between) => {
      const { clock, limiter } = limiterAt()
      for (const pause of between) {
        clock.now += pause
        const wait = limiter.take('messagesPerSecond', 'ada', budget)
        if (wait === 0) continue
        assert.ok(Number.isInteger(wait) && wait > 0 && wait <= Math.ceil(1_000 / budget), `${wait}`)
        clock.now += wait
        assert.equal(limiter.take('messagesPerSecond', 'ada', budget), 0)
      }
    }),
  )
})

test('a bucket is full after a second, and never more than full', () => {
  fc.assert(
    fc.property(perSecond, fc.double({ min: 1_000, max: 1e12, noNaN: true }), (budget, rest) => {
      const { clock, limiter } = limiterAt()
      for (let n = 0; n < budget; n++) limiter.take('messagesPerSecond', 'ada', budget)
      assert.notEqual(limiter.take('messagesPerSecond', 'ada', budget), 0)
      clock.now += rest
      for (let n = 0; n < budget; n++) assert.equal(limiter.take('messagesPerSecond', 'ada', budget), 0)
      assert.notEqual(limiter.take('messagesPerSecond', 'ada', budget), 0)
    }),
  )
})

test('if the clock goes back, no key gains or loses tokens, and time goes on from where it was', () => {
  fc.assert(
    fc.property(perSecond, fc.double({ min: 0, max: 1e9, noNaN: true }), (budget, back) => {
      const { clock, limiter } = limiterAt(1e9)
      for (let n = 0; n < budget; n++) limiter.take('messagesPerSecond', 'ada', budget)
      const wait = limiter.take('messagesPerSecond', 'ada', budget)
      clock.now -= back
      assert.equal(limiter.take('messagesPerSecond', 'ada', budget), wait)
      assert.equal(limiter.take('messagesPerSecond', 'bob', budget), 0)
      clock.now = 1e9 + wait
      assert.equal(limiter.take('messagesPerSecond', 'ada', budget), 0)
    }),
  )
})

test('a key that spends never gets more than the tokens of a second and of the time since, and its debt', () => {
  fc.assert(
    fc.property(
      perSecond,
      pauses,
      fc.double({ min: 0, max: 3_000, noNaN: true }),
      (budget, between, amount) => {
        const { clock, limiter } = limiterAt()
        const start = clock.now
        let spent = 0
        for (const pause of between) {
          clock.now += pause
          const left = limiter.spend('bytesPerSecond', 'ada', budget, amount)
          assert.ok(left <= 1)
          if (left < -MAX_DEBT) return
          spent += amount
          assert.ok(spent <= budget * (1 + MAX_DEBT) + ((clock.now - start) * budget) / 1_000 + 1e-3)
        }
      },
    ),
  )
})

test('a debt is repaid in the time that was returned, even if nothing is spent meanwhile', () => {
  fc.assert(
    fc.property(perSecond, fc.double({ min: 1, max: 1 + MAX_DEBT, noNaN: true }), (budget, seconds) => {
      const { clock, limiter } = limiterAt()
      const left = limiter.spend('bytesPerSecond', 'ada', budget, seconds * budget)
      assert.ok(Math.abs(left - (1 - seconds)) < 1e-6)
      clock.now += -left * 1_000
      assert.ok(Math.abs(limiter.spend('bytesPerSecond', 'ada', budget, 0)) < 1e-6)
    }),
  )
})

test('two limits, and two keys, share no bucket', () => {
  const names: LimitName[] = ['messagesPerSecond', 'requestsPerSecond', 'signalsPerSecond', 'bytesPerSecond']
  // Keys as the gateway makes them: an app id and a user id, which may contain any text but control characters.
  const key = fc.string().map((userId) => `app\0${userId}`)
  fc.assert(
    fc.property(perSecond, fc.uniqueArray(key, { minLength: 2, maxLength: 5 }), (budget, keys) => {
      const { limiter } = limiterAt()
      for (const name of names)
        for (const each of keys) {
          for (let n = 0; n < budget; n++) assert.equal(limiter.take(name, each, budget), 0)
          assert.notEqual(limiter.take(name, each, budget), 0)
        }
    }),
    { numRuns: 20 },
  )
})

test('only the keys of the last two seconds are kept, however many there were', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 500 }), (each, step) => {
      const { clock, limiter } = limiterAt()
      let key = 0
      let largest = 0
      for (let elapsed = 0; elapsed < 20_000; elapsed += step) {
        for (let n = 0; n < each; n++) limiter.take('messagesPerSecond', `${key++}`, 20)
        clock.now += step
        largest = Math.max(largest, limiter.size())
      }
      // A generation lasts until the first take after a second.
      assert.ok(largest <= 2 * each * (Math.floor(1_000 / step) + 1), `${largest}`)
      clock.now += 3_000
      limiter.take('messagesPerSecond', 'last', 20)
      assert.equal(limiter.size(), 1)
    }),
    { numRuns: 30 },
  )
})

test('a debt is kept until it is repaid, whoever else spends meanwhile, and the others only for two seconds', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 1 + MAX_DEBT, noNaN: true }),
      fc.integer({ min: 1, max: 500 }),
      (seconds, step) => {
        const { clock, limiter } = limiterAt()
        const start = clock.now
        limiter.spend('bytesPerSecond', 'ada', 1, seconds)
        const spendAll = (until: number): void => {
          for (let key = 0; clock.now + step <= until; key++) {
            clock.now += step
            limiter.spend('bytesPerSecond', `${clock.now} ${key}`, 100, 1)
          }
        }
        spendAll(start + 1_000 * (seconds - 1))
        clock.now = start + 1_000 * (seconds - 1)
        assert.ok(Math.abs(limiter.spend('bytesPerSecond', 'ada', 1, 0)) < 1e-6)
        spendAll(clock.now + 20_000)
        // A generation lasts until the first spending after a second.
        assert.ok(limiter.size() <= 2 * (Math.floor(1_000 / step) + 1), `${limiter.size()}`)
      },
    ),
    { numRuns: 30 },
  )
})
