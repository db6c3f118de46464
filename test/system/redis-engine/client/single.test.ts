import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'
import { CONTEXT, count, countAgain, openClient, publish, script, withheldReplies } from './kit.js'

const unavailable = { name: 'EngineError', code: 'unavailable' }

test('a library is loaded if the server does not know it, once for calls of one time', async () => {
  const server = await standalone()
  const { run } = await openClient({ type: 'single', url: server.url })
  assert.equal(await run(count, ['{a}:n'], '2'), 2)
  assert.equal(await run(count, ['{a}:n'], '3'), 5)
  await server.command('function', 'flush')
  const replies = await Promise.all(Array.from({ length: 10 }, () => run(count, ['{a}:n'], '1')))
  assert.deepEqual(replies, [6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
  const stats = await server.command('info', 'commandstats')
  assert.match(stats, /cmdstat_function\|load:calls=2,/)
})

test("a script's numbers are whole, its false is null, and text is UTF-8", async () => {
  const server = await standalone()
  const { run } = await openClient({ type: 'single', url: server.url })
  const reply = await run(script('types', `return {1, false, ARGV[1], {2.9, ''}, {}}`), ['a'], 'Grüße 👋')
  assert.deepEqual(reply, [1, null, 'Grüße 👋', [2, ''], []])
})

test('calls of one task reach the server in their order', async () => {
  const server = await standalone()
  const { run } = await openClient({ type: 'single', url: server.url })
  const replies = await Promise.all(Array.from({ length: 500 }, () => run(count, ['{a}:n'], '1')))
  assert.deepEqual(
    replies,
    Array.from({ length: 500 }, (_, n) => n + 1),
  )
})

test('a client has two connections, however many channels it subscribes to', async () => {
  const server = await standalone()
  const { client, run, messages } = await openClient({ type: 'single', url: server.url })
  const channels = Array.from({ length: 100 }, (_, n) => `chat-session:{${n}}:node:x`)
  await client.subscribe(channels)
  for (const channel of channels) await run(publish, ['{a}'], channel, 'hi')
  await until('every channel is received', () => messages.length, 100)
  const list = (await server.command('client', 'list'))
    .split('\n')
    .filter((line) => !line.includes('cmd=client'))
  assert.equal(list.length, 2)
})

test('all calls fail while the server is away, and subscriptions come back with it', async () => {
  const server = await standalone({ settings: { appendonly: 'yes', appendfsync: 'always' } })
  const { client, run, messages, resubscribed } = await openClient({ type: 'single', url: server.url })
  await client.subscribe(['events'])
  await run(count, ['a'], '1')
  await server.kill()
  await assert.rejects(run(count, ['a'], '1'), unavailable)
  await Promise.all(Array.from({ length: 1000 }, () => assert.rejects(run(count, ['a'], '1'), unavailable)))
  assert.equal(resubscribed(), 0)
  await server.start()
  await until('the subscription is there again', resubscribed, 1)
  assert.equal(await run(count, ['a'], '1'), 2)
  await run(publish, ['a'], 'events', 'again')
  await until('the message arrives', () => messages.some(({ message }) => message === 'again'))
})

test('a call to a server that is stopped fails while the server is still stopped, and the client recovers', async () => {
  const server = await standalone()
  const { client, run, messages, resubscribed } = await openClient({ type: 'single', url: server.url })
  await client.subscribe(['events'])
  await run(count, ['a'], '1')
  server.pause()
  await Promise.all([
    assert.rejects(run(count, ['a'], '1'), unavailable),
    assert.rejects(run(countAgain, ['a'], '1'), unavailable),
  ])
  server.resume()
  await until('the subscription is there again', resubscribed, 1)
  await run(count, ['a'], '1')
  await run(publish, ['a'], 'events', 'again')
  await until('the message arrives', () => messages.some(({ message }) => message === 'again'))
})

test('a script runs again after a lost connection only if it is repeatable', async () => {
  const server = await standalone()
  for (const [what, runs] of [
    [count, 1],
    [countAgain, 2],
  ] as const) {
    const proxy = await withheldReplies(server.port)
    const { client, run } = await openClient({ type: 'single', url: `redis://127.0.0.1:${proxy.port}` })
    await run(what, ['warm-up'], '1')
    proxy.withhold()
    let repeats = 0
    const result = client.run(
      what,
      { keys: [what.name], context: CONTEXT, args: ['1'] },
      () => (repeats += 1),
    )
    const outcome = result.catch((error: unknown) => error)
    await until('the script ran once', () => server.command('hget', what.name, 'n'), '1')
    proxy.cut()
    if (runs === 2) assert.equal(await outcome, 2)
    else await assert.rejects(result, unavailable)
    assert.equal(await server.command('hget', what.name, 'n'), String(runs))
    assert.equal(repeats, runs - 1)
  }
})

test('TLS, a user of the ACL and its password', async () => {
  const server = await standalone({
    tls: true,
    users: [
      'user default off',
      'user chat on >s3cret ~chat-session:* &chat-session:* -@all +fcall +function|load +hincrby +publish +subscribe +ping +info +config|get +hello +select',
    ],
  })
  const url = server.url.replace('://', '://chat:s3cret@')
  const ca = server.certificate?.ca
  assert.ok(ca)
  const { client, run, messages } = await openClient({ type: 'single', url, tls: { ca } })
  assert.equal(await run(count, ['chat-session:{a}:n'], '1'), 1)
  await client.subscribe(['chat-session:{a}:node:x'])
  await run(publish, ['chat-session:{a}'], 'chat-session:{a}:node:x', 'hi')
  await until('the message arrives', () => messages.length, 1)
  const [info] = await client.info()
  assert.equal(info?.maxmemoryPolicy, 'noeviction')
  await assert.rejects(run(count, ['other:{a}:n'], '1'), unavailable)
  await assert.rejects(client.subscribe(['other:{a}:node:x']), {
    code: 'unavailable',
    message: /^Redis is unavailable \(subscribe\): the user of the ACL may not do this: NOPERM /,
  })

  const refused = async (options: Parameters<typeof createRedisClient>[0], why: RegExp): Promise<void> => {
    const other = createRedisClient(options)
    const ignore = (): void => undefined
    await assert.rejects(
      other.open({ onMessage: ignore, onResubscribed: ignore, onError: ignore }),
      (error) => {
        assert.match(String(error), why)
        return (error as { code?: unknown }).code === 'unavailable'
      },
    )
  }
  await refused(
    { type: 'single', url: url.replace('s3cret', 'wrong'), tls: { ca } },
    /does not accept the password|WRONGPASS/,
  )
  await refused({ type: 'single', url: server.url, tls: { ca } }, /demands a password|NOAUTH|WRONGPASS/)
  await refused({ type: 'single', url }, /self-signed certificate/)
})

test('info says the version, the policy and what is synced', async () => {
  const server = await standalone({
    settings: { appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'allkeys-lru' },
  })
  const { client } = await openClient({ type: 'single', url: server.url })
  const [info] = await client.info()
  assert.match(info?.version ?? '', /^\d+\.\d+\.\d+$/)
  assert.equal(info?.maxmemoryPolicy, 'allkeys-lru')
  assert.equal(info.appendfsync, 'always')
  await server.command('config', 'set', 'appendonly', 'no')
  assert.equal((await client.info())[0]?.appendfsync, 'off')
})

test('a server without memory, and one that is a replica, are unavailable', async () => {
  const server = await standalone({ settings: { maxmemory: 1 } })
  const { run } = await openClient({ type: 'single', url: server.url })
  await assert.rejects(run(count, ['a'], '1'), /out of memory/)
  await server.command('config', 'set', 'maxmemory', '0')
  await server.command('replicaof', '127.0.0.1', 1)
  await assert.rejects(run(count, ['a'], '1'), /is a replica/)
  await server.command('replicaof', 'no', 'one')
  assert.equal(await run(count, ['a'], '1'), 1)
})

test('a closed client rejects calls and has no connection', async () => {
  const server = await standalone()
  const { client, run } = await openClient({ type: 'single', url: server.url })
  await client.subscribe(['x'])
  const last = run(count, ['a'], '1')
  await client.close()
  assert.equal(await last, 1)
  await assert.rejects(run(count, ['a'], '1'), unavailable)
  await client.close()
  await until(
    'the server has no connection but this one',
    async () => {
      const list = await server.command('client', 'list')
      return list.split('\n').length
    },
    1,
  )
})
