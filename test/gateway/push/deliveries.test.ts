// What reaches a user's devices while no page is open: a real gateway, and a push service that verifies and decrypts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handshake, openRaw, settled, startProtocol } from '../../support/raw-client.js'
import { startOf } from '../../support/starts.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { leave, startPushGateway, startWithPhone } from './setup.js'

/** The close code 1001, as in a close frame. */
const LEFT = [1001 >> 8, 1001 & 0xff]

test('a message to a user without a page is pushed once, to each device', async () => {
  const { service, subscribe, send, connect } = await startWithPhone()
  await subscribe('ada', service.subscribe('laptop'))
  const bob = await connect('bob', { user: { name: 'Bob Dylan' } })
  bob.send({ type: 'send', id: '1', to: 'ada', body: 'Hello' })
  await bob.next('sent')
  await until('both came', () => service.received.length, 2)
  // A later message comes after a second push of this one would have.
  await send(null, 'ada', 'Later')
  await until('the later one came', () => service.received.length, 4)
  assert.deepEqual(service.faults, [])
  for (const device of ['phone', 'laptop']) {
    const pushes = service.received.filter((one) => one.device === device)
    const [first, second] = pushes.map(({ payload }) => payload)
    assert.deepEqual(first, {
      web_push: 8030,
      notification: {
        title: 'Bob Dylan',
        body: 'Hello',
        navigate: 'https://www.example.com/messages?from=bob',
        tag: 'chat-session:app:ada:bob',
        data: { app: 'app', user: 'ada', offset: 1, from: 'bob' },
      },
      app_badge: 1,
    })
    assert.deepEqual(second?.notification, {
      title: 'New message',
      body: 'Later',
      navigate: 'https://www.example.com/messages?from=',
      tag: 'chat-session:app:ada:',
      data: { app: 'app', user: 'ada', offset: 2, from: null },
    })
    assert.equal(second.app_badge, 2)
    assert.deepEqual(
      pushes.map(({ headers }) => headers['ttl']),
      ['86400', '86400'],
    )
    assert.equal(new Set(pushes.map(({ headers }) => headers['topic'])).size, 2)
    assert.equal(new Set(pushes.map(({ headers }) => headers.authorization)).size, 1)
    assert.equal(pushes[0]?.claims['sub'], 'mailto:ops@example.com')
  }
})

test('of one sender the newest message is pushed, and its topic is the same as before', async () => {
  // Longer than a slow machine takes for three messages.
  const { service, send } = await startWithPhone({ after: 2 })
  for (const body of ['one', 'two', 'three']) await send('bob', 'ada', body)
  await until('it came', () => service.received.length, 1)
  await send('bob', 'ada', 'four')
  await until('the next came', () => service.received.length, 2)
  assert.deepEqual(service.bodies('phone'), ['three', 'four'])
  const [first, second] = service.received
  assert.equal(first?.headers['topic'], second?.headers['topic'])
  assert.deepEqual([first?.payload.app_badge, second?.payload.app_badge], [3, 4])
})

test('a message that was read in time is not pushed', async () => {
  const { service, send, connect } = await startWithPhone({ after: 0.3 })
  await send('bob', 'ada', 'read')
  const page = await connect('ada', { hidden: true })
  page.send({ type: 'read', epoch: page.started['epoch'], offset: 1 })
  await page.next('unread')
  await leave(page)
  await send('carl', 'ada', 'unread')
  await until('the other came', () => service.received.length, 1)
  assert.deepEqual(service.bodies('phone'), ['unread'])
})

test('nothing is pushed while a page is visible, and what it was sent is not pushed after it was hidden', async () => {
  const { service, send, connect } = await startWithPhone()
  const page = await connect('ada')
  await send('bob', 'ada', 'seen')
  await page.next('message')
  page.send({ type: 'visibility', hidden: true })
  await settled(page)
  await send('bob', 'ada', 'hidden')
  await page.next('message')
  await until('it came', () => service.received.length, 1)
  await send('carl', 'ada', 'more')
  await until('the other came', () => service.received.length, 2)
  assert.deepEqual(service.bodies('phone'), ['hidden', 'more'])
})

test('what a visible page was sent is not pushed after the page was left', async () => {
  for (const code of [1001, 4000]) {
    const { service, send, connect } = await startWithPhone()
    const page = await connect('ada')
    await send('bob', 'ada', 'seen')
    await page.next('message')
    page.socket.close(code)
    await page.closed
    await send('carl', 'ada', 'later')
    await until('the later one came', () => service.received.length, 1)
    assert.deepEqual(service.bodies('phone'), ['later'])
  }
})

test('what came after the last frame of a page that died is pushed when the loss is found', async () => {
  const { service, send, connect } = await startWithPhone({}, { config: { pingInterval: 0.5 } })
  const page = await connect('ada', {}, { pongs: false })
  await send('carl', 'ada', 'received')
  await page.next('message')
  page.send({ type: 'pong' })
  await settled(page)
  await send('bob', 'ada', 'missed')
  await page.next('message')
  await until('it came', () => service.received.length, 1)
  assert.deepEqual(service.bodies('phone'), ['missed'])
  assert.equal((await page.end()).frame['code'], 'timeout')
})

test('what came after the last frame of a page that died is pushed though its token has expired meanwhile', async () => {
  const { service, send, connect } = await startWithPhone({}, { config: { pingInterval: 2 } })
  const page = await connect('ada', { token: await tokenFor('ada', { expiresIn: 2 }) }, { pongs: false })
  await send('bob', 'ada', 'missed')
  await page.next('message')
  assert.equal((await page.end()).frame['code'], 'token-expired')
  await until('it came', () => service.received.length, 1)
  assert.deepEqual(service.bodies('phone'), ['missed'])
})

test('a message that comes after the close frame of a page is pushed', async () => {
  const { service, send, url } = await startWithPhone()
  // The client of other tests ends its side at once.
  const page = await openRaw(url, { allowHalfOpen: true })
  const protocol = `chat-session.v1, ${startProtocol(await startOf('ada'))}`
  page.socket.write(handshake({ 'Sec-WebSocket-Protocol': protocol }))
  await until('the session has started', () => page.received().includes('"type":"started"'))
  page.socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, ...LEFT]))
  await until('the gateway answers the close frame', () =>
    page.received().includes(Buffer.from([0x88, 2, ...LEFT])),
  )
  await send('bob', 'ada', 'later')
  page.socket.destroy()
  await until('it came', () => service.received.length, 1)
  assert.deepEqual(service.bodies('phone'), ['later'])
})

test('a page whose connection breaks gets what came after its last frame as a push', async () => {
  const { service, send, connect } = await startWithPhone()
  const page = await connect('ada')
  await send('bob', 'ada', 'missed')
  await page.next('message')
  page.close()
  await until('it came', () => service.received.length, 1)
  assert.deepEqual(service.bodies('phone'), ['missed'])
})

test('five senders are pushed at once, the one that waited longest first, and later the rest', async () => {
  // Longer than a slow machine takes for eight messages.
  const { service, send } = await startWithPhone({ after: 3 })
  const at: number[] = []
  service.respond = (response) => {
    at.push(performance.now())
    response.writeHead(201).end()
  }
  const senders = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  for (const sender of senders) await send(sender, 'ada', `from ${sender}`)
  await send('a', 'ada', 'from a again')
  const due = ['from b', 'from c', 'from d', 'from e', 'from f', 'from g', 'from a again']
  await until('all came', () => service.received.length, 7)
  assert.deepEqual(service.bodies('phone'), due)
  // The sixth waits for `after` again. Timers may fire a little early.
  assert.ok((at[5] ?? 0) - (at[4] ?? 0) >= 2_990)
})

test('a gateway says in its log neither the endpoint of a device nor what it pushed', async () => {
  const { service, subscribe, send, lines } = await startPushGateway()
  const subscription = service.subscribe('phone')
  await subscribe('ada', subscription)
  service.respond = (response) => response.writeHead(400).end()
  await send('bob', 'ada', 'a secret')
  await until('it was given up', () => lines.some((line) => line.includes('a push was given up')))
  const log = lines.join('')
  for (const text of ['/send/', subscription.keys.p256dh, subscription.keys.auth, 'a secret', 'vapid'])
    assert.ok(!log.includes(text), text)
  assert.ok(log.includes('push.test'))
})
