import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTracer } from '../../../src/gateway/connection/tracer.js'
import type { TracedFrame } from '../../../src/protocol/internal.js'

const session = { appId: 'app', userId: 'ada', sessionId: 'one' }

test('only frames of a watched session are passed on, to each watcher, until it stops', () => {
  const tracer = createTracer()
  const seen: [string, TracedFrame][] = []
  const watch = (name: string): AbortController => {
    const life = new AbortController()
    tracer.watch(session, (frame) => seen.push([name, frame]), life.signal)
    return life
  }
  assert.equal(tracer.isOn(), false)
  const [first, second] = [watch('first'), watch('second')]
  assert.equal(tracer.isOn(), true)
  tracer.recordReceived(session, 'send', 40)
  tracer.recordReceived({ ...session, sessionId: 'two' }, 'send', 40)
  tracer.recordReceived({ ...session, userId: 'bob' }, 'send', 40)
  tracer.recordReceived(undefined, 'start', 400)
  first.abort()
  tracer.recordSent(session, '{"type":"refused","code":"conflict","message":"ä"}', 'conflict')
  second.abort()
  tracer.recordSent(session, '{"type":"ping"}', null)
  assert.equal(tracer.isOn(), false)
  assert.deepEqual(
    seen.map(([name, { direction, type, bytes, code }]) => [name, direction, type, bytes, code]),
    [
      ['first', 'in', 'send', 40, null],
      ['second', 'in', 'send', 40, null],
      ['second', 'out', 'refused', 51, 'conflict'],
    ],
  )
})
