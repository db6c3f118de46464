// Who is online, over real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from '../../../../src/engine/index.js'
import type { Gateway } from '../../../../src/gateway/index.js'
import { assemble } from '../../../support/gateway/assembled-gateway.js'
import { startGateway } from '../../../support/gateway.js'
import { onBothEngines } from '../../../support/rest/rest-calls.js'
import { startAs, type Client } from '../../../support/raw-client.js'
import { tokenFor } from '../../../support/tokens.js'
import { until } from '../../../support/until.js'
import { resumeOf } from '../../../support/starts.js'

const limits = { requestsPerSecond: 1_000_000, messagesPerSecond: 1_000_000 }

interface Presence {
  id: string
  online: boolean
  lastSeenAt: number | null
}

const nextPresence = async (client: Client): Promise<Presence[]> =>
  (await client.next('presence'))['users'] as Presence[]

const watch = async (client: Client, ...users: string[]): Promise<Presence[]> => {
  client.send({ type: 'watch', users })
  return nextPresence(client)
}

/** Presence as text: `bob online`. */
const textOf = (users: Presence[]): string[] =>
  users.map(({ id, online }) => `${id} ${online ? 'online' : 'offline'}`)

const offline = (id: string): Presence => ({ id, online: false, lastSeenAt: null })

const end = async (client: Client): Promise<void> => {
  client.send({ type: 'end' })
  await client.closed
}

// The gateways start before the first test: one that opens while no test runs is closed with the file's tests.
const toAnyone = await onBothEngines({ limits, presence: 'anyone' })
const toPeers = await onBothEngines({ limits })

for (const { url, on } of toAnyone) {
  test(`a watch is answered for all its users, in their order, and then tells the changes ${on}`, async () => {
    const before = Date.now()
    const [ada, bob] = [await startAs(url, 'ada'), await startAs(url, 'bob')]
    assert.ok((ada.started['can'] as string[]).includes('watch'))
    const [never, online, self] = await watch(ada, 'nobody', 'bob', 'ada', 'bob')
    assert.deepEqual(never, offline('nobody'))
    assert.deepEqual(textOf([online ?? assert.fail(), self ?? assert.fail()]), ['bob online', 'ada online'])
    assert.ok(Number(online?.lastSeenAt) >= before)
    await end(bob)
    const [gone] = await nextPresence(ada)
    assert.deepEqual([gone?.id, gone?.online], ['bob', false])
    assert.ok(Number(gone?.lastSeenAt) >= before)
    const back = await startAs(url, 'bob')
    assert.deepEqual(textOf(await nextPresence(ada)), ['bob online'])
    // More sessions, hidden pages and a lost connection change nothing.
    const second = await startAs(url, 'bob')
    second.send({ type: 'visibility', hidden: true })
    await end(second)
    back.socket.terminate()
    const resumed = await startAs(url, 'bob', resumeOf(back.started))
    await end(resumed)
    assert.deepEqual(textOf(await nextPresence(ada)), ['bob offline'])
  })

  test(`each watch replaces the one before ${on}`, async () => {
    const ada = await startAs(url, 'ada')
    assert.deepEqual(textOf(await watch(ada, 'bob', 'carl')), ['bob offline', 'carl offline'])
    assert.deepEqual(textOf(await watch(ada, 'carl', 'dora')), ['carl offline', 'dora offline'])
    const others = [await startAs(url, 'bob'), await startAs(url, 'carl')]
    assert.deepEqual(textOf(await nextPresence(ada)), ['carl online'])
    assert.deepEqual(await watch(ada), [])
    for (const other of others) await end(other)
    assert.deepEqual(textOf(await watch(ada, 'carl')), ['carl offline'])
    assert.equal(ada.frames.filter(({ type }) => type === 'presence').length, 5)
  })
}

for (const { url: address, on } of toPeers)
  test(`with the rule 'peers' a user sees those who have written to the user, and no others ${on}`, async () => {
    const [ada, bob] = [await startAs(address, 'ada'), await startAs(address, 'bob')]
    // A stranger's own message unlocks nothing.
    ada.send({ type: 'send', id: '1', to: 'bob', body: 'x' })
    await bob.next('message')
    assert.deepEqual(await watch(ada, 'bob', 'nobody'), [offline('bob'), offline('nobody')])
    assert.deepEqual(textOf(await watch(bob, 'ada', 'bob')), ['ada online', 'bob online'])
    // Bob's answer lets Ada see him at once.
    bob.send({ type: 'send', id: '2', to: 'ada', body: 'x' })
    assert.deepEqual(textOf(await nextPresence(ada)), ['bob online'])
    await end(bob)
    assert.deepEqual(textOf(await nextPresence(ada)), ['bob offline'])
    const later = await startAs(address, 'ada')
    assert.deepEqual(textOf(await watch(later, 'bob')), ['bob offline'])
    await startAs(address, 'bob')
    for (const client of [ada, later]) assert.deepEqual(textOf(await nextPresence(client)), ['bob online'])
  })

const { url } = toAnyone[0] ?? assert.fail()

test("the rule 'nobody' answers as for users who never came, the own user too", async () => {
  const { url: address } = await startGateway({ limits, presence: 'nobody' })
  const [ada, bob] = [await startAs(address, 'ada'), await startAs(address, 'bob')]
  assert.deepEqual(await watch(ada, 'bob', 'ada'), [offline('bob'), offline('ada')])
  bob.send({ type: 'send', id: '1', to: 'ada', body: 'x' })
  await end(bob)
  assert.deepEqual(await watch(ada, 'bob'), [offline('bob')])
})

test('a watch of more than 100 users, or of an id that none can have, is refused and changes nothing', async () => {
  const ada = await startAs(url, 'ada')
  await watch(ada, 'bob')
  const many = Array.from({ length: 101 }, (_, n) => `user ${n}`)
  for (const users of [many, [''], ['bob', '..'], ['x'.repeat(256)]]) {
    ada.send({ type: 'watch', users })
    const { re, code, retryable } = await ada.next('refused')
    assert.deepEqual([re, code, retryable], ['watch', 'bad-request', false])
  }
  await startAs(url, 'bob')
  assert.deepEqual(textOf(await nextPresence(ada)), ['bob online'])
  assert.equal((await watch(ada, ...many.slice(1))).length, 100)
})

test('a watch ends with its connection, even if its token expires', async () => {
  const { url: address, watchers } = await assemble(() => ({}), undefined, limits, { presence: 'anyone' })
  const ada = await startAs(address, 'ada')
  // Times in tokens are whole seconds: with a second less it may be expired at once.
  const bob = await startAs(address, 'bob', { token: await tokenFor('bob', { expiresIn: 2 }) })
  for (const client of [ada, bob]) await watch(client, 'carl', 'dora')
  await watch(ada, 'carl')
  assert.equal(watchers.size, 2)
  assert.equal((await bob.end()).frame['code'], 'token-expired')
  await until('the watch is gone', () => watchers.size, 1)
  ada.socket.terminate()
  await until('the other watch is gone', () => watchers.size, 0)
})

test('the engine watches a user once, however many sessions do', async () => {
  const calls: string[] = []
  const { url: address } = await assemble(
    (engine) => ({
      watch: (users) => {
        calls.push(`watch ${users.map(({ userId }) => userId).join(' ')}`)
        return engine.watch(users)
      },
      unwatch: (users) => {
        calls.push(`unwatch ${users.map(({ userId }) => userId).join(' ')}`)
        engine.unwatch(users)
      },
    }),
    undefined,
    { ...limits, sessionsPerUser: 100 },
    { presence: 'anyone' },
  )
  const watching = await Promise.all(Array.from({ length: 20 }, () => startAs(address, 'ada')))
  await Promise.all(watching.map((client) => watch(client, 'bob', 'carl')))
  await startAs(address, 'bob')
  for (const client of watching) assert.deepEqual(textOf(await nextPresence(client)), ['bob online'])
  assert.deepEqual(calls, ['watch bob carl'])
  for (const client of watching) client.close()
  await until('nobody watches', () => calls.length, 2)
  assert.equal(calls[1], 'unwatch bob carl')
})

test('a message that comes while a watch waits for the engine makes its sender visible', async () => {
  const answers: (() => void)[] = []
  const { url: address } = await assemble(
    (engine) => ({
      watch: async (users) => {
        const found = await engine.watch(users)
        await new Promise<void>((resolve) => answers.push(resolve))
        return found
      },
    }),
    undefined,
    limits,
  )
  const [ada, bob, carl] = [
    await startAs(address, 'ada'),
    await startAs(address, 'bob'),
    await startAs(address, 'carl'),
  ]
  carl.send({ type: 'send', id: '1', to: 'ada', body: 'x' })
  await ada.next('message')
  ada.send({ type: 'watch', users: ['bob', 'carl'] })
  await until('the engine is asked about carl', () => answers.length, 1)
  bob.send({ type: 'send', id: '1', to: 'ada', body: 'x' })
  await ada.next('message')
  answers[0]?.()
  assert.deepEqual(textOf(await nextPresence(ada)), ['bob offline', 'carl online'])
  await until('the engine is asked about bob', () => answers.length, 2)
  answers[1]?.()
  assert.deepEqual(textOf(await nextPresence(ada)), ['bob online'])
})

test('if the engine is away, a watch is refused as unavailable and the one before goes on', async () => {
  let isAway = false
  const { url: address } = await assemble(
    (engine) => ({
      watch: (users) =>
        isAway ? Promise.reject(new EngineError('unavailable', 'away')) : engine.watch(users),
    }),
    undefined,
    limits,
    { presence: 'anyone' },
  )
  const ada = await startAs(address, 'ada')
  await watch(ada, 'bob')
  isAway = true
  ada.send({ type: 'watch', users: ['carl', 'bob'] })
  const { code, retryable, retryAfter } = await ada.next('refused')
  assert.deepEqual([code, retryable, Number(retryAfter) > 0], ['unavailable', true, true])
  await startAs(address, 'bob')
  assert.deepEqual(textOf(await nextPresence(ada)), ['bob online'])
  isAway = false
  assert.deepEqual(textOf(await watch(ada, 'carl', 'bob')), ['carl offline', 'bob online'])
})

/** Stops reading as `client`, the user `slow`, who then gets more messages than the buffers of both sockets take. */
const fillBuffers = async (client: Client, gateway: Gateway): Promise<void> => {
  client.socket.pause()
  const big = { body: 'x'.repeat(16_000) }
  for (let n = 0; n < 1_000; n++) await gateway.client('app').sendMessage({ user: 'slow', body: big })
}

test('a client that reads slowly learns when a user was last seen who has come and gone meanwhile', async () => {
  const { gateway, url: address } = await startGateway({ presence: 'anyone' })
  const [slow, fast] = [await startAs(address, 'slow'), await startAs(address, 'fast')]
  for (const client of [slow, fast]) assert.deepEqual(await watch(client, 'bob'), [offline('bob')])
  await fillBuffers(slow, gateway)
  const bob = await startAs(address, 'bob')
  assert.deepEqual(textOf(await nextPresence(fast)), ['bob online'])
  await end(bob)
  const gone = await nextPresence(fast)
  assert.deepEqual(textOf(gone), ['bob offline'])
  slow.socket.resume()
  assert.deepEqual(await nextPresence(slow), gone)
})
