import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createRedisClient } from '../../../src/engine/redis/client/index.js'
import { AttachedUsers } from '../../../src/engine/redis/messages/attached-users.js'
import { Partitions } from '../../../src/engine/redis/nodes/partitions.js'
import { StepRunner } from '../../../src/engine/redis/step-runner.js'
import { ada, bob, deliver, nextEvents, start } from '../../../src/engine/suite/kit.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'

const server = await standalone()

it('emits, once and in order, the messages that were published while its subscription was lost', async () => {
  const engines = redisEngines(() => ({ type: 'single', url: server.url }))
  const [one, two] = [engines.createWith('lost:'), engines.createWith('lost:')]
  await Promise.all([one.open(), two.open()])
  try {
    await start(two, bob)
    const received = nextEvents(two, 'message', 40)
    for (let n = 0; n < 10; n++) await deliver(one, { data: { n } })
    const [, lost] = await Promise.all([
      server.command('client', 'kill', 'type', 'pubsub'),
      (async () => {
        for (let n = 0; n < 20; n++) await deliver(one, { data: { n } })
      })(),
    ])
    assert.equal(lost, undefined)
    for (let n = 0; n < 10; n++) await deliver(one, { data: { n } })
    assert.deepEqual(
      (await received).map(({ message }) => message.offset),
      Array.from({ length: 40 }, (_, n) => n + 1),
    )
  } finally {
    await Promise.all([one.close(), two.close()])
  }
})

it('has one connection for commands and one for subscriptions, however many users it carries', async () => {
  const engine = redisEngines(() => ({ type: 'single', url: server.url })).createWith('connections:')
  const clients = async (): Promise<number> =>
    (await server.command('client', 'list')).split('\n').filter((line) => !line.includes('redis-cli')).length
  const before = await clients()
  await engine.open()
  try {
    for (let n = 0; n < 50; n++) await start(engine, { ...ada, userId: `user ${n}` })
    // redis-cli itself is one of both numbers.
    assert.equal((await clients()) - before, 2)
  } finally {
    await engine.close()
  }
})

it('reads the missing messages of 32 users at a time', async () => {
  const emitted: string[] = []
  const reads: (() => void)[] = []
  const attached = new AttachedUsers({
    runner: new StepRunner({
      client: createRedisClient({ type: 'single', url: server.url }),
      prefix: 'reads:',
      partitions: new Partitions(),
      nodeId: 'node',
      clockShift: () => 0,
      onEvents: () => undefined,
      webhooksOf: () => null,
    }),
    emit: (event) => event.type === 'message' && emitted.push(event.user.userId),
    onError: assert.ifError,
    async messagesAfter({ userId }, { offset }) {
      await new Promise<void>((resolve) => reads.push(resolve))
      const message = {
        id: 'a',
        from: null,
        to: userId,
        sender: {},
        body: 'Hello',
        sentAt: 0,
        offset: offset + 1,
      }
      return { messages: [message], lost: false }
    },
  })
  const users = Array.from({ length: 100 }, (_, n) => `user ${n}`)
  for (const userId of users) {
    attached.add({ ...ada, userId, sessionId: userId }, 0, 0)
    attached.receive({ ...ada, userId }, 0, 1, undefined)
  }
  for (const expected of [32, 32, 32, 4]) {
    await until('reads', () => reads.length, expected)
    for (const resolve of reads.splice(0)) resolve()
  }
  await until('all messages', () => emitted.length, users.length)
  assert.deepEqual(emitted.toSorted(), users.toSorted())
})
