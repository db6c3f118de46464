// Unauthenticated clients that hold connections, and users beside them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addressKey,
  createConnectionLimits,
  type Slot,
} from '../../../src/gateway/limits/connection-limits.js'
import { createRateLimiter } from '../../../src/gateway/limits/rate-limiter.js'
import type { Log } from '../../../src/gateway/log.js'
import { type GatewayConfig } from '../../../src/gateway/index.js'
import { rawFrame } from '../../support/clients/raw-session.js'
import {
  assertServed,
  handshake,
  openClient,
  openRaw,
  within,
  startAll,
  type Client,
  type Frame,
} from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { attachGateway, startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'

/** Opens WebSockets that send no start, one after the other. */
const openIdle = async (url: string, count: number, options = {}): Promise<Client[]> => {
  const clients: Client[] = []
  for (let index = 0; index < count; index += 1) {
    const client = openClient(url, options)
    await client.opened
    clients.push(client)
  }
  return clients
}

const untilAdmitted = (url: string, start: Frame): Promise<void> =>
  until('there is room', async () => (await openClient(url, { start }).next()).type === 'started')

const servers = {
  'a server of its own': async (config: Partial<GatewayConfig>) => (await startGateway({}, config)).url,
  'an attached server': async (config: Partial<GatewayConfig>) => (await attachGateway({}, config)).url,
}

for (const [what, serve] of Object.entries(servers)) {
  test(`on ${what}, the oldest connection without a start makes room, and no session does`, async () => {
    const url = await serve({ limits: { connections: 8 }, startTimeout: 300 })
    const honest = await startAll(url, ['a', 'b', 'c', 'd'])
    const strangers = await openIdle(url, 8)
    for (const stranger of strangers.slice(0, 4)) {
      const { code, frame } = await stranger.end()
      assert.deepEqual([code, frame['code'], frame['retryable']], [4503, 'unavailable', true])
      assert.ok((frame['retryAfter'] as number) > 0)
    }
    const [newcomer] = await startAll(url, ['e'])
    assert.equal((await strangers[4]?.end())?.code, 4503)
    assert.ok(newcomer)
    await assertServed([...honest, newcomer], 'a')
  })

  test(`on ${what}, a start beyond the limit of sessions is unavailable, and the next one too`, async () => {
    const url = await serve({ limits: { connections: 3 }, startTimeout: 300 })
    const honest = await startAll(url, ['a', 'b', 'c'])
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { frame, code } = await openClient(url, { start: await startOf('late') }).end()
      assert.deepEqual([code, typeof frame['retryAfter']], [4503, 'number'])
    }
    await assertServed(honest, 'a')
    honest[0]?.close()
    await untilAdmitted(url, await startOf('late'))
  })

  test(`on ${what}, a request that a full gateway answers is no place for another session`, async () => {
    const url = await serve({ limits: { connections: 2 } })
    const honest = await startAll(url, ['a', 'b'])
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const raw = await openRaw(url)
      raw.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
      assert.equal((await raw.answer()).status, 200)
      const client = openClient(url, { start: await startOf('late') })
      assert.equal((await client.next())['code'], 'unavailable')
    }
    await assertServed(honest, 'a')
  })

  test(`on ${what}, connections without a start make room first if one address has too many`, async () => {
    const url = await serve({ limits: { connectionsPerAddress: 5 }, startTimeout: 300 })
    const honest = await startAll(url, ['a', 'b'])
    const strangers = await openIdle(url, 4)
    const { code, frame } = (await strangers[0]?.end()) ?? assert.fail()
    assert.deepEqual([code, frame['code']], [4529, 'rate-limited'])
    await assertServed(honest, 'a')
    const more = await startAll(url, ['c', 'd', 'e'])
    const refused = await openClient(url, { start: await startOf('late') }).end()
    assert.equal(refused.code, 4529)
    await assertServed([...honest, ...more], 'b')
  })

  test(`on ${what}, a client that is refused while it sends gets the code and no reset, and takes no place`, async () => {
    const url = await serve({ limits: { connections: 2 } })
    const honest = await startAll(url, ['a', 'b'])
    const raw = await openRaw(url, { allowHalfOpen: true })
    raw.socket.write(handshake())
    const frames = Buffer.concat(Array(10_000).fill(rawFrame('text', '{"type":"pong"}')))
    raw.socket.write(frames)
    await until('the code', () => raw.received().includes('"code":"unavailable"'))
    // On a slow line these frames are on their way while the code comes.
    raw.socket.write(frames)
    // The refused socket is open until its client closes it.
    honest[0]?.close()
    await untilAdmitted(url, await startOf('c'))
    assert.equal(raw.socket.destroyed, false)
    raw.socket.end()
    assert.equal(await within(raw.closed, 'close'), false, 'the socket closes without an error')
    await assertServed(honest.slice(1), 'a')
  })

  test(`on ${what}, connections of one address beyond the limit of a second are rate-limited`, async () => {
    const url = await serve({ limits: { connectionsPerSecondPerAddress: 2 } })
    const start = await startOf('a')
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const client = openClient(url, { start })
        const frame = await client.next()
        return frame.type === 'started' ? 'started' : frame['code']
      }),
    )
    assert.ok(outcomes.includes('started') && outcomes.includes('rate-limited'), String(outcomes))
    // A second later there is room.
    await untilAdmitted(url, start)
  })

  test(`on ${what}, a proxy that is not trusted is no address`, async () => {
    for (const headers of [{ 'x-forwarded-for': '203.0.113.5' }, { forwarded: 'for=203.0.113.5' }]) {
      const url = await serve({ limits: { connectionsPerAddress: 2 } })
      await assertServed(await startAll(url, ['a', 'b', 'c', 'd'], { headers }), 'a')
    }
  })
}

test('behind a trusted proxy the limits are those of the client’s address', async () => {
  const { url } = await startGateway(
    {},
    { listen: { port: 0, trustProxy: 1 }, limits: { connectionsPerAddress: 1 } },
  )
  const from = (address: string) => ({ headers: { 'x-forwarded-for': `6.6.6.6, ${address}` } })
  await startAll(url, ['a'], from('203.0.113.5'))
  await startAll(url, ['b'], from('203.0.113.6'))
  const { code } = await openClient(url, { start: await startOf('c'), ...from('203.0.113.5') }).end()
  assert.equal(code, 4529)
})

for (const [what, serve] of Object.entries(servers))
  test(`on ${what}, each request on a proxy's socket counts for its own client`, async () => {
    const url = await serve({ listen: { port: 0, trustProxy: 1 }, limits: { connectionsPerAddress: 1 } })
    const full = '203.0.113.7'
    await startAll(url, ['a'], { headers: { 'x-forwarded-for': full } })
    const raw = await openRaw(url)
    const statuses = (): string[] =>
      [
        ...raw
          .received()
          .toString('latin1')
          .matchAll(/HTTP\/1\.1 (\d{3}) /g),
      ].map(([, status = '']) => status)
    for (const [index, client] of ['203.0.113.1', '203.0.113.1', '203.0.113.2', full].entries()) {
      raw.socket.write(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${client}\r\n\r\n`)
      await until('an answer', () => statuses().length > index)
    }
    assert.deepEqual(statuses(), ['200', '200', '200', '429'])
    // The socket counts only for its latest client, so the address of an earlier one has room again.
    await startAll(url, ['b'], { headers: { 'x-forwarded-for': '203.0.113.1' } })
  })

/** Returns limits of two connections for an address, what they log, and a function that accepts a socket. */
const unitLimits = (connections = 100) => {
  const lines: object[] = []
  const log = { error: (line: object) => lines.push(line) } as unknown as Log
  const limits = createConnectionLimits(
    () => ({ connections, connectionsPerAddress: 2, connectionsPerSecondPerAddress: 100 }),
    createRateLimiter(),
    log,
    () => undefined,
  )
  let evicted = 0
  const accept = (address: string, isForwarded: boolean): Slot => {
    const slot = limits.accept(address, () => (evicted += 1), undefined)
    if (isForwarded) limits.onForwarded(slot)
    else limits.identify(slot, address)
    return slot
  }
  return { limits, lines, accept, evicted: () => evicted }
}

test('a forwarded header of a peer on the internet switches no limit off', () => {
  for (const address of ['203.0.113.5', '2001:db8::1', '::ffff:203.0.113.5', '172.32.0.1', '100.128.0.1']) {
    const { accept, evicted, lines } = unitLimits()
    for (let count = 0; count < 5; count += 1) accept(address, true)
    assert.equal(evicted(), 3, address)
    accept(address, false)
    assert.equal(evicted(), 4, address)
    assert.deepEqual(lines, [{ address }])
  }
})

test('a forwarded header of a private peer exempts it, and the log says so once', () => {
  for (const address of ['127.0.0.1', '10.1.2.3', '::ffff:192.168.0.1', '::1', 'fd00::1', '172.31.255.255']) {
    const { accept, evicted, lines } = unitLimits()
    accept(address, false)
    for (let count = 0; count < 5; count += 1) accept(address, true)
    assert.equal(evicted(), 0, address)
    assert.equal(lines.length, 1)
  }
})

test('a socket that is closed counts no more, whatever is said about its client', () => {
  const { limits, accept, evicted } = unitLimits()
  for (let count = 0; count < 5; count += 1) {
    const slot = accept('203.0.113.5', false)
    limits.release(slot)
    limits.identify(slot, '203.0.113.6')
  }
  accept('203.0.113.6', false)
  accept('203.0.113.6', false)
  assert.equal(evicted(), 0)
})

test('a session that has ended leaves room, whatever its socket carried besides', () => {
  const { limits, accept } = unitLimits(1)
  const ended = accept('203.0.113.5', false)
  limits.start(ended)
  // As if a WebSocket followed a stream on the same socket.
  ended.evict = () => undefined
  limits.release(ended)
  assert.deepEqual(
    [accept('203.0.113.5', false).refusal, accept('203.0.113.5', false).refusal],
    [undefined, undefined],
  )
})

test('silent sockets beyond the limit of a second count for the other limits, and make room at their own address', async () => {
  for (const limits of [{ connections: 6 }, { connectionsPerAddress: 5 }]) {
    const { url } = await startGateway(
      {},
      { limits: { ...limits, connectionsPerSecondPerAddress: 2 }, startTimeout: 300 },
    )
    const stranger = await openRaw(url, { localAddress: '127.0.0.2' })
    const [honest = assert.fail()] = await startAll(url, ['a'])
    const silent = await Promise.all(Array.from({ length: 20 }, () => openRaw(url)))
    await until('four of them are open', () => silent.filter(({ socket }) => !socket.destroyed).length, 4)
    assert.equal(stranger.socket.destroyed, false)
    await assertServed([honest], 'a')
  }
})

test('refused clients that never close keep few sockets open', async () => {
  const { url, server, open } = await attachGateway({}, { limits: { connections: 1 } })
  let most = 0
  server.prependListener('upgrade', () => (most = Math.max(most, open() + 1)))
  const [honest] = await startAll(url, ['a'])
  for (let count = 0; count < 200; count += 1) {
    const raw = await openRaw(url, { allowHalfOpen: true })
    raw.socket.write(handshake())
    await until('the code', () => raw.received().includes('"code":"unavailable"'))
  }
  assert.ok(most < 100, `${most} sockets were open`)
  assert.ok(honest)
  await assertServed([honest], 'a')
  await until('the refused sockets are closed', () => open() === 1)
})

test('an address of IPv6 counts as its /64 network, and an IPv4 address in it as itself', () => {
  assert.equal(addressKey('203.0.113.5'), '203.0.113.5')
  assert.equal(addressKey('::ffff:203.0.113.5'), '203.0.113.5')
  assert.equal(addressKey('2001:db8::1'), addressKey('2001:0db8:0:0:ffff::'))
  assert.notEqual(addressKey('2001:db8::1'), addressKey('2001:db8:0:1::1'))
  assert.equal(addressKey('::1'), '0:0:0:0')
  assert.equal(addressKey('fe80::1%eth0'), 'fe80:0:0:0')
})
