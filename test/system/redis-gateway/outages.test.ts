// What clients see while Redis can't store, and after it may have lost messages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../support/gateway.js'
import { openClient, startClient, type Frame } from '../../support/raw-client.js'
import { evict } from '../../support/redis/evict.js'
import { standalone } from '../../support/redis/server.js'
import { startOf } from '../../support/starts.js'
import { until } from '../../support/until.js'

const server = await standalone({ settings: { appendonly: 'yes' } })
const engine = { type: 'redis', url: server.url } as const
const [one, two] = [await startGateway({}, { engine }), await startGateway({}, { engine })] as const

let count = 0

/** Sends a message of Ada to Bob on a connection of its own. Returns the answer, or the refusal of the start. */
const send = async (id: string): Promise<Frame> => {
  const client = openClient(two.url, { start: await startOf('ada') })
  const first = await client.next()
  if (first.type === 'started') client.send({ type: 'send', id, to: 'bob', body: id })
  // The copy in Ada's own inbox comes as a message.
  const isAnswer = ({ type }: Frame): boolean => type === 'sent' || type === 'refused' || type === 'ended'
  let answer = first
  while (!isAnswer(answer)) answer = await client.next()
  client.close()
  return answer
}

/** Sends a message until it is stored. Each answer before that is `unavailable`. */
const untilStored = async (): Promise<void> => {
  const id = `message ${++count}`
  await until('the message is stored', async () => {
    const answer = await send(id)
    if (answer.type !== 'sent') assert.equal(answer['code'], 'unavailable')
    return answer.type === 'sent'
  })
}

const readyz = async (): Promise<number> => (await fetch(`${one.url}/readyz`)).status

const assertUnavailable = ({ code, retryAfter }: Record<string, unknown>): void =>
  assert.deepEqual([code, typeof retryAfter], ['unavailable', 'number'])

const outages = {
  'is stopped': {
    begin: () => Promise.resolve(server.pause()),
    end: () => Promise.resolve(server.resume()),
  },
  'is full': {
    begin: () => server.command('config', 'set', 'maxmemory', '1'),
    end: () => server.command('config', 'set', 'maxmemory', '0'),
  },
  'is a replica': {
    begin: () => server.command('replicaof', '127.0.0.1', '1'),
    end: () => server.command('replicaof', 'no', 'one'),
  },
  'was killed': { begin: () => server.kill(), end: () => server.start() },
}

for (const [what, { begin, end }] of Object.entries(outages))
  test(`while Redis ${what}, starts and sends are unavailable with a retryAfter, and all recovers by itself`, async () => {
    const ada = await startClient(one.url, await startOf('ada'))
    await untilStored()
    await begin()
    try {
      ada.send({ type: 'send', id: what, to: 'bob', body: 'never acknowledged' })
      assertUnavailable(await ada.next('refused'))
      assertUnavailable((await openClient(two.url, { start: await startOf('cleo') }).end()).frame)
      await until('readyz says so', async () => (await readyz()) === 503)
    } finally {
      await end()
    }
    await until('the gateway is ready again', async () => (await readyz()) === 200)
    await untilStored()
    // The message is from Ada, and her connection has stayed.
    await ada.next('message')
    const again = await startClient(one.url, await startOf('ada'))
    assert.equal(again.started['epoch'], ada.started['epoch'])
    for (const client of [again, ada]) client.close()
  })

for (const what of ['is stopped', 'is full'] as const)
  test(`while Redis ${what}, the first frame of a connection does not end it, and voids the last resume key when Redis is back`, async () => {
    const start = await startOf('dora')
    const first = await startClient(one.url, start)
    first.close()
    const { resumeKey: key, epoch, sessionId } = first.started
    const resume = { key, epoch, offset: 0 }
    // A frame would confirm the new key before Redis is away.
    const second = await startClient(two.url, { ...start, resume }, { pongs: false })
    assert.equal(second.started['sessionId'], sessionId)
    await outages[what].begin()
    try {
      second.send({ type: 'send', id: what, to: 'bob', body: what })
      assertUnavailable(await second.next('refused'))
    } finally {
      await outages[what].end()
    }
    await until('readyz says so', async () => (await readyz()) === 200)
    let count = 0
    await until('a message is stored', async () => {
      second.send({ type: 'send', id: `${what} ${++count}`, to: 'bob', body: what })
      const answers = ['sent', 'refused']
      let answer = await second.next()
      while (!answers.includes(answer.type)) answer = await second.next()
      return answer.type === 'sent'
    })
    const other = await startClient(one.url, { ...start, resume })
    assert.equal(other.started['resumed'], false)
    assert.notEqual(other.started['sessionId'], sessionId)
    other.close()
    second.close()
  })

test('when Redis was emptied, the log and the clients are told that data are gone, and not that another gateway took over', async () => {
  const start = await startOf('bob')
  const bob = await startClient(one.url, start)
  const gateways = [one, two].map(({ lines }) => ({ lines, logged: lines.length }))
  await server.command('flushall')
  const { frame } = await bob.end()
  assertUnavailable(frame)
  assert.equal(
    frame['message'],
    "The gateway's store was emptied, or came back empty, and sessions and messages are gone: reconnect after `retryAfter`.",
  )
  // Each gateway notices by its own beat. Until then it would close the connections of the next test.
  for (const { lines, logged } of gateways) {
    const found = (): { level: string; msg: string }[] =>
      lines.slice(logged).map((line) => JSON.parse(line) as { level: string; msg: string })
    await until('the log says so', () =>
      found().some(({ level, msg }) => level === 'error' && msg === frame['message']),
    )
    assert.ok(!found().some(({ msg }) => msg.includes('took over')))
  }
  await until('the gateway is ready again', async () => (await readyz()) === 200)
  await untilStored()
})

test('when Redis has evicted keys, connections close, and clients read the inbox again', async () => {
  const start = await startOf('bob')
  const bob = await startClient(two.url, start)
  await untilStored()
  const { offset } = await bob.next('message')
  const { epoch, resumeKey, sessionId } = bob.started
  await evict(server)
  const { frame } = await bob.end()
  assert.equal(frame['retryable'], true)
  assertUnavailable(frame)
  await until('the gateway is ready again', async () => (await readyz()) === 200)
  const again = await startClient(one.url, { ...start, resume: { key: resumeKey, epoch, offset } })
  assert.deepEqual([again.started['sessionId'], again.started['lost']], [sessionId, true])
  assert.notEqual(again.started['epoch'], epoch)
  assert.equal((await again.next('message'))['offset'], 1)
})
