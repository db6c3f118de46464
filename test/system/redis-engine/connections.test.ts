// How an engine reaches its servers: TLS, users of an ACL, prefixes, and what it refuses. docs/GATEWAY.md has the rules of the ACL.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { readFileSync } from 'node:fs'
import type { SecureContextOptions } from 'node:tls'
import { createRedisEngine, type Engine, type RedisEngineOptions } from '../../../src/engine/index.js'
import { bob, deliver, nextEvents, rules, start } from '../../../src/engine/suite/kit.js'
import { assertUsable } from '../../../src/engine/redis/server-check.js'
import { makeAuthority } from '../../support/network/certificates.js'
import { startCluster } from '../../support/redis/cluster.js'
import { startSentinels } from '../../support/redis/sentinel.js'
import { standalone, type RedisServer } from '../../support/redis/server.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'

type Server = RedisEngineOptions['server']

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
    retention: rules().retention,
    webhooks: { events: ['message.created', 'session.started'], unreadAfter: 1_000 },
  })
  await engine.saveUser(ada, { claimed: { name: 'Ada' } })
  const session = await engine.startSession({
    ...{ ...ada, guest: false, hidden: false, origin: null, address: '', client: null, node: 'a' },
    credential: { authMethod: 'token', tokenId: 'a token', issuedAt: 1, expiresAt: null },
    ...{ connectionId: 'c', keyHash: 'k', resumableFor: 60_000, sessionsPerUser: 5 },
  })
  assert.ok(session)
  for (const userId of ['bob', 'cleo'])
    await engine.send({ appId: 'shop', id: userId, from: 'ada', to: userId, body: 'x' }, rules())
  const { epoch } = await engine.inbox(ada)
  assert.equal((await engine.messagesAfter(ada, { epoch, offset: 0 }, 10)).messages.length, 2)
  // A message creates its recipient.
  assert.equal((await engine.users('shop', null, 10)).length, 3)
  const [due] = await engine.takeDueEvents('shop', 10, 1_000)
  assert.ok(due)
  await engine.endDelivery('shop', due.event.userId, due.event.id, { delivered: true })
  await engine.revokeToken('shop', 'a token')
  await engine.revokeApp('shop', { issuedBefore: null, mode: 'end' })
  assert.ok(await engine.deleteUser(ada))
  // This check publishes to the engine's own channel.
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
  // Redis applies rules in their order, and `-@dangerous` would take this right away again.
  const allowed = await server.command('acl', 'dryrun', 'chat-session', 'config', 'get', 'appendfsync')
  assert.equal(allowed, 'OK')
  await assert.rejects(openEngine({ type: 'single', url }, 'other:'), {
    code: 'unavailable',
    message: /NOPERM/,
  })
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

const folder = scratchFolder()
const authority = makeAuthority(folder, 'authority')
const certificate = authority.issue(folder, 'client')
/** The TLS options of a client of these servers. */
const tls = { ca: certificate.ca, cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) }
const other = makeAuthority(folder, 'other').issue(folder, 'other-client')

/** One engine stores and publishes a message over TLS, and another one receives it. */
const exchange = async (one: Engine, two: Engine): Promise<void> => {
  await start(two, bob)
  const received = nextEvents(two, 'message', 1)
  await deliver(one)
  assert.equal((await received).length, 1)
}

/** An engine opens no servers of another authority, and none that demand a certificate which it does not have. */
const refuseOverTls = async (server: (tls: SecureContextOptions) => Server): Promise<void> => {
  await assert.rejects(openEngine(server({ ...tls, ca: other.ca })), {
    code: 'unavailable',
    message:
      /^Redis is unavailable \(open\): no connection to 127\.0\.0\.1:\d+: no trusted authority has signed the server's certificate: /,
  })
  const without = { ca: tls.ca }
  await assert.rejects(openEngine(server(without)), {
    code: 'unavailable',
    message:
      /^Redis is unavailable \(open\): no connection to 127\.0\.0\.1:\d+: the server demands a certificate of its clients: /,
  })
}

test('TLS with an authority of its own and a certificate of the client: one server', async () => {
  const { url } = await standalone({ tls: authority })
  const server = (of: SecureContextOptions): Server => ({ type: 'single', url, tls: of })
  const engines = [await openEngine(server(tls)), await openEngine(server(tls))] as const
  await useAll(engines[0])
  await exchange(...engines)
  await refuseOverTls(server)
})

test('TLS with an authority of its own and a certificate of the client: Sentinels and their master', async () => {
  const { name, sentinels, master, failover } = await startSentinels({ tls: authority })
  const server = (of: SecureContextOptions): Server => ({
    ...{ type: 'sentinel', name, sentinels: addressesOf(sentinels), tls: of },
  })
  const engines = [await openEngine(server(tls)), await openEngine(server(tls))] as const
  await useAll(engines[0])
  await exchange(...engines)
  await refuseOverTls(server)
  await failover()
  // A subscribed engine sends its commands to the same server. Sentinels subscribe, too, and their connections have names.
  const subscribed = async (): Promise<number> =>
    (await (await master()).command('client', 'list', 'type', 'pubsub'))
      .split('\n')
      .filter((line) => line.includes(' name= ')).length
  await until('both engines use the new master', subscribed, 2)
  await exchange(...engines)
})

test('TLS with Sentinels that announce names: the certificates of the servers are valid for those', async () => {
  const { name, servers, sentinels, failover } = await startSentinels({ tls: authority, host: 'localhost' })
  const named = authority.issue(folder, 'of-localhost', 'DNS:localhost')
  for (const { command } of servers)
    await command('config', 'set', 'tls-cert-file', named.cert, 'tls-key-file', named.key)
  const server: Server = { type: 'sentinel', name, sentinels: addressesOf(sentinels), tls }
  const engines = [await openEngine(server), await openEngine(server)] as const
  await exchange(...engines)
  const port = servers[0]?.port ?? 0
  await assert.rejects(openEngine({ type: 'single', url: `rediss://127.0.0.1:${port}`, tls }), {
    code: 'unavailable',
    message: /the server's certificate is not valid for this host: /,
  })
  await failover()
  await exchange(await openEngine(server), await openEngine(server))
})

test('TLS with an authority of its own and a certificate of the client: a cluster, by addresses and by names', async () => {
  const { servers } = await startCluster({ tls: authority })
  const server = (of: SecureContextOptions): Server => ({
    ...{ type: 'cluster', nodes: addressesOf(servers), tls: of },
  })
  const engines = [await openEngine(server(tls)), await openEngine(server(tls))] as const
  await useAll(engines[0])
  await exchange(...engines)
  await refuseOverTls(server)

  const named = authority.issue(folder, 'named', 'DNS:localhost')
  for (const { command } of servers)
    await command('config', 'set', 'tls-cert-file', named.cert, 'tls-key-file', named.key)
  const byName = (of: SecureContextOptions): Server => ({
    ...{ type: 'cluster', nodes: servers.map(({ port }) => ({ host: 'localhost', port })), tls: of },
  })
  // The servers still announce their addresses, for which the certificate is not valid.
  await assert.rejects(openEngine(byName(tls)), {
    code: 'unavailable',
    message: /no connection to 127\.0\.0\.1:\d+: the server's certificate is not valid for this host: /,
  })
  for (const { command } of servers)
    await command(
      ...['config', 'set', 'cluster-announce-hostname', 'localhost'],
      ...['cluster-preferred-endpoint-type', 'hostname'],
    )
  await until('each server knows the names of the others', async () => {
    const maps = await Promise.all(servers.map(({ command }) => command('cluster', 'slots')))
    return maps.every((map) => map.split('\n').filter((word) => word === 'localhost').length === 6)
  })
  await exchange(await openEngine(byName(tls)), await openEngine(byName(tls)))
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
  assertUsable([{ ...server, version: '7.0.0' }])
  assert.throws(
    () => assertUsable([{ ...server, version: '6.2.14' }]),
    /Redis 6\.2\.14 is too old: use 7\.0 or later\./,
  )
})
