// Two gateways on one Redis are one gateway. The engine's suite says what two engines on the same data do.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createRedisClient } from '../../../src/engine/redis/client/index.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import { startGateway } from '../../support/gateway.js'
import { startAs } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'

const server = await standalone({ password: 'a-password-that-no-line-may-show' })
const url = server.url.replace('//', '//:a-password-that-no-line-may-show@')

/** Starts two gateways on one Redis. The first one gets the reply to a script when `hold` has resolved. */
const startTwo = async (hold: (script: string) => Promise<void> | false) => {
  const client = createRedisClient({ type: 'single', url })
  const run = client.run.bind(client)
  client.run = async (script, input) => {
    const reply = await run(script, input)
    await hold(script.name)
    return reply
  }
  const prefix = `${randomUUID()}:`
  return [
    await startGateway({}, {}, { engine: createSharedEngine({ client: () => client, prefix }) }),
    await startGateway({}, { engine: { type: 'redis', url, prefix } }),
  ] as const
}

test('a page learns of a read mark whose event comes after a newer message', async () => {
  const held: (() => void)[] = []
  let isHolding = true
  const [here, there] = await startTwo(
    (script) => script === 'markRead' && isHolding && new Promise((resolve) => held.push(resolve)),
  )
  const [reader, other] = [await startAs(here.url, 'bob'), await startAs(here.url, 'bob')]
  const ada = await startAs(there.url, 'ada')
  const send = async (id: string): Promise<void> => {
    ada.send({ type: 'send', id, to: 'bob', body: 'hello' })
    for (const bob of [reader, other]) assert.equal((await bob.next('message'))['id'], id)
  }
  await send('1')
  reader.send({ type: 'read', epoch: reader.started['epoch'], offset: 1 })
  await until('the mark is stored', () => held.length, 1)
  await send('2')
  isHolding = false
  for (const release of held) release()
  for (const bob of [reader, other]) {
    const { unread, readOffset } = await bob.next('unread')
    assert.deepEqual({ unread, readOffset }, { unread: 1, readOffset: 1 })
  }
})

test('an answer of the engine that comes after the mark of another gateway takes no count back', async () => {
  let release: (() => void) | undefined
  const [here, there] = await startTwo(
    (script) => script === 'markRead' && !release && new Promise((resolve) => (release = resolve)),
  )
  const reader = await startAs(here.url, 'bob')
  const other = await startAs(there.url, 'bob')
  for (const from of ['ada', 'cleo']) {
    const sender = await startAs(there.url, from)
    sender.send({ type: 'send', id: from, to: 'bob', body: 'hello' })
    for (const bob of [reader, other]) assert.equal((await bob.next('message'))['id'], from)
  }
  const mark = { type: 'read', epoch: reader.started['epoch'], offset: 2 }
  const unreadOf = async (bob: typeof reader): Promise<unknown> => {
    const { unread, readOffset, unreadWith } = await bob.next('unread')
    return { unread, readOffset, unreadWith }
  }
  other.send({ ...mark, with: 'ada' })
  for (const bob of [reader, other])
    assert.deepEqual(await unreadOf(bob), { unread: 1, readOffset: 0, unreadWith: 0 })
  // This mark changes nothing, so the engine emits no event, and its answer is the reader's.
  reader.send({ ...mark, with: 'ada' })
  await until('Redis has counted', () => release !== undefined)
  other.send({ ...mark, with: 'cleo' })
  for (const bob of [reader, other])
    assert.deepEqual(await unreadOf(bob), { unread: 0, readOffset: 0, unreadWith: 0 })
  release?.()
  assert.deepEqual(await unreadOf(reader), { unread: 0, readOffset: 0, unreadWith: 0 })
})

test('the log tells appendfsync and never the password', async () => {
  const gateway = await startGateway({}, { engine: { type: 'redis', url } })
  const lines = gateway.lines.join('')
  assert.match(lines, /"appendfsync":"off"/)
  assert.ok(!lines.includes('a-password-that-no-line-may-show'))
})
