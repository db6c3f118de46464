// Messages of a user keep their order, though connections to Redis are lost and scripts are sent again.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createRedisEngine } from '../../../../src/engine/redis/redis-engine.js'
import { SendLanes } from '../../../../src/engine/redis/messages/send-lanes.js'
import type { SendResult } from '../../../../src/engine/index.js'
import { rules } from '../../../../src/engine/suite/kit.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const ROUNDS = 10
const MESSAGES = 20

test('messages that are sent while connections are lost are stored in order, and none behind a failed one', async () => {
  const server = await standalone()
  const engine = createRedisEngine({ server: { type: 'single', url: server.url }, onError: () => undefined })
  await engine.open()
  after(() => engine.close())
  let next = 0
  for (let round = 0; round < ROUNDS; round++) {
    // The new server knows no script, as after a failover.
    const killed = server
      .command('script', 'flush')
      .then(() => server.command('client', 'kill', 'type', 'normal'))
    const sends: Promise<SendResult>[] = []
    const failures: unknown[] = []
    // A caller whose message failed sends it again before others.
    while (sends.length < MESSAGES && failures.length === 0) {
      const id = `${next + sends.length}`
      const sent = engine.send({ appId: 'shop', id, from: 'ada', to: 'bob', body: id }, rules())
      sent.catch((error: unknown) => failures.push(error))
      sends.push(sent)
      await turn()
    }
    await killed
    const results = await Promise.allSettled(sends)
    const failed = results.findIndex(({ status }) => status === 'rejected')
    const stored = failed < 0 ? results.length : failed
    assert.ok(
      results.slice(stored).every(({ status }) => status === 'rejected'),
      'no message is stored behind a failed one',
    )
    next += stored
  }
  const of = { appId: 'shop', userId: 'bob' }
  await until('Redis can be reached', () =>
    engine.check().then(
      () => true,
      () => false,
    ),
  )
  const { epoch } = await engine.inbox(of)
  const { messages } = await engine.messagesAfter(of, { epoch, offset: 0 }, 1_000)
  const bodies = messages.map(({ body }) => Number(body))
  // A message whose call failed may be stored: its caller sends it again.
  assert.deepEqual(
    bodies,
    bodies.map((_, n) => n),
  )
})

test('sends of a user wait for each other, fail with the first that fails, and go on after it', async () => {
  const order = new SendLanes()
  const log: string[] = []
  const stored: SendResult = { outcome: 'stored', offset: 1, ownOffset: 1, sentAt: 0 }
  const send = (name: string, end: () => SendResult) => () => {
    log.push(name)
    return Promise.resolve().then(end)
  }
  const fail = (): never => {
    throw new Error('Redis is away')
  }
  const first = order.run(
    'ada',
    send('1', () => stored),
  )
  const second = order.run('ada', send('2', fail))
  const third = order.run(
    'ada',
    send('3', () => stored),
  )
  const other = order.run(
    'bob',
    send('other', () => stored),
  )
  assert.deepEqual(log, ['1', 'other'])
  assert.equal(await first, stored)
  assert.equal(await other, stored)
  await assert.rejects(second, /away/)
  await assert.rejects(third, /away/)
  assert.equal(
    await order.run(
      'ada',
      send('2', () => stored),
    ),
    stored,
  )
  const full = order.run(
    'ada',
    send('4', () => ({ outcome: 'full' })),
  )
  const behind = order.run(
    'ada',
    send('5', () => stored),
  )
  assert.deepEqual([await full, await behind], [{ outcome: 'full' }, { outcome: 'full' }])
  assert.deepEqual(log, ['1', 'other', '2', '2', '4'])
})
