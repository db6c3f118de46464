// Two gateways on one Redis push once.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { engineRules } from '../../../src/engine/internal.js'
import { usersOf } from '../../gateway/push/setup.js'
import { startGateway } from '../../support/gateway.js'
import { startPushService } from '../../support/push/push-service.js'
import { standalone } from '../../support/redis/server.js'
import { pushOf } from '../../support/push/push-network.js'
import { until } from '../../support/until.js'

const { url } = await standalone()
const service = await startPushService()
const engine = { type: 'redis', url, prefix: `${randomUUID()}:` } as const
const start = async () =>
  usersOf((await startGateway({ push: pushOf() }, { engine }, { pushNetwork: service.network })).url)
const [a, b] = [await start(), await start()]

test('a message is pushed once, whichever gateway it came to, with the key of both', async () => {
  const users = Array.from({ length: 20 }, (_, n) => `user${n}`)
  for (const user of users) await a.subscribe(user, service.subscribe(user))
  for (const [n, user] of users.entries()) await (n % 2 === 0 ? a : b).send('bob', user, 'Hello')
  await until('all came', () => service.received.length, users.length)
  // A second push of these messages would come before those of the next.
  for (const user of users) await b.send('carl', user, 'Hello again')
  await until('all came again', () => service.received.length, 2 * users.length)
  for (const user of users) assert.deepEqual(service.bodies(user), ['Hello', 'Hello again'])
  assert.equal(new Set(service.received.map(({ vapidKey }) => vapidKey)).size, 1)
})

test('a page that is visible at one gateway keeps the other from pushing', async () => {
  await a.subscribe('ada', service.subscribe('phone'))
  const page = await a.connect('ada')
  await b.send('bob', 'ada', 'seen')
  await page.next('message')
  page.socket.close(1001)
  await page.closed
  await b.send('carl', 'ada', 'later')
  await until('it came', () => service.bodies('phone').length, 1)
  assert.deepEqual(service.bodies('phone'), ['later'])
})

test('pushes that a closing gateway cuts off, or has not begun, are sent by the next one before the lease ends', async () => {
  const { pushLease } = engineRules
  // The test would end before the lease does.
  Object.assign(engineRules, { pushLease: 600_000 })
  const token = 'the admin token of a test, 32 bytes'
  const silent = await startPushService()
  silent.respond = () => undefined
  const config = {
    engine: { ...engine, prefix: `${randomUUID()}:` },
    admin: { port: 0, token },
    // Half of it is for the close, and a quarter for giving back the leases.
    drainTime: 20,
  }
  const pushNetwork = { ...silent.network, timeout: 600_000 }
  const startOne = () => startGateway({ push: pushOf() }, config, { pushNetwork })
  const first = await startOne()
  const { subscribe, send } = usersOf(first.url)
  // The gateway pushes to a hundred users at once, and the others wait.
  const users = Array.from({ length: 103 }, (_, n) => `user${n}`)
  for (let n = 0; n < users.length; n += 10)
    await Promise.all(users.slice(n, n + 10).map((user) => subscribe(user, silent.subscribe(user))))
  for (const user of users) await send('bob', user, 'Hello')
  await until('a hundred users are pushed to', () => silent.received.length, 100)
  const admin = await first.gateway.listenAdmin()
  const queued = async (): Promise<number> => {
    const answer = await fetch(`${admin}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    return Number(/^chat_session_push_users_queued (\d+)$/m.exec(await answer.text())?.[1])
  }
  await until('the others wait', queued, users.length)
  await first.close()

  const taken = new Set<string>()
  silent.respond = (response, { device }) => {
    taken.add(device)
    response.writeHead(201).end()
  }
  await startOne()
  await until('all users are pushed to', () => taken.size, users.length)
  Object.assign(engineRules, { pushLease })
})
