import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PendingCalls } from '../../src/util/pending-calls.js'

test('is idle when every promise has resolved or rejected', async () => {
  const calls = new PendingCalls()
  await calls.idle()
  let resolve = (): void => undefined
  let reject: (error: Error) => void = () => undefined
  const first = new Promise<void>((done) => (resolve = done))
  const second = new Promise<void>((_done, fail) => (reject = fail))
  calls.add(first)
  calls.add(second)
  second.catch(() => undefined)
  let idle = 0
  const waiting = [calls.idle(), calls.idle()].map((each) => each.then(() => (idle += 1)))
  resolve()
  await first
  await Promise.resolve()
  assert.equal(idle, 0)
  reject(new Error('failed'))
  await Promise.all(waiting)
  assert.equal(idle, 2)
})
