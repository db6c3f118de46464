// Signals between users, over real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from '../../../../src/engine/index.js'
import { guestStart } from '../../../support/starts.js'
import { assemble } from '../../../support/gateway/assembled-gateway.js'
import { startGateway } from '../../../support/gateway.js'
import { onBothEngines } from '../../../support/rest/rest-calls.js'
import { settled, startClient, type Client, type Frame, startAs } from '../../../support/raw-client.js'
import { until } from '../../../support/until.js'

const many = { signalsPerSecond: 1_000_000, messagesPerSecond: 1_000_000, requestsPerSecond: 1_000_000 }

const signalsOf = (client: Client): Frame[] => client.frames.filter(({ type }) => type === 'signal')

const send = (id: string): Frame => ({ type: 'send', id, to: 'eve', body: 'x' })

const refusalOf = async (client: Client, frame: Record<string, unknown>): Promise<unknown> => {
  client.send({ type: 'signal', ...frame })
  const { re, code } = await client.next('refused')
  assert.equal(re, 'signal')
  return code
}

// The gateways start before the first test: one that opens while no test runs is closed with the file's tests.
const toAnyone = await onBothEngines({ signals: 'anyone', limits: many })
const toPeers = await onBothEngines({ limits: many })

for (const { url, on } of toAnyone) {
  test(`a signal reaches every session of its recipient, in order, and is not answered ${on}`, async () => {
    const ada = await startAs(url, 'ada')
    const bobs = [await startAs(url, 'bob'), await startAs(url, 'bob')]
    assert.ok((ada.started['can'] as string[]).includes('signal'))
    ada.send({ type: 'signal', to: 'bob', name: 'typing' })
    for (let n = 0; n < 50; n++) ada.send({ type: 'signal', to: 'bob', name: 'n', data: { n }, ttl: 30_000 })
    for (const bob of bobs) {
      assert.deepEqual(await bob.next(), { type: 'signal', from: 'ada', name: 'typing', ttl: 5_000 })
      for (let n = 0; n < 50; n++)
        assert.deepEqual(await bob.next(), {
          type: 'signal',
          from: 'ada',
          name: 'n',
          data: { n },
          ttl: 30_000,
        })
    }
    await settled(ada)
    assert.deepEqual(
      ada.frames.map(({ type }) => type),
      ['started', 'unread'],
    )
  })

  test(`a signal to oneself reaches the own sessions, and a guest may send and be sent one ${on}`, async () => {
    const [one, two] = [await startAs(url, 'self'), await startAs(url, 'self')]
    one.send({ type: 'signal', to: 'self', name: 'focus' })
    for (const client of [one, two]) assert.equal((await client.next('signal'))['from'], 'self')
    const guest = await startClient(url, guestStart)
    const { id } = guest.started['user'] as { id: string }
    guest.send({ type: 'signal', to: 'self', name: 'typing' })
    assert.equal((await one.next('signal'))['from'], id)
    one.send({ type: 'signal', to: id, name: 'typing' })
    assert.equal((await guest.next('signal'))['from'], 'self')
  })
}

const { url } = toAnyone[0] ?? assert.fail()

test('a name, a ttl, data or a recipient out of bounds is refused, and the session goes on', async () => {
  const ada = await startAs(url, 'ada')
  const bob = await startAs(url, 'bob')
  const good = { to: 'bob', name: 'typing' }
  for (const [change, code] of [
    [{ name: '' }, 'bad-request'],
    [{ name: 'x'.repeat(33) }, 'bad-request'],
    [{ name: '😀'.repeat(33) }, 'bad-request'],
    [{ name: 'x'.repeat(60_000) }, 'bad-request'],
    [{ name: '\ud83d' }, 'bad-request'],
    [{ ttl: 0 }, 'bad-request'],
    [{ ttl: -1 }, 'bad-request'],
    [{ ttl: 1.5 }, 'bad-request'],
    [{ ttl: 30_001 }, 'bad-request'],
    [{ to: '' }, 'bad-request'],
    [{ to: '..' }, 'bad-request'],
    [{ to: 'x'.repeat(256) }, 'bad-request'],
    [{ data: { text: 'x'.repeat(1_014) } }, 'too-large'],
    [{ data: { text: '😀'.repeat(254) } }, 'too-large'],
  ] as const)
    assert.equal(await refusalOf(ada, { ...good, ...change }), code, JSON.stringify(change).slice(0, 80))
  // The bounds themselves are good.
  const text = 'x'.repeat(1_013)
  ada.send({ type: 'signal', to: 'bob', name: '😀'.repeat(32), data: { text }, ttl: 1 })
  const { name, data, ttl } = await bob.next('signal')
  assert.deepEqual([name, data, ttl], ['😀'.repeat(32), { text }, 1])
})

for (const { url: address, on } of toPeers) {
  test(`with the rule 'peers' a signal passes where either has written to the other ${on}`, async () => {
    const [ada, bob] = [await startAs(address, 'ada'), await startAs(address, 'bob')]
    for (const to of ['bob', 'nobody']) assert.equal(await refusalOf(ada, { to, name: 'typing' }), 'refused')
    ada.send({ type: 'send', id: '1', to: 'bob', body: 'x' })
    await bob.next('message')
    ada.send({ type: 'signal', to: 'bob', name: 'typing' })
    assert.equal((await bob.next('signal'))['from'], 'ada')
    bob.send({ type: 'signal', to: 'ada', name: 'typing' })
    assert.equal((await ada.next('signal'))['from'], 'bob')
    ada.send({ type: 'signal', to: 'ada', name: 'typing' })
    assert.equal((await ada.next('signal'))['from'], 'ada')
    // A session that starts later has not seen the message.
    const later = await startAs(address, 'bob')
    later.send({ type: 'signal', to: 'ada', name: 'typing' })
    assert.equal((await ada.next('signal'))['from'], 'bob')
    assert.equal(await refusalOf(later, { to: 'carl', name: 'typing' }), 'refused')
  })

  test(`signals and messages of one connection to one user keep their order, also to a new peer ${on}`, async () => {
    const eve = await startAs(address, 'eve')
    const signal = { type: 'signal', to: 'eve', name: 'typing' }
    const order: string[] = []
    const arrive = async (count: number): Promise<void> => {
      order.length = 0
      while (order.length < count) {
        const { type, id } = await eve.next()
        order.push(type === 'message' ? String(id) : type)
      }
    }
    const fay = await startAs(address, 'fay')
    // The gateway remembers that they are strangers.
    assert.equal(await refusalOf(fay, signal), 'refused')
    fay.send(send('1'), signal, send('2'), signal, signal, send('3'))
    await arrive(6)
    assert.deepEqual(order, ['1', 'signal', '2', 'signal', 'signal', '3'])
    // This connection has to ask the engine whether they are peers.
    const again = await startAs(address, 'fay')
    again.send(signal, send('4'), { ...send('5'), to: 'bob' }, send('6'))
    await arrive(3)
    assert.deepEqual(order, ['signal', '4', '6'])
    // The messages are stored in their order, whomever they go to.
    again.send({ type: 'history', id: 'all', epoch: again.started['epoch'], limit: 3 })
    const { messages } = await again.next('history')
    assert.deepEqual(
      (messages as { id: string }[]).map(({ id }) => id),
      ['4', '5', '6'],
    )
  })
}

test('a send waits for a signal to the same user alone, and goes on if the engine fails to look up', async () => {
  const lookups: ((error: EngineError) => void)[] = []
  const { url: address } = await assemble(
    () => ({ exchanges: () => new Promise((_, reject) => lookups.push(reject)) }),
    undefined,
    many,
  )
  const [ada, bob] = [await startAs(address, 'ada'), await startAs(address, 'bob')]
  ada.send(
    { ...send('1'), to: 'bob' },
    { type: 'signal', to: 'eve', name: 'typing' },
    { ...send('2'), to: 'bob' },
  )
  for (const id of ['1', '2']) assert.equal((await bob.next('message'))['id'], id)
  await until('the gateway asks', () => lookups.length === 1)
  ada.send(send('3'), { ...send('4'), to: 'bob' })
  await settled(ada)
  assert.deepEqual(
    ada.frames.filter(({ type }) => type === 'sent').map(({ id }) => id),
    ['1', '2'],
  )
  lookups[0]?.(new EngineError('unavailable', 'away'))
  assert.equal((await ada.next('refused'))['code'], 'unavailable')
  for (const id of ['3', '4']) assert.equal((await ada.next('sent'))['id'], id)
  assert.equal((await bob.next('message'))['id'], '4')
})

test("the rule 'peers' asks the engine once, and not for each signal", async () => {
  const asked: string[] = []
  const { url: address } = await assemble(
    (engine) => ({
      exchanges: (of, peers) => {
        asked.push(`${of.userId}: ${peers.join(' ')}`)
        return engine.exchanges(of, peers)
      },
    }),
    undefined,
    many,
  )
  const [ada, bob] = [await startAs(address, 'ada'), await startAs(address, 'bob')]
  bob.send({ type: 'send', id: '1', to: 'ada', body: 'x' })
  await ada.next('message')
  const again = await startAs(address, 'ada')
  for (let n = 0; n < 20; n++) {
    again.send({ type: 'signal', to: 'bob', name: 'typing' })
    await bob.next('signal')
    assert.equal(await refusalOf(again, { to: 'carl', name: 'typing' }), 'refused')
  }
  assert.deepEqual(asked, ['ada: bob', 'ada: carl'])
  // A message makes a contact of somebody who was none.
  const carl = await startAs(address, 'carl')
  carl.send({ type: 'send', id: '1', to: 'ada', body: 'x' })
  await again.next('message')
  again.send({ type: 'signal', to: 'carl', name: 'typing' })
  await carl.next('signal')
  assert.equal(asked.length, 2)
})

test("the rule 'nobody' refuses every signal of a client", async () => {
  const { url: address } = await startGateway({ signals: 'nobody' })
  const ada = await startAs(address, 'ada')
  for (const to of ['bob', 'ada']) assert.equal(await refusalOf(ada, { to, name: 'typing' }), 'refused')
})

test('signals beyond signalsPerSecond of the user are rate-limited, and count against no other limit', async () => {
  // Two requests are left after the two starts.
  const limits = { signalsPerSecond: 3, requestsPerSecond: 4, messagesPerSecond: 1 }
  const { url: address } = await startGateway({ signals: 'anyone', limits })
  const [one, two, bob] = [
    await startAs(address, 'ada'),
    await startAs(address, 'ada'),
    await startAs(address, 'bob'),
  ]
  for (const client of [one, two])
    client.send(...Array.from({ length: 30 }, () => ({ type: 'signal', to: 'bob', name: 'typing' })))
  const refused = (): Frame[] =>
    [one, two].flatMap(({ frames }) => frames.filter(({ type }) => type === 'refused'))
  await until('most of 60 signals are refused', () => refused().length >= 30)
  for (const { re, code, retryable, retryAfter } of refused()) {
    assert.deepEqual([re, code, retryable], ['signal', 'rate-limited', true])
    assert.ok(Number(retryAfter) > 0)
  }
  one.send({ type: 'send', id: '1', to: 'bob', body: 'x' })
  await one.next('sent')
  for (const client of [one, two]) await settled(client)
  assert.equal(signalsOf(bob).length, 60 - refused().length)
})

test('a client that does not read loses signals, and the memory of the gateway does not keep them', async () => {
  const { gateway, url: address } = await startGateway({
    signals: 'anyone',
    limits: { ...many, bytesPerSecond: 2 ** 40 },
  })
  const slow = await startAs(address, 'slow')
  const ada = await startAs(address, 'ada')
  slow.socket.pause()
  const signal = { type: 'signal', to: 'slow', name: 'typing', data: { text: 'x'.repeat(900) } }
  // More than the buffers of both sockets take.
  const sent = 20_000
  for (let n = 0; n < sent; n += 500) {
    ada.send(...Array.from({ length: 500 }, () => signal))
    await until('the gateway has read them', () => ada.socket.bufferedAmount === 0)
  }
  await gateway.client('app').sendMessage({ user: 'slow', body: { body: 'after' } })
  slow.socket.resume()
  assert.equal((await slow.next('message'))['body'], 'after')
  const received = signalsOf(slow).length
  assert.ok(received > 0 && received < sent, `${received} of ${sent} signals came`)
})
