import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PendingFrames } from '../../../src/gateway/sessions/pending-frames.js'
import { until } from '../../support/until.js'

const unexpected = (error: unknown): never => assert.fail(String(error))

test('only the frames before the call are waited for, whichever is answered first', async () => {
  const pending = new PendingFrames()
  const answers: (() => void)[] = []
  const answered: string[] = []
  const add = () => pending.run(() => new Promise<void>((resolve) => answers.push(resolve)), true, unexpected)
  const wait = (name: string) => void pending.allAnswered().then(() => answered.push(name))
  add()
  add()
  wait('two')
  add()
  wait('three')
  add()
  answers[2]?.()
  answers[1]?.()
  await until('two answers', () => pending.counted, 2)
  assert.deepEqual(answered, [])
  answers[0]?.()
  await until('three answers', () => answered.join(), 'two,three')
  assert.equal(pending.counted, 1)
})

test('work that fails, throws or has no answer to wait for counts as answered', async () => {
  const pending = new PendingFrames()
  const failures: unknown[] = []
  const note = (error: unknown) => void failures.push((error as Error).message)
  pending.run(() => undefined, true, unexpected)
  pending.run(() => Promise.reject(new Error('rejected')), true, note)
  pending.run(() => Promise.resolve(), false, unexpected)
  const thrower = () => {
    throw new Error('thrown')
  }
  pending.run(thrower, true, note)
  assert.equal(pending.counted, 1)
  await pending.allAnswered()
  assert.deepEqual([failures, pending.counted], [['thrown', 'rejected'], 0])
})
