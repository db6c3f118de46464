// The subscription that a page's session gives to the gateway, and takes back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, nextEvent, reaches } from '../../support/clients/client-sessions.js'
import { refusal, started, startScripted } from '../scripted.js'

const endpoint = 'https://push.example/1'
const subscriber = {
  subscribe: () =>
    Promise.resolve({ endpoint, toJSON: () => ({ endpoint, keys: { p256dh: 'p', auth: 'a' } }) }),
}

test('a subscription that is taken back without a connection is taken back on the next one, once', async () => {
  const { session, ...script } = await startScripted(() => [
    started({ can: ['push', 'signal'], pushKey: 'key' }),
  ])
  await session.push(subscriber)
  const first = await script.connection(0)
  await eventually(() => first.of('push').length === 1)
  const lost = reaches(session, 'reconnecting')
  first.socket.terminate()
  await lost
  await session.push(null)
  const taken = [{ type: 'push', subscription: null, endpoint }]
  const second = await script.connection(1)
  await eventually(() => second.of('push').length > 0)
  assert.deepEqual(second.of('push'), taken)

  const back = nextEvent(session, 'state', ({ detail }) => detail.state === 'active')
  second.socket.terminate()
  await back
  // Frames arrive in order.
  await session.signal('bob', 'typing')
  const third = await script.connection(2)
  await eventually(() => third.of('signal').length === 1)
  assert.deepEqual(third.of('push'), [])
})

test('a subscription that the gateway refuses to take back for now is taken back again', async () => {
  const { session, ...script } = await startScripted(() => [
    started({ can: ['push', 'signal'], pushKey: 'key' }),
  ])
  await session.push(subscriber)
  await session.push(null)
  const first = await script.connection(0)
  const taken = { type: 'push', subscription: null, endpoint }
  for (const count of [1, 2, 3]) {
    await eventually(() => first.of('push').length === 1 + count)
    assert.deepEqual(first.of('push').at(-1), taken)
    first.send(
      count < 3 ? refusal('push', 'rate-limited', { retryAfter: 10 }) : refusal('push', 'bad-request'),
    )
  }
  // After a refusal for good, and after another subscription, nothing is taken back.
  await session.push(subscriber)
  await session.push(null)
  await session.push(subscriber)
  await eventually(() => first.of('push').length === 7)
  first.send(refusal('push', 'unavailable', { retryAfter: 1 }))
  first.send({ type: 'signal', from: 'bob', name: 'typing', ttl: 1000 })
  await nextEvent(session, 'signal')
  assert.equal(first.of('push').length, 7)
})

test('a subscriber that rejects on a new connection makes an `error` event with a code and the cause', async () => {
  const { session, ...script } = await startScripted(() => [started({ can: ['push'], pushKey: 'key' })])
  await session.push(subscriber)
  const cause = new Error('The browser has no push service.')
  const failing = { subscribe: () => Promise.reject(cause) }
  await assert.rejects(session.push(failing), cause)
  const failed = nextEvent(session, 'error')
  ;(await script.connection(0)).socket.terminate()
  const { error } = (await failed).detail
  assert.equal(error.code, 'push-unavailable')
  assert.equal(error.cause, cause)
})
