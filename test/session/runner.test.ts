// What the runner adds to the machine: it loads the race if no attempt succeeds for a second.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRunner } from '../../src/session/runner.js'
import { isAsleep } from '../../src/session/machine/selectors.js'
import { loadRace } from '../../src/session/transports/load-race.js'
import { holdClock } from '../support/held-clock.js'
import { info } from './machine/states.js'

test('a page that sleeps within a second of its connection is not woken', async (t) => {
  const clock = holdClock(t)
  const sockets: FakeSocket[] = []
  class FakeSocket {
    readonly OPEN = 1
    readonly CLOSED = 3
    readyState = 1
    onmessage?: (event: { data: string }) => void
    constructor() {
      sockets.push(this)
    }
    send(): void {
      // Nothing answers.
    }
    close(): void {
      this.readyState = this.CLOSED
    }
  }
  const runner = createRunner(
    { endpoint: 'http://gateway', WebSocket: FakeSocket as unknown as typeof WebSocket },
    {
      credentials: {
        held: () => ({ from: 'page', fields: { token: 'a.b.c' }, isGuest: false }),
        given: () => ({}),
        fetchable: () => false,
        set: () => true,
        accept: () => undefined,
        discard: () => undefined,
        fetch: () => Promise.resolve(),
      },
      startFrame: () => ({ type: 'start', appId: 'app', client: 'test' }),
      postSends: () => undefined,
      resumeStorage: { take: () => 'unavailable', save: () => undefined },
      since: () => undefined,
      changed: () => undefined,
      deliver: () => undefined,
      emitError: () => undefined,
    },
  )
  runner.start()
  sockets[0]?.onmessage?.({ data: JSON.stringify(info) })
  assert.equal(runner.state().name, 'active')
  runner.feed({ type: 'leave', phase: 'asleep' })
  clock.advance(1_000)
  await loadRace()
  await Promise.resolve()
  assert.ok(isAsleep(runner.state()))
  assert.equal(sockets.length, 1)
  await runner.end()
})
