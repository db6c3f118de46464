// What a URL of Redis says is done, or the client does not open: the database, the login, and nothing else.
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import type { RedisClientOptions } from '../../../../src/engine/redis/client/index.js'
import { startCluster } from '../../../support/redis/cluster.js'
import { startSentinels } from '../../../support/redis/sentinel.js'
import { standalone } from '../../../support/redis/server.js'
import { until, untilResolves } from '../../../support/until.js'
import { count, openClient, publish } from './kit.js'

const refused = (options: RedisClientOptions, message: RegExp): Promise<void> =>
  assert.rejects(openClient(options), { code: 'unavailable', message })

const noDatabase = (number: number): RegExp =>
  new RegExp(
    `^Redis is unavailable \\(open\\): no connection to 127\\.0\\.0\\.1:\\d+: the server refuses database ${number}: ` +
      'use another server, or database 0 with a prefix that no other app has \\(ERR ',
  )

test('the database of the URL has the keys, and database 0 has none', async () => {
  const server = await standalone()
  const { run } = await openClient({ type: 'single', url: `${server.url}/3` })
  await run(count, ['n'], '1')
  assert.equal(await server.command('dbsize'), '0')
  assert.equal(await server.command('-n', 3, 'dbsize'), '1')
})

test('a client does not open on a server that has no such database', async () => {
  const server = await standalone({ settings: { databases: 1 } })
  await refused({ type: 'single', url: `${server.url}/1` }, noDatabase(1))
  await refused({ type: 'single', url: `${server.url}/9999` }, noDatabase(9999))
  await openClient({ type: 'single', url: `${server.url}/0` })
})

test('a client stores nothing after a restart that took its database away, and goes on when the database is back', async () => {
  const server = await standalone()
  const { client, run, errors, messages } = await openClient({ type: 'single', url: `${server.url}/1` })
  await client.subscribe(['events'])
  await run(count, ['n'], '1')
  const restart = async (databases: number): Promise<void> => {
    await server.kill()
    appendFileSync(join(server.folder, 'redis.conf'), `databases ${databases}\n`)
    await server.start()
  }
  await restart(1)
  await until('the client says why it has no connection', () =>
    errors.some((error) => String(error).includes('the server refuses database 1')),
  )
  await assert.rejects(run(count, ['n'], '1'), /the server refuses database 1/)
  assert.equal(await server.command('dbsize'), '0')
  await restart(2)
  await untilResolves('the client stores again', () => run(count, ['n'], '1'))
  assert.equal(await server.command('-n', 1, 'hget', 'n', 'n'), '1')
  await until('the client is subscribed again', async () => {
    await run(publish, ['n'], 'events', 'x').catch(() => undefined)
    return messages.length > 0
  })
})

test('a client does not open on a cluster, or on a server of one, with another database than 0', async () => {
  const { servers } = await startCluster()
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
  await refused({ type: 'cluster', nodes, database: 1 }, noDatabase(1))
  await refused({ type: 'single', url: `redis://127.0.0.1:${nodes[0]?.port}/1` }, noDatabase(1))
  await openClient({ type: 'cluster', nodes, database: 0 })
})

test('the master that Sentinels name must have the database and the password; a Sentinel need not', async () => {
  const password = 'a-password-that-no-error-may-show'
  const { name, sentinels } = await startSentinels({ password })
  const addresses = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
  const options = { type: 'sentinel', name, sentinels: addresses, password } as const
  await openClient({ ...options, sentinelPassword: password, database: 2 })
  await refused({ ...options, database: 99 }, noDatabase(99))
  const open = await startSentinels()
  const others = open.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
  await refused(
    { ...options, name: open.name, sentinels: others },
    /no connection to 127\.0\.0\.1:\d+: the server has no password, so anybody may use it: /,
  )
})

test('a client with a password does not open on a server without one, and no error has the password', async () => {
  const server = await standalone()
  const password = 'a-password-that-no-error-may-show'
  for (const user of ['', 'default', 'other'])
    await assert.rejects(
      openClient({ type: 'single', url: server.url.replace('//', `//${user}:${password}@`) }),
      (error) => {
        const text = inspect(error, { depth: null, showHidden: true })
        assert.match(
          text,
          user === 'other' ? /WRONGPASS/ : /the server has no password, so anybody may use it/,
        )
        return !text.includes(password)
      },
    )
  await openClient({ type: 'single', url: server.url.replace('//', '//default@') })
})

test('a URL with anything that the client would not do is refused before it connects', async () => {
  for (const [path, message] of [
    ['/one', /the number of a database/],
    ['/0x1', /the number of a database/],
    ['/-1', /the number of a database/],
    ['/1/2', /the number of a database/],
    ['?db=1', /has no options/],
    ['/1?tls=true', /has no options/],
    ['/1#2', /has no options/],
  ] as const)
    await assert.rejects(openClient({ type: 'single', url: `redis://127.0.0.1:1${path}` }), { message })
  await assert.rejects(openClient({ type: 'single', url: 'redis://:secret@127.0.0.1:65536' }), (error) => {
    return !inspect(error, { depth: null, showHidden: true }).includes('secret')
  })
})
