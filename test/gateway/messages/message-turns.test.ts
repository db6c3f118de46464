// Pages of messages are spread over turns of the event loop, for all sessions together.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { createMessageTurns } from '../../../src/gateway/messages/message-turns.js'
import { openClient, startClient, startAs } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startOf } from '../../support/starts.js'
import { startGateway } from '../../support/gateway.js'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('the pages of several readers take turns, two in a turn of the event loop', async () => {
  const turns = createMessageTurns()
  const read: string[] = []
  const readPages = async (name: string): Promise<void> => {
    for (let page = 0; page < 3; page += 1) {
      await turns.wait({ appId: 'app', userId: name }, 128)
      read.push(name)
    }
  }
  const readers = ['a', 'b', 'c', 'd'].map(readPages)
  const byTurn: string[] = []
  while (read.length < 12) {
    await turn()
    byTurn.push(read.slice(byTurn.join('').length).join(''))
  }
  await Promise.all(readers)
  assert.equal(read.join(''), 'abcdabcdabcd')
  for (const pages of byTurn) assert.ok(pages.length <= 4, `${pages} in two turns at most`)
  assert.ok(byTurn.filter((pages) => pages !== '').length >= 3, byTurn.join())
})

test('small pages share a turn, and the first one waits for none', async () => {
  const turns = createMessageTurns()
  let read = 0
  for (let page = 0; page < 10; page += 1)
    void turns.wait({ appId: 'app', userId: 'ada' }, 16).then(() => (read += 1))
  await Promise.resolve()
  assert.equal(read, 10)
  await turn()
})

test('users take turns, however many readers one of them has', async () => {
  const turns = createMessageTurns()
  const order: string[] = []
  const read = async (userId: string): Promise<void> => {
    await turns.wait({ appId: 'app', userId }, 128)
    order.push(userId)
  }
  const first = Array.from({ length: 6 }, () => read('ada'))
  await Promise.all([...first, read('bob'), read('cleo')])
  assert.ok(order.indexOf('bob') <= 3 && order.indexOf('cleo') <= 4, order.join())
})

test('whoever has read little has the next turn, however many have read much', async () => {
  const turns = createMessageTurns()
  const heavy = Array.from({ length: 20 }, (_, index) => ({ appId: 'app', userId: `heavy-${index}` }))
  let pages = 0
  let isOver = false
  const reading = heavy.map(async (user) => {
    while (!isOver) {
      await turns.wait(user, 128)
      pages += 1
    }
  })
  // After these pages each of them has read more than a thousand messages.
  while (pages < 300) await turn()
  const waited: number[] = []
  for (let round = 0; round < 10; round += 1) {
    const before = pages
    await turns.wait({ appId: 'app', userId: 'ada' }, 50)
    waited.push(pages - before)
    await turn()
  }
  isOver = true
  await Promise.all(reading)
  assert.ok(
    waited.every((pages) => pages <= 1),
    `pages that came before: ${waited.join()}`,
  )
})

const MESSAGES = 2_000
/** These are the messages of two turns, because one may be over before the counter's own turn. */
const MOST = 2 * (256 + 128)

const engine = createMemoryEngine()
let readMessages = 0
const { messagesAfter, messagesBefore } = engine
engine.messagesAfter = async (...call) => {
  const page = await messagesAfter.apply(engine, call)
  readMessages += page.messages.length
  return page
}
engine.messagesBefore = async (...call) => {
  const page = await messagesBefore.apply(engine, call)
  readMessages += page.messages.length
  return page
}
const { gateway, url } = await startGateway(
  {
    limits: { sessionsPerUser: 100, requestsPerSecond: 1_000 },
    retention: { messages: MESSAGES },
  },
  {},
  { engine },
)
for (let n = 0; n < MESSAGES; n += 100)
  await Promise.all(
    Array.from({ length: 100 }, () => gateway.publish({ appId: 'app', to: 'ada', body: 'missed' })),
  )
const { epoch } = await engine.inbox({ appId: 'app', userId: 'ada' })

/** Returns the largest number of messages that were read from one turn of the event loop to the next, until `isDone` returns true. */
const largestStep = async (isDone: () => boolean): Promise<number> => {
  let largest = 0
  await until('the messages', async (): Promise<boolean> => {
    // `until` pauses between its calls, and many turns may pass in a pause.
    let last = readMessages
    for (let n = 0; n < 100 && !isDone(); n += 1) {
      await turn()
      largest = Math.max(largest, readMessages - last)
      last = readMessages
    }
    return isDone()
  })
  return largest
}

test('a client that missed two thousand messages gets them in many turns, in their order', async () => {
  const client = openClient(url, {
    start: await startOf('ada', { resume: { key: 'gone', epoch, offset: 0 } }),
  })
  const step = await largestStep(() => client.frames.length >= MESSAGES + 1)
  assert.ok(step <= MOST, `${step} in one turn`)
  const offsets = client.frames.filter(({ type }) => type === 'message').map(({ offset }) => offset)
  assert.deepEqual(
    offsets,
    Array.from({ length: MESSAGES }, (_, index) => index + 1),
  )
})

test('of thirty `history` frames that come at once, few are answered in one turn', async () => {
  const start = await startOf('ada')
  const clients = await Promise.all(Array.from({ length: 30 }, () => startClient(url, start)))
  for (const client of clients) client.send({ type: 'history', id: 'h', epoch, limit: 100 })
  const answered = (): number =>
    clients.filter(({ frames }) => frames.some(({ type }) => type === 'history')).length
  const step = await largestStep(() => answered() === clients.length)
  assert.ok(step <= MOST, `${step} in one turn`)
  for (const client of clients) {
    assert.equal(
      (client.frames.find(({ type }) => type === 'history')?.['messages'] as unknown[]).length,
      100,
    )
    client.close()
  }
})

test('an answer does not wait for the replays of another user, however many clients that user has', async () => {
  for (let n = 0; n < 50; n += 1) await gateway.publish({ appId: 'app', to: 'bob', body: 'kept' })
  const bob = await startAs(url, 'bob')
  const start = await startOf('ada', { resume: { key: 'gone', epoch, offset: 0 } })
  const clients = Array.from({ length: 15 }, () => openClient(url, { start }))
  const received = (): number => clients.reduce((sum, { frames }) => sum + frames.length, 0)
  await until('every client to have begun', () => clients.every(({ frames }) => frames.length > 20))
  const before = readMessages
  bob.send({ type: 'history', id: 'h', epoch: bob.started['epoch'], limit: 50 })
  assert.equal((await bob.next('history'))['id'], 'h')
  const meanwhile = readMessages - before - 50
  assert.ok(received() < 15 * MESSAGES, 'the replays were over before the answer')
  assert.ok(meanwhile < 1_500, `${meanwhile} messages were read before`)
})
