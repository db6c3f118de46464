// How an engine reaches its servers: TLS, users of an ACL, prefixes, and what it refuses. docs/GATEWAY.md has the rules of the ACL.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { readFileSync } from 'node:fs'
import {
  createRedisEngine,
  EngineError,
  type Engine,
  type RedisEngineOptions,
  type SendRules,
} from '../../../src/engine/index.js'
import { assertUsable } from '../../../src/engine/redis/server-check.js'
import { makeCertificate } from '../../support/certificates.js'
import { startCluster } from '../../support/redis/cluster.js'
import { startSentinels } from '../../support/redis/sentinel.js'
import { standalone, type RedisServer } from '../../support/redis/server.js'
import { scratchFolder } from '../../support/scratch-folder.js'

type Server = RedisEngineOptions['server']

const rules: SendRules = {
  sendWindow: 60_000,
  retention: { messages: 100, bytes: 1_000_000, age: 60_000 },
  unknownRecipients: true,
  unreadPerSender: 1,
  quota: { inboxes: 100, bytes: 1_000_000 },
}
const ada = { appId: 'shop', userId: 'ada' }

const openEngine = async (
  server: Server,
  prefix?: string,
  onError: (error: unknown) => void = () => undefined,
): Promise<Engine> => {
  const engine = createRedisEngine({ server, prefix, onError })
  after(() => engine.close())
  await engine.open()
  return engine
}

/** Uses a step of each kind: scripts, published events, the check of them, sweeps. */
const useAll = async (engine: Engine): Promise<void> => {
  await engine.configure('shop', {
    retention: rules.retention,
    webhooks: { events: ['message.created', 'session.started'], unreadAfter: 1_000 },
  })
  await engine.saveUser(ada, { claimed: { name: 'Ada' } })
  const session = await engine.startSession({
    ...{ ...ada, guest: false, hidden: false, origin: null, address: '', client: null, node: 'a' },
    credential: { way: 'token', tokenId: 'a token', issuedAt: 1, expiresAt: null },
    ...{ connectionId: 'c', keyHash: 'k', holdFor: 60_000, sessionsPerUser: 5 },
  })
  assert.ok(session)
  for (const userId of ['bob', 'cleo'])
    await engine.send({ appId: 'shop', id: userId, from: 'ada', to: userId, body: 'x' }, rules)
  const { epoch } = await engine.inbox(ada)
  assert.equal((await engine.messagesAfter(ada, { epoch, offset: 0 }, 10)).messages.length, 2)
  assert.equal((await engine.users('shop', null, 10)).length, 1)
  const [due] = await engine.takeDueEvents('shop', 10, 1_000)
  assert.ok(due)
  await engine.settleEvent('shop', due.event.userId, due.event.id, { delivered: true })
  await engine.revokeToken('shop', 'a token')
  await engine.revokeApp('shop', { issuedBefore: null, mode: 'end' })
  assert.ok(await engine.deleteUser(ada))
  // It publishes to itself.
  await engine.check()
}

/** The rules of the ACL in docs/GATEWAY.md, for the servers and for the Sentinels. */
const documentedRules = async (name: string): Promise<string> => {
  const guide = await readFile(new URL('../../../docs/GATEWAY.md', import.meta.url), 'utf8')
  const line = new RegExp(`^ACL SETUSER (${name} .*)$`, 'm').exec(guide)?.[1]
  assert.ok(line, name)
  return line.replace('>PASSWORD', '>s3cret')
}

const login = { username: 'chat-session', password: 's3cret' }

const allow = async (servers: readonly RedisServer[], name: string): Promise<void> => {
  const words = (await documentedRules(name)).split(' ')
  for (const server of servers) await server.command('acl', 'setuser', ...words)
}

const addressesOf = (servers: readonly RedisServer[]) =>
  servers.map(({ port }) => ({ host: '127.0.0.1', port }))

test('a user with the documented rules uses one server, and no key beside the prefix', async () => {
  const server = await standalone()
  await allow([server], 'chat-session')
  const url = server.url.replace('//', '//chat-session:s3cret@')
  await useAll(await openEngine({ type: 'single', url }))
  const errors: unknown[] = []
  const refused = openEngine({ type: 'single', url }, 'other:', (error) => errors.push(error))
  await assert.rejects(refused, (error) => error instanceof EngineError)
  assert.match(errors.join('\n'), /NOPERM/)
})

test('a user with the documented rules uses the master that Sentinels name', async () => {
  const { name, servers, sentinels } = await startSentinels()
  await allow(servers, 'chat-session')
  await allow(sentinels, 'chat-sentinel')
  await useAll(
    await openEngine({
      ...{ type: 'sentinel', name, sentinels: addressesOf(sentinels), ...login },
      ...{ sentinelUsername: 'chat-sentinel', sentinelPassword: 's3cret' },
    }),
  )
})

test('a user with the documented rules uses a cluster; each server has one connection for commands and one that subscribes', async () => {
  const cluster = await startCluster()
  await allow(cluster.servers, 'chat-session')
  const engine = await openEngine({ type: 'cluster', nodes: addressesOf(cluster.servers), ...login })
  await useAll(engine)
  for (const { server } of await cluster.masters()) {
    const list = (await server.command('client', 'list')).split('\n')
    const own = list.filter((line) => line.includes('user=chat-session '))
    const subscribers = own.filter((line) => / ssub=[1-9]/.test(line))
    assert.deepEqual([own.length, subscribers.length], [2, 1], own.join('\n'))
  }
})

test('TLS with an authority of its own and a certificate of the client', async () => {
  const folder = scratchFolder()
  const client = makeCertificate(folder, 'client')
  const server = await standalone({ tls: true })
  const { certificate } = server
  assert.ok(certificate)
  await server.command('config', 'set', 'tls-ca-cert-file', client.cert, 'tls-auth-clients', 'yes')
  const tls = { ca: certificate.ca, cert: readFileSync(client.cert), key: readFileSync(client.key) }
  await useAll(await openEngine({ type: 'single', url: server.url, tls }))
  const without = { type: 'single', url: server.url, tls: { ca: certificate.ca } } as const
  await assert.rejects(openEngine(without), (error) => error instanceof EngineError)
})

test('two prefixes on one Redis do not meet', async () => {
  const server = await standalone()
  const options = { type: 'single', url: server.url } as const
  const [one, two] = [await openEngine(options, 'one:'), await openEngine(options, 'two:')]
  await useAll(one)
  await one.saveUser(ada, { claimed: { name: 'Ada' } })
  assert.equal(await two.user(ada), null)
  assert.deepEqual(await two.users('shop', null, 10), [])
  assert.notDeepEqual(await one.key(), await two.key())
  assert.notEqual((await one.inbox(ada)).epoch, (await two.inbox(ada)).epoch)
  await one.close()
  await two.close()
  const names = (await server.command('--scan')).split('\n')
  assert.ok(names.every((name) => /^(one|two):/.test(name)))
})

test('a Redis that deletes keys when its memory is full is refused', async () => {
  const server = await standalone({ settings: { 'maxmemory-policy': 'allkeys-lru' } })
  await assert.rejects(
    openEngine({ type: 'single', url: server.url }),
    /Redis has the maxmemory-policy 'allkeys-lru', which deletes sessions and messages.*set 'noeviction'/,
  )
})

test('versions without what the engine needs are refused', () => {
  const server = { maxmemoryPolicy: 'noeviction', appendfsync: 'always' }
  const old = { ...server, version: '6.0.20' }
  assert.throws(() => assertUsable([old], false), /Redis 6\.0\.20 is too old: use 6\.2 or later\./)
  const notSharded = { ...server, version: '6.2.14' }
  assertUsable([notSharded], false)
  assert.throws(() => assertUsable([notSharded], true), /Redis 6\.2\.14 is too old: use 7\.0 or later\./)
})
