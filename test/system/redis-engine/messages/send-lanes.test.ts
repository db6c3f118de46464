// Messages of a user keep their order, though connections to Redis are lost and scripts are sent again.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createRedisEngine } from '../../../../src/engine/redis/redis-engine.js'
import { SendLanes } from '../../../../src/engine/redis/messages/send-lanes.js'
import type { SendResult, SendRules } from '../../../../src/engine/index.js'
import { rules } from '../../../../src/engine/suite/kit.js'
import { standalone } from '../../../support/redis/server.js'
import { untilResolves } from '../../../support/until.js'

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
  await untilResolves('Redis can be reached', () => engine.check())
  const { epoch } = await engine.inbox(of)
  const { messages } = await engine.messagesAfter(of, { epoch, offset: 0 }, 1_000)
  const bodies = messages.map(({ body }) => Number(body))
  // A message whose call failed may be stored: its caller sends it again.
  assert.deepEqual(
    bodies,
    bodies.map((_, n) => n),
  )
})

test('messages of a user that wait are sent in a few calls, in order, up to the first that is not simply stored', async () => {
  const server = await standalone()
  const engine = createRedisEngine({ server: { type: 'single', url: server.url }, onError: () => undefined })
  await engine.open()
  after(() => engine.close())
  const calls = async (): Promise<number> =>
    (await server.command('info', 'commandstats'))
      .split('\n')
      .filter((line) => line.startsWith('cmdstat_fcall:'))
      .reduce((sum, line) => sum + Number(/calls=(\d+)/.exec(line)?.[1]), 0)
  const send = (id: string, to: string, more: Partial<SendRules> = {}): Promise<SendResult> =>
    engine.send({ appId: 'shop', id, from: 'eve', to, body: id }, { ...rules(), ...more })
  await send('first', 'bob')
  const before = await calls()
  const ids = Array.from({ length: 40 }, (_, n) => `${n}`)
  const results = await Promise.all(ids.map((id) => send(id, 'bob')))
  // The first is sent alone, and 39 others in three calls. The engine's own calls come in between.
  assert.ok((await calls()) - before < 30)
  assert.deepEqual(
    results.map((result) => (result.outcome === 'stored' ? result.offset : result)),
    ids.map((_, n) => n + 2),
  )

  // A message that was sent before, one to nobody, and the others.
  const mixed = await Promise.all([
    ...['a', '7', 'b'].map((id) => send(id, 'bob')),
    send('c', 'nobody', { unknownRecipients: false }),
    ...['d', 'e'].map((id) => send(id, 'bob')),
  ])
  assert.deepEqual(
    mixed.map((result) => [result.outcome, 'offset' in result && result.offset]),
    [
      ['stored', 42],
      ['repeated', 9],
      ['stored', 43],
      ['unknown-user', false],
      ['stored', 44],
      ['stored', 45],
    ],
  )

  const limited = await Promise.all(
    Array.from({ length: 40 }, (_, n) => send(`limited-${n}`, 'bob', { messagesPerSecond: 5 })),
  )
  const outcomes = limited.map(({ outcome }) => outcome)
  const stored = outcomes.indexOf('limited')
  assert.ok(stored >= 5, String(stored))
  assert.ok(outcomes.slice(stored).every((outcome) => outcome === 'limited'))
})

test('a message that is looked at in a call of several, and then sent alone, is counted once', async () => {
  const server = await standalone()
  const engine = createRedisEngine({ server: { type: 'single', url: server.url }, onError: () => undefined })
  await engine.open()
  after(() => engine.close())
  const send = (id: string, to: string): Promise<SendResult> =>
    engine.send(
      { appId: 'shop', id, from: 'eve', to, body: id },
      { ...rules(), unknownRecipients: to === 'bob', messagesPerSecond: 2 },
    )
  // The second and the third wait together. Counted twice, the second would be the third message of this second.
  const [first, second] = await Promise.all([send('1', 'bob'), send('2', 'nobody'), send('3', 'nobody')])
  assert.deepEqual([first.outcome, second.outcome], ['stored', 'unknown-user'])
})

/** Messages that wait together, and what becomes of each. */
const lanesOf = (log: string[], outcomeOf: (name: string) => SendResult) =>
  new SendLanes<string>(async (names, done) => {
    log.push(names.join('+'))
    await Promise.resolve()
    for (const name of names) {
      const result = outcomeOf(name)
      done(result)
      if (result.outcome !== 'stored') return
    }
  })

test('messages of a user wait for each other, fail with the first that fails, and go on after it', async () => {
  const log: string[] = []
  const stored: SendResult = { outcome: 'stored', offset: 1, ownOffset: 1, sentAt: 0 }
  let isAway = true
  const lanes = lanesOf(log, (name) => {
    if (name === 'bad' && isAway) throw new Error('Redis is away')
    return name === 'big' ? { outcome: 'full' } : name === 'refused' ? { outcome: 'refused' } : stored
  })
  const first = lanes.send('ada', '1')
  const second = lanes.send('ada', '2')
  const third = lanes.send('ada', 'bad')
  const fourth = lanes.send('ada', '4')
  const other = lanes.send('bob', 'other')
  assert.deepEqual(log, ['1', 'other'])
  assert.deepEqual(await Promise.all([first, second, other]), [stored, stored, stored])
  await assert.rejects(third, /away/)
  await assert.rejects(fourth, /away/)
  isAway = false
  assert.equal(await lanes.send('ada', 'bad'), stored)
  const behind = await Promise.all(['5', 'refused', '6', 'big', '7'].map((name) => lanes.send('ada', name)))
  assert.deepEqual(
    behind.map(({ outcome }) => outcome),
    ['stored', 'refused', 'stored', 'full', 'full'],
  )
  assert.deepEqual(log, ['1', 'other', '2+bad+4', 'bad', '5+refused+6+big+7', '6+big+7'])
})
