// Connections leave no session, timer or entry behind. The tests read these from the gateway's parts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError, type Engine } from '../../../src/engine/index.js'
import { createStartQueue } from '../../../src/gateway/limits/start-queue.js'
import { StreamTransport } from '../../../src/gateway/transports/stream/stream-transport.js'
import { memoryOfEach } from '../../support/memory.js'
import { openClient, roundTrip, startClient, type Client, startAs } from '../../support/raw-client.js'
import { authorizeWays } from '../../support/gateway/authorize-ways.js'
import { assemble } from '../../support/gateway/assembled-gateway.js'
import { until } from '../../support/until.js'
import { startOf, startWithParams } from '../../support/starts.js'
import { tokenFor } from '../../support/tokens.js'

test('if the engine fails in a start, that connection ends as unavailable; if it fails later, the frame is refused', async () => {
  const failing = (engine: Engine): Partial<Engine> => ({
    admitUser: (of, ...args) =>
      of.userId === 'unlucky'
        ? Promise.reject(new EngineError('unavailable', 'The disk is full.'))
        : engine.admitUser(of, ...args),
    changeUser: (of, change) =>
      change.claimed?.name === 'unlucky'
        ? Promise.reject(new EngineError('unavailable', 'The disk is full.'))
        : engine.changeUser(of, change),
    send: (draft, rules) =>
      draft.body === 'unlucky'
        ? Promise.reject(new EngineError('unavailable', 'The disk is full.'))
        : engine.send(draft, rules),
  })
  const { url: own } = await assemble(failing)
  const lucky = await startAs(own, 'lucky')
  const unlucky = await openClient(own, { start: await startOf('unlucky') }).end()
  assert.deepEqual([unlucky.code, unlucky.frame['retryable']], [4503, true])
  const later = await startAs(own, 'later')
  for (const frame of [
    { type: 'profile', user: { name: 'unlucky' } },
    { type: 'send', id: 'a', to: 'bob', body: 'unlucky' },
  ]) {
    later.send(frame)
    const { code, re, retryable } = await later.next()
    assert.deepEqual([code, re, retryable], ['unavailable', frame.type, true])
  }
  later.send({ type: 'profile', user: { name: 'lucky' } })
  assert.deepEqual((await later.next('user'))['user'], { id: 'later', name: 'lucky' })
  later.close()
  lucky.send({ type: 'token', token: await tokenFor('lucky') })
  assert.equal((await lucky.next()).type, 'renewed')
})

test('a client that leaves while it is authenticated starts no session, and replaces none', async () => {
  let verified: () => void = () => undefined
  const waiting = new Promise<void>((resolve) => (verified = resolve))
  let saves = 0
  const {
    url: own,
    engine,
    connections,
  } = await assemble((memory) => ({
    async admitUser(...args) {
      saves += 1
      if (saves > 20) await waiting
      return memory.admitUser(...args)
    },
  }))
  const start = await startOf('ada')
  const clients = []
  for (let index = 0; index < 20; index += 1) clients.push(await startClient(own, start))
  const late = openClient(own, { start })
  await until('the start that is authenticated', () => saves === 21)
  late.close()
  await until('the closed connection', () => connections.size === 20)
  verified()
  await startAs(own, 'eve')
  assert.equal((await engine.sessions({ appId: 'app', userId: 'ada' })).length, 20)
  assert.ok(clients.every(({ socket }) => socket.readyState === socket.OPEN))
})

test('frames that wait for `started` take no more memory than their text', async () => {
  const { url: own, connections } = await assemble(() => ({ admitUser: () => new Promise(() => undefined) }))
  const start = await startOf('ada')
  // Each of these frames takes more than 20 times as much memory once it is parsed.
  const frame = `{"type":"send","id":"a","to":"bob","data":{"list":[${Array.from({ length: 5_000 }, () => '{}').join()}]}}`
  const clients: Client[] = []
  const each = await memoryOfEach(async (from, to) => {
    for (let n = from; n < to; n++) {
      const client = openClient(own, { start })
      await client.opened
      client.send(frame)
      clients.push(client)
    }
    await until('all connections', () => [...connections].length === to)
    // The answer to one more frame shows that the earlier frames have been received.
    const last = openClient(own)
    await last.opened
    last.send('nonsense')
    await last.end()
  })
  assert.ok(each < 10 * frame.length, `${each} bytes each`)
})

for (const [where, atOnce] of [
  ['waits for earlier starts', 1],
  ['waits for its app’s backend', 1_000],
] as const)
  test(`a start that ${where} takes no more memory than its text`, async () => {
    const queue = createStartQueue({
      atOnce: { fewest: 1, first: atOnce, most: atOnce },
      maxRunning: 60_000,
      maxWait: 60_000,
    })
    let asked = 0
    const authenticate = (): Promise<never> => {
      asked++
      return new Promise(() => undefined)
    }
    const { url: own } = await assemble(() => ({}), queue, undefined, { authenticate })
    // Each of these fields takes more than 10 times as much memory once it is parsed.
    const list = Array.from({ length: 6_000 }, () => ({}))
    const unknown = { x: list, user: { x: list }, resume: { key: 'k', epoch: 'e', offset: 0, x: list } }
    const { length } = JSON.stringify(unknown)
    const clients: Client[] = []
    const each = await memoryOfEach(async (from, to) => {
      for (let n = from; n < to; n++) {
        const client = openClient(own)
        await client.opened
        client.send({ ...startWithParams(`user ${n}`), ...unknown })
        clients.push(client)
      }
      await until('all starts', () => asked + queue.waiting() === to)
    })
    assert.ok(each < 3 * length, `${each} bytes each`)
  })

test('a frame that waits for its answer takes no more memory than its text', async () => {
  let answer: () => void = () => undefined
  const otherEpoch = { epoch: 'another', offset: 0, readOffset: 0, unread: 0 }
  const page = { messages: [], peers: [], next: null, inbox: otherEpoch }
  const answered = new Promise<typeof page>((resolve) => (answer = () => resolve(page)))
  const wait = (): Promise<typeof page> => answered
  const { url } = await assemble(() => ({ messagesBefore: wait, peers: wait }), undefined, {
    requestsPerSecond: 1_000_000,
    bytesPerSecond: 1e9,
  })
  const client = await startAs(url, 'ada')
  const { epoch } = client.started
  // Each of these fields takes more than 10 times as much memory once it is parsed.
  const x = Array.from({ length: 6_000 }, () => ({}))
  const { length } = JSON.stringify(x)
  const each = await memoryOfEach(async (from, to) => {
    for (let n = from; n < to; n++)
      client.send(
        n % 2
          ? { type: 'history', id: 'h', epoch, x }
          : { type: 'peers', id: 'p', before: { epoch, offset: 1, x } },
      )
    await roundTrip(client)
  })
  assert.ok(each < length, `${each} bytes each`)
  answer()
  assert.equal((await client.end()).frame['code'], 'unavailable')
})

for (const [name, wayOf] of Object.entries(authorizeWays))
  test(`a message that waits for \`${name}\` takes little more memory than its text, and is stored whole`, async () => {
    let allow: () => void = () => undefined
    const allowed = new Promise<boolean>((resolve) => (allow = () => resolve(true)))
    const limits = { messagesPerSecond: 1_000_000, bytesPerSecond: 1e9 }
    const { url } = await assemble(() => ({}), undefined, limits, await wayOf(() => allowed))
    const client = await startAs(url, 'ada')
    // These data take more than 10 times as much memory once they are parsed.
    const data = { list: Array.from({ length: 5_000 }, () => ({})) }
    const { length } = JSON.stringify(data)
    const each = await memoryOfEach(async (from, to) => {
      for (let id = from; id < to; id++) client.send({ type: 'send', id: `${id}`, to: 'ada', data })
      await roundTrip(client)
    })
    assert.ok(each < 9 * length, `${each} bytes each, of ${length}`)
    allow()
    assert.deepEqual((await client.next('message'))['data'], data)
  })

test('a new session whose client leaves before `started` ends, instead of being detached', async () => {
  const outcomes: string[] = []
  let resume: () => void = () => undefined
  const resumed = new Promise<void>((resolve) => (resume = resolve))
  let isStarting = false
  const { url, connections } = await assemble((memory) => ({
    async startSession(request) {
      const session = await memory.startSession(request)
      isStarting = true
      await resumed
      return session
    },
    endSession(...given) {
      outcomes.push('ended')
      return memory.endSession(...given)
    },
    detachSession(...given) {
      outcomes.push('detached')
      return memory.detachSession(...given)
    },
  }))
  const client = openClient(url, { start: await startOf('ada') })
  await until('the start of the session', () => isStarting)
  client.close()
  await until('the close of the connection', () => connections.size, 0)
  resume()
  await until('the end of the session', () => outcomes.length > 0)
  assert.deepEqual(outcomes, ['ended'])
})

test('a session ends with its connection even if the socket is full and closes while `ended` is sent, as on Bun', async () => {
  const { connect, engine } = await assemble(() => ({}))
  const ends: string[] = []
  engine.listen(
    (event) => event.type === 'session-ended' && ends.push(event.code),
    new AbortController().signal,
  )
  let isFull = false
  const transport: StreamTransport = new StreamTransport(
    {
      get bufferedAmount() {
        return isFull ? 2 ** 21 : 0
      },
      isFull: () => isFull,
      write: () => undefined,
      end: () => undefined,
      // Bun reports the end of a response that the gateway destroys before `destroy` returns.
      destroy: () => transport.onClosed(),
    },
    () => undefined,
  )
  const slot = { refusal: undefined, evict: () => undefined, remoteAddress: 'here', address: undefined }
  const connection = connect(
    transport,
    { origin: null, address: 'here' },
    { ...slot, hasSession: false, isReleased: false },
  )
  transport.begin(connection, 'id')
  const start = JSON.stringify(await startOf('ada'))
  connection.receive(start, start.length)
  await until('the session', () => connection.status.state, 'live')
  isFull = true
  connection.end('token-expired')
  await until('its end', () => ends.length > 0)
  assert.deepEqual(ends, ['token-expired'])
})
