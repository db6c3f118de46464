// How many calls of an app's `authenticate` run at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient, startClient } from '../../../support/raw-client.js'
import { until } from '../../../support/until.js'
import { startGateway } from '../../../support/gateway.js'

const withParams = (userId: string) => ({ type: 'start', appId: 'app', userId, authParams: {} })

const openMany = (url: string, length: number) =>
  Array.from({ length }, (_, index) => openClient(url, { start: withParams(`${index}`) }))

/** Starts a gateway whose `authenticate` answers a call when `allow` of that call is called. */
const startSlowGateway = async () => {
  const calls: { userId: string; allow: () => void }[] = []
  const { url } = await startGateway(
    {
      authenticate: ({ userId }) =>
        new Promise((resolve) => calls.push({ userId, allow: () => resolve({ ok: true }) })),
    },
    { startTimeout: 60 },
  )
  return { url, calls }
}

test('a client that leaves while its start waits for authenticate gives its place to another', async () => {
  const { url, calls } = await startSlowGateway()
  const clients = openMany(url, 1_101)
  const ended = () => clients.filter(({ frames }) => frames.some(({ type }) => type === 'ended'))
  await until('a start is refused', () => ended().length, 1)
  const called = new Set(calls.map(({ userId }) => Number(userId)))
  const waiting = clients.filter((client, index) => !called.has(index) && !ended().includes(client))
  assert.deepEqual([called.size, waiting.length], [100, 1_000])
  for (const client of waiting) client.socket.close(1000)
  await Promise.all(waiting.map(({ closed }) => closed))
  const late = openClient(url, { start: withParams('late') })
  await late.opened
  calls[0]?.allow()
  await until('the next call', () => calls.length, 101)
  assert.equal(calls[100]?.userId, 'late')
  calls[100].allow()
  assert.equal((await late.next()).type, 'started')
  for (const client of [...clients, late]) client.close()
})

test('starts of one address that wait for authenticate keep out no start of another, which has the next turn', async () => {
  const { url, calls } = await startSlowGateway()
  const clients = openMany(url, 1_101)
  const ended = () => clients.flatMap(({ frames }) => frames.filter(({ type }) => type === 'ended'))
  await until('a start is refused', () => ended().length, 1)
  const other = openClient(url, { start: withParams('other'), localAddress: '127.0.0.2' })
  await until('another start has given up its place', () => ended().length, 2)
  for (const { code, retryAfter } of ended()) assert.deepEqual([code, retryAfter], ['unavailable', 5_000])
  calls[0]?.allow()
  calls[1]?.allow()
  await until('two more are called', () => calls.length, 102)
  const called = calls.find(({ userId }) => userId === 'other')
  called?.allow()
  assert.equal((await other.next()).type, 'started')
  for (const client of [...clients, other]) client.close()
})

test('a call that never settles frees its place after startTimeout', async () => {
  let isHanging = true
  const { url } = await startGateway(
    { authenticate: () => (isHanging ? new Promise(() => undefined) : Promise.resolve({ ok: true })) },
    { startTimeout: 1 },
  )
  const clients = openMany(url, 100)
  await Promise.all(clients.map(({ closed }) => closed))
  isHanging = false
  const next = await startClient(url, withParams('ada'))
  next.close()
})
