// How a gateway drains.
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { createMemoryEngine, type Engine } from '../../../src/engine/index.js'
import { Connection } from '../../../src/gateway/connection/connection.js'
import { openRaw, openClient, startClient, within, type Client, startAs } from '../../support/raw-client.js'
import { key, secretOf } from '../../support/network/webhook-endpoint.js'
import { until } from '../../support/until.js'
import { startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'

/** An `authorizeSend` that lets no message through before `open()`. */
const gate = () => {
  let open: () => void = () => undefined
  let asked = 0
  const opened = new Promise<boolean>((resolve) => (open = () => resolve(true)))
  const authorizeSend = (): Promise<boolean> => {
    asked += 1
    return opened
  }
  return { open: () => open(), asked: () => asked, authorizeSend }
}

const ready = async (url: string): Promise<[number, unknown]> => {
  const answer = await fetch(`${url}/readyz`)
  return [answer.status, await answer.json()]
}

test('a draining gateway refuses new sessions, and answers earlier frames before it closes a connection', async () => {
  const { open, asked, authorizeSend } = gate()
  const { gateway, url } = await startGateway({ authorizeSend })
  assert.deepEqual(await ready(url), [200, { status: 'ready' }])
  const [busy, idle] = [await startAs(url, 'ada'), await startAs(url, 'bob')]
  busy.send({ type: 'send', id: 'last', to: 'bob', body: 'x' })
  await until('the message being judged', () => asked() === 1)
  const closing = gateway.close()

  const ended = await idle.end()
  assert.equal(ended.code, 4503)
  const retryAfter = ended.frame['retryAfter'] as number
  assert.ok(retryAfter >= 0 && retryAfter <= 1_010, `${retryAfter}`)
  assert.deepEqual(await ready(url), [503, { status: 'draining' }])
  const late = await openClient(url, { start: await startOf('eve') }).end()
  assert.deepEqual([late.code, typeof late.frame['retryAfter']], [4503, 'number'])

  open()
  assert.equal((await busy.next('sent'))['id'], 'last')
  assert.equal((await busy.end()).code, 4503)
  await within(closing, 'end')
})

/** Resolves when the gateway has read what the client sent before. */
const hasRead = async ({ socket }: Client): Promise<void> => {
  socket.ping()
  await within(new Promise((resolve) => socket.once('pong', resolve)), 'pong')
}

test('a draining gateway does not wait for the answers to frames that come after its drain has begun', async () => {
  const { open, asked, authorizeSend } = gate()
  const never = new Promise<boolean>(() => undefined)
  const { gateway, url } = await startGateway(
    { authorizeSend: ({ to }: { to: string }) => (to === 'eve' ? never : authorizeSend()) },
    { drainTime: 600 },
  )
  const client = await startAs(url, 'ada')
  client.send({ type: 'send', id: 'last', to: 'bob', body: 'x' })
  await until('the message being judged', () => asked() === 1)
  const closing = gateway.close()
  client.send({ type: 'send', id: 'late', to: 'eve', body: 'x' })
  await hasRead(client)
  open()
  assert.equal((await client.next('sent'))['id'], 'last')
  assert.equal((await client.end()).code, 4503)
  await within(closing, 'end')
})

test('frames that a client sends while the gateway drains count if an `end` follows, because it does not come back', async () => {
  const { open, asked, authorizeSend } = gate()
  const engine = createMemoryEngine()
  const { gateway, url } = await startGateway({ authorizeSend, profiles: 'anyone' }, {}, { engine })
  const client = await startAs(url, 'ada')
  client.send({ type: 'send', id: 'first', to: 'bob', body: 'x' })
  await until('the message being judged', () => asked() === 1)
  const ends: unknown[] = []
  engine.listen(
    (event) => event.type === 'session-ended' && ends.push(event.code),
    new AbortController().signal,
  )
  const closing = gateway.close()
  const ids = ['first', ...Array.from({ length: 18 }, (_, n) => `late ${n}`)]
  client.send(...ids.slice(1).map((id) => ({ type: 'send', id, to: 'bob', body: 'x'.repeat(8_000) })))
  client.send({ type: 'profile', user: { name: 'Ada' } }, { type: 'end' })
  await hasRead(client)
  open()
  for (const id of ids) assert.equal((await client.next('sent'))['id'], id)
  assert.equal((await client.end()).code, 1000)
  const { user } =
    client.frames.find(({ type }) => type === 'user') ?? assert.fail('the profile is the old one')
  assert.equal((user as { name: string }).name, 'Ada')
  assert.deepEqual(ends, ['ended'], 'the session is not detached')
  await within(closing, 'end')
})

test('a draining gateway closes few connections in one turn, and their clients reconnect over the time of all', async () => {
  const sessions = 120
  const { gateway, url } = await startGateway({
    limits: { sessionsPerUser: 1_000, requestsPerSecond: 1_000 },
  })
  const start = await startOf('ada')
  const clients = await Promise.all(Array.from({ length: sessions }, () => startClient(url, start)))
  const { end } = Connection.prototype
  const endedAt: number[] = []
  const random = mock.method(Math, 'random', () => 1)
  Connection.prototype.end = function (...how) {
    endedAt.push(performance.now())
    end.apply(this, how)
  }
  try {
    const closing = gateway.close()
    let [largest, last] = [0, 0]
    for (const by = performance.now() + 20_000; endedAt.length < sessions && performance.now() < by;) {
      await new Promise((resolve) => setImmediate(resolve))
      largest = Math.max(largest, endedAt.length - last)
      last = endedAt.length
    }
    assert.equal(endedAt.length, sessions)
    // These are two portions of 32, because one may be closed before the first turn is over.
    assert.ok(largest <= 64, `${largest} in one turn`)
    // Between four portions are three pauses of 8 ms. A portion may end while its pause runs already.
    const gaps = endedAt.slice(1).map((at, n) => at - (endedAt[n] ?? 0))
    const [first = 0, second = 0, third = 0] = gaps.toSorted((one, other) => other - one)
    assert.ok(first + second + third > 10, `The longest pauses were ${[first, second, third].join(', ')} ms.`)
    await within(closing, 'end')
  } finally {
    Connection.prototype.end = end
    random.mock.restore()
  }
  for (const client of clients) {
    const { frame, code } = await client.end()
    assert.deepEqual([code, frame['retryAfter']], [4503, 1_000 + 5 * sessions])
  }
})

test('a frame that is never answered delays close() for drainTime at most', async () => {
  const closing = async (drainTime: number) => {
    const { open, asked, authorizeSend } = gate()
    const { gateway, url } = await startGateway({ authorizeSend }, { drainTime })
    const client = await startAs(url, 'ada')
    client.send({ type: 'send', id: 'a', to: 'bob', body: 'x' })
    await until('the message being judged', () => asked() === 1)
    return { open, client, closed: gateway.close().then(() => drainTime) }
  }
  const [long, short] = [await closing(60), await closing(1)]
  assert.equal(await Promise.race([long.closed, short.closed]), 1)
  assert.equal((await short.client.end()).frame['code'], 'unavailable')
  long.open()
  await within(long.closed, 'end')
})

test('a webhook or a push whose engine call hangs delays close() for drainTime at most', async () => {
  const webhooks = { url: 'http://127.0.0.1:9/', secrets: [secretOf(key)] }
  for (const name of ['takeDueEvents', 'sessions'] as const) {
    const engine = createMemoryEngine()
    let hung = 0
    Object.assign(engine, { [name]: () => new Promise(() => hung++) })
    const { listen } = engine
    let emit: Parameters<Engine['listen']>[0] = () => undefined
    engine.listen = (listener, signal) => listen.call(engine, (emit = listener), signal)
    const { gateway } = await startGateway({ webhooks }, { drainTime: 0.2 }, { engine })
    emit({ type: 'push-due', user: { appId: 'app', userId: 'ada' } })
    await until(`${name} hangs`, () => hung, 1)
    await within(gateway.close(), 'close')
  }
})

test('a request whose body never ends delays close() for drainTime at most', async () => {
  const head = 'Host: gateway\r\nContent-Type: text/plain\r\nContent-Length: 10000\r\n\r\n'
  const closing = async (drainTime: number) => {
    const { gateway, url } = await startGateway({}, { drainTime })
    const raw = await openRaw(url)
    raw.socket.write(
      `GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\nPOST /v1/session/send HTTP/1.1\r\n${head}`,
    )
    assert.equal((await raw.answer()).status, 200)
    return { raw, closed: gateway.close().then(() => drainTime) }
  }
  const [long, short] = [await closing(60), await closing(1)]
  assert.equal(await Promise.race([long.closed, short.closed]), 1)
  await within(short.raw.closed, 'close')
  long.raw.socket.destroy()
  await within(long.closed, 'end')
})

test('clients of a drain reconnect before their detached sessions end, if resumeWindow is not 0', async () => {
  const start = await startOf('ada')
  const timesWith = async (resumeWindow: number): Promise<number[]> => {
    const { gateway, url } = await startGateway({}, { resumeWindow })
    const clients = await Promise.all(Array.from({ length: 20 }, () => startClient(url, start)))
    const closing = gateway.close()
    const times = clients.map(async (client) => (await client.end()).frame['retryAfter'] as number)
    return Promise.all(times).finally(() => closing)
  }
  const soon = await timesWith(0.2)
  assert.ok(Math.max(...soon) <= 100, String(soon))
  const spread = await timesWith(0)
  assert.ok(Math.max(...spread) > 100 && new Set(spread).size > 10, String(spread))
})
