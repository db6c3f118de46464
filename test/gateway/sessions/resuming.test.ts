// Sessions that outlive their connections, over real sockets.
import assert from 'node:assert/strict'
import { getDefaultHighWaterMark } from 'node:stream'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { type GatewayConfig } from '../../../src/gateway/index.js'
import { rules } from '../../../src/engine/suite/kit.js'
import { openClient, roundTrip, startAs, type StartedClient } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { assemble } from '../../support/gateway/assembled-gateway.js'
import { until } from '../../support/until.js'
import { startGateway } from '../../support/gateway.js'
import { onBothEngines } from '../../support/rest/rest-calls.js'
import { startOf, resumeOf } from '../../support/starts.js'

const fast = { limits: { messagesPerSecond: 1_000_000 } }

for (const { gateway, url, on } of await onBothEngines(fast)) {
  test(`the session of a lost connection is resumed, and the messages that were missed follow in order ${on}`, async () => {
    const first = await startAs(url, 'ada')
    assert.deepEqual(
      [first.started['resumed'], first.started['lost'], first.started['resumeWindow']],
      [false, false, 120_000],
    )
    await gateway.publish({ appId: 'app', to: 'ada', body: 'seen' })
    await first.next('message')
    first.close()
    for (let n = 2; n <= 150; n++) await gateway.publish({ appId: 'app', to: 'ada', body: `${n}` })
    const second = await startAs(url, 'ada', resumeOf(first.started, 1))
    const { sessionId, resumed, lost, offset, unread, resumeKey } = second.started
    assert.deepEqual(
      [sessionId, resumed, lost, offset, unread],
      [first.started['sessionId'], true, false, 150, 150],
    )
    assert.notEqual(resumeKey, first.started['resumeKey'])
    await gateway.publish({ appId: 'app', to: 'ada', body: '151' })
    for (let n = 2; n <= 151; n++) {
      const message = await second.next('message')
      assert.deepEqual([message['offset'], message['body']], [n, `${n}`])
    }
  })

  test(`the old resume key stays valid until the gateway has received a frame on the new connection ${on}`, async () => {
    const first = await startAs(url, 'ada')
    const { sessionId } = first.started
    await roundTrip(first)
    first.close()
    const silent = await startAs(url, 'ada', resumeOf(first.started), { pongs: false })
    assert.equal(silent.started['sessionId'], sessionId)
    silent.close()
    const second = await startAs(url, 'ada', resumeOf(first.started))
    assert.deepEqual([second.started['sessionId'], second.started['resumed']], [sessionId, true])
    await roundTrip(second)
    second.close()
    const stale = await startAs(url, 'ada', resumeOf(first.started))
    assert.equal(stale.started['resumed'], false)
    assert.notEqual(stale.started['sessionId'], sessionId)
    const third = await startAs(url, 'ada', resumeOf(second.started))
    assert.equal(third.started['sessionId'], sessionId)
  })

  test(`a resume replaces the older connection of that session, and no other one ${on}`, async () => {
    const [old, other] = [await startAs(url, 'ada'), await startAs(url, 'ada')]
    const next = await startAs(url, 'ada', resumeOf(old.started))
    const { code, frame } = await old.end()
    assert.deepEqual([code, frame['code']], [4409, 'replaced'])
    assert.equal(next.started['sessionId'], old.started['sessionId'])
    await roundTrip(next)
    await roundTrip(other)
  })

  test(`after a position of another epoch everything that is kept follows, and lost is true ${on}`, async () => {
    for (let n = 1; n <= 3; n++) await gateway.publish({ appId: 'app', to: 'zoe', body: `${n}` })
    for (const position of [{ epoch: 'another', offset: 2 }, { offset: 99 }]) {
      const known = await startAs(url, 'zoe')
      const started = { ...known.started, ...position }
      const client = await startAs(url, 'zoe', resumeOf(started))
      assert.deepEqual([client.started['lost'], client.started['offset']], [true, 3])
      for (let n = 1; n <= 3; n++) assert.equal((await client.next('message'))['offset'], n)
      client.close()
    }
  })
}

test('no more of a page is sent than the socket takes, and each message is read from the engine about once', async () => {
  let read = 0
  const { url, engine, bufferedBytes } = await assemble((memory) => ({
    async messagesAfter(...args) {
      const page = await memory.messagesAfter(...args)
      read += page.messages.length
      return page
    },
  }))
  const known = await startAs(url, 'ada')
  known.close()
  const many = rules({ retention: { messages: 10_000, age: 60_000, bytes: 1e9 } })
  const body = 'x'.repeat(16_000)
  // These are more messages than the kernel buffers for a client that does not read.
  const count = 1_500
  for (let n = 1; n <= count; n++)
    await engine.send({ appId: 'app', id: `${n}`, from: null, to: 'ada', body }, many)
  const client = openClient(url, { start: await startOf('ada', resumeOf(known.started)) })
  await client.opened
  client.socket.pause()
  await until('a full socket', () => bufferedBytes() > 0)
  // The message that fills the socket's buffer may exceed it.
  let largest = 0
  for (let turn = 0; turn < 20; turn++) {
    largest = Math.max(largest, bufferedBytes())
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(largest < getDefaultHighWaterMark(false) + 2 * body.length, `${largest} bytes wait in memory`)
  client.socket.resume()
  for (let offset = 1; offset <= count; offset++)
    assert.equal((await client.next('message'))['offset'], offset)
  assert.ok(read <= count + 20, `${read} messages were read`)
})

const message = (n: number) => ({ appId: 'app', id: `${n}`, from: null, to: 'ada', body: 'x' })

test('messages that are sent while a session starts arrive once', async () => {
  let sent = 0
  const { url } = await assemble((engine) => {
    const more = () => engine.send(message(++sent), rules())
    return {
      async startSession(request) {
        await more()
        const session = await engine.startSession(request)
        await more()
        return session
      },
      async messagesAfter(of, position, limit) {
        const page = await engine.messagesAfter(of, position, limit)
        if (sent < 12) await more()
        return page
      },
    }
  })
  const first = await startAs(url, 'ada')
  const from = first.started['offset'] as number
  assert.equal(from, 1)
  for (let offset = from + 1; offset <= 12; offset++)
    assert.equal((await first.next('message'))['offset'], offset)
})

test('an `unread` frame counts the messages that were sent to this client, however far the inbox is ahead', async () => {
  let isPaused = true
  let resume: () => void = () => undefined
  const { url, engine } = await assemble((memory) => ({
    async messagesAfter(of, position, limit) {
      if (isPaused && limit > 1) await new Promise<void>((resolve) => (resume = resolve))
      return memory.messagesAfter(of, position, limit)
    },
  }))
  const receive = (n: number) => engine.send(message(n), rules())
  for (let n = 1; n <= 3; n++) await receive(n)
  const { epoch } = await engine.inbox({ appId: 'app', userId: 'ada' })
  const ada = await startAs(url, 'ada', { resume: { key: 'none', epoch, offset: 0 } })
  // While her missed messages are read from the engine, more are stored, and she sends three read marks.
  for (let n = 4; n <= 6; n++) await receive(n)
  for (const offset of [1, 2, 1]) ada.send({ type: 'read', epoch, offset })
  await until('the mark', async () => (await engine.inbox({ appId: 'app', userId: 'ada' })).readOffset === 2)
  isPaused = false
  resume()
  let unread = Number(ada.started['unread'])
  const received: unknown[] = []
  while (!received.includes(6) || !received.includes('read')) {
    const frame = await ada.next()
    // The client counts as docs/PROTOCOL.md says.
    if (frame.type === 'message') {
      received.push(frame['offset'])
      if (Number(frame['offset']) > Number(ada.started['offset'])) unread++
    }
    if (frame.type === 'unread') {
      received.push('read')
      unread = Number(frame['unread'])
    }
  }
  assert.equal(unread, 4)
})

test('a session is detached for `leaveWindow` after its page was left, for `resumeWindow` after its connection was lost, and not after `end`', async () => {
  const losses: Record<string, (client: StartedClient) => void> = {
    'lost without a close frame': (client) => client.close(),
    'lost with 3000': (client) => client.socket.close(3000),
    'left with 1001': (client) => client.socket.close(1001),
    'left with 4000': (client) => client.socket.close(4000),
    ended: (client) => client.send({ type: 'end' }),
  }
  const [names, ends] = [Object.keys(losses), Object.values(losses)]
  /** Returns for each loss whether its session is resumed `wait` milliseconds later. */
  const found = async (url: string, wait: number): Promise<boolean[]> =>
    Promise.all(
      ends.map(async (end) => {
        const client = await startAs(url, 'ada')
        end(client)
        await client.closed
        await new Promise((resolve) => setTimeout(resolve, wait))
        const again = await startAs(url, 'ada', resumeOf(client.started))
        again.close()
        return again.started['sessionId'] === client.started['sessionId']
      }),
    )
  for (const [windows, resumed] of [
    [{ leaveWindow: 0.1, resumeWindow: 60 }, /^lost/],
    [{ leaveWindow: 60, resumeWindow: 0.1 }, /^left/],
  ] as const) {
    const { url } = await startGateway({}, windows)
    const expected = names.map((name) => resumed.test(name))
    // On a busy machine sessions end later than they should.
    let now = await found(url, 200)
    for (let wait = 400; wait < 10_000 && !isDeepStrictEqual(now, expected); wait *= 2)
      now = await found(url, wait)
    assert.deepEqual(now, expected, JSON.stringify(windows))
  }
})

test('a client that resumes a session, and ends it before `started`, leaves no detached session', async () => {
  const engine = createMemoryEngine()
  const { startSession } = engine
  let answer: () => void = () => undefined
  const answered = new Promise<void>((resolve) => (answer = resolve))
  let resumed = 0
  engine.startSession = async (request) => {
    const session = await startSession.call(engine, request)
    if (session?.resumed && (resumed += 1)) await answered
    return session
  }
  const { url } = await startGateway({}, {}, { engine })
  const lost = await startAs(url, 'ada')
  lost.close()
  const client = openClient(url, { start: await startOf('ada', resumeOf(lost.started)) })
  await client.opened
  await until('the engine has resumed the session', () => resumed, 1)
  client.send({ type: 'end' })
  client.socket.close()
  await client.closed
  answer()
  await until('no session', async () => (await engine.sessions({ appId: 'app', userId: 'ada' })).length, 0)
})

test('a session whose connection timed out is detached', async () => {
  const { url } = await startGateway({}, { pingInterval: 0.1 })
  const silent = await startAs(url, 'ada', {}, { pongs: false })
  assert.equal((await silent.end()).code, 4508)
  const again = await startAs(url, 'ada', resumeOf(silent.started))
  assert.equal(again.started['sessionId'], silent.started['sessionId'])
})

const run = (engine: NonNullable<GatewayConfig['engine']>) => startGateway({}, { engine })

test('after a restart on the same folder sessions are resumed, and their messages are there', async () => {
  const engine = { type: 'embedded', path: scratchFolder() } as const
  const one = await run(engine)
  const client = await startAs(one.url, 'ada')
  await one.gateway.publish({ appId: 'app', to: 'ada', body: 'kept' })
  await client.next('message')
  await one.gateway.publish({ appId: 'app', to: 'ada', body: 'missed' })
  const closing = one.gateway.close()
  const { frame, code } = await client.end()
  await closing
  assert.deepEqual([code, frame['code']], [4503, 'unavailable'])
  const two = await run(engine)
  const again = await startAs(two.url, 'ada', resumeOf(client.started, 1))
  for (const same of ['sessionId', 'epoch'] as const) assert.equal(again.started[same], client.started[same])
  assert.deepEqual([again.started['resumed'], again.started['lost']], [true, false])
  assert.equal((await again.next('message'))['body'], 'missed')
})

test('if the inbox’s epoch changes, a live connection ends as retryable', async () => {
  const { url, hub } = await assemble(() => ({}))
  const emit = (epoch: string): void => {
    const user = { appId: 'app', userId: 'ada' }
    const message = { offset: 1, id: 'a', from: null, to: 'ada', sender: null, body: 'x', sentAt: 0 }
    hub.dispatch({ type: 'message', user, epoch, message })
  }
  const client = await startAs(url, 'ada')
  emit('another')
  const { code, frame } = await client.end()
  assert.deepEqual([code, frame['retryable']], [4503, true])
  assert.ok(client.frames.every(({ type }) => type !== 'message'))
  await until('no session in the hub', () => hub.size() === 0)
})
