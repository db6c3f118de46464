import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionFailure } from '../../../../src/engine/redis/client/failures.js'
import { GatheredCalls } from '../../../../src/engine/redis/client/gathered-calls.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'
import { CONTEXT, openClient, scriptsTogether, withheldReplies } from './kit.js'

const unavailable = { name: 'EngineError', code: 'unavailable' }

const { count, countAgain, fail, refuse, keys, echo } = scriptsTogether({
  count: { lua: `return redis.call('HINCRBY', ARGV[1], 'n', ARGV[2])` },
  countAgain: { lua: `return redis.call('HINCRBY', ARGV[1], 'n', ARGV[2]) + 0`, repeatable: true },
  fail: { lua: `redis.call('HSET', 'half', 'n', 1) return redis.call('INCR', 'half')` },
  refuse: { lua: `error('refused')` },
  keys: { lua: `return { #KEYS, #ARGV, KEYS[1] or '', ARGV[1] or '' }` },
  echo: { lua: `return ARGV[1]` },
})
assert.ok(count && countAgain && fail && refuse && keys && echo)

/** How many functions the server was asked for. */
const calls = async (server: { command: (...args: string[]) => Promise<string> }): Promise<number> =>
  Number(/cmdstat_fcall:calls=(\d+)/.exec(await server.command('info', 'commandstats'))?.[1] ?? 0)

test('scripts of one turn share calls of 32, run in their order, and each gets its own result', async () => {
  const server = await standalone()
  const { run } = await openClient({ type: 'single', url: server.url })
  await run(count, [], 'n', '0')
  const before = await calls(server)
  const replies = await Promise.all(Array.from({ length: 100 }, () => run(count, [], 'n', '1')))
  assert.deepEqual(
    replies,
    Array.from({ length: 100 }, (_, n) => n + 1),
  )
  assert.equal((await calls(server)) - before, 4)
})

test('scripts with keys, and those with another context, do not share a call', async () => {
  const server = await standalone()
  const { client, run } = await openClient({ type: 'single', url: server.url })
  await run(count, [], 'n', '1')
  const before = await calls(server)
  const input = { keys: [], context: 'another', args: ['n', '1'] }
  assert.deepEqual(
    await Promise.all([
      run(count, [], 'n', '1'),
      run(keys, ['one', 'two'], 'x', 'y', 'z'),
      run(count, [], 'n', '1'),
      client.run(count, input),
      client.run(keys, input),
    ]),
    [2, [2, 3, 'one', 'x'], 3, 4, [0, 2, '', 'n']],
  )
  assert.equal((await calls(server)) - before, 4)
})

test('scripts that share a call get the same arguments as a script alone', async () => {
  const server = await standalone()
  const { run } = await openClient({ type: 'single', url: server.url })
  const texts = [
    '',
    '"',
    '\\',
    '\\u0041',
    '\\ud83d',
    '/',
    'null',
    '[1]',
    'a\0b',
    '\n\t\u007f',
    'é😀',
    '\ud800',
    '1e400',
  ]
  const alone: unknown[] = []
  for (const text of texts) alone.push(await run(echo, [], text))
  const before = await calls(server)
  assert.deepEqual(await Promise.all(texts.map((text) => run(echo, [], text))), alone)
  assert.equal((await calls(server)) - before, 1)
})

test('a script that fails rejects its own call, and no other', async () => {
  const server = await standalone()
  const { run } = await openClient({ type: 'single', url: server.url })
  await Promise.all([
    run(count, [], 'n', '1').then((sum) => assert.equal(sum, 1)),
    assert.rejects(run(fail, []), /\(fail\): WRONGTYPE/),
    assert.rejects(run(refuse, []), /\(refuse\): .*refused/),
    run(count, [], 'n', '1').then((sum) => assert.equal(sum, 2)),
  ])
})

test('if the server refuses a call of several scripts, each is tried by itself', async () => {
  const server = await standalone()
  const { run } = await openClient({ type: 'single', url: server.url })
  await run(count, [], 'n', '1')
  await server.command('config', 'set', 'maxmemory', 1)
  await Promise.all([
    assert.rejects(run(count, [], 'n', '1'), unavailable),
    assert.rejects(run(count, [], 'n', '1'), unavailable),
  ])
  await server.command('config', 'set', 'maxmemory', 0)
  assert.equal(await run(count, [], 'n', '1'), 2)
})

test('after a lost connection only the repeatable scripts of a call run again', async () => {
  const server = await standalone()
  const proxy = await withheldReplies(server.port)
  const { client, run } = await openClient({ type: 'single', url: `redis://127.0.0.1:${proxy.port}` })
  await run(count, [], 'warm-up', '1')
  proxy.withhold()
  const repeated: string[] = []
  const once = client
    .run(count, { keys: [], context: CONTEXT, args: ['once', '1'] }, () => repeated.push('once'))
    .catch((error: unknown) => error)
  const again = client.run(countAgain, { keys: [], context: CONTEXT, args: ['again', '1'] }, () =>
    repeated.push('again'),
  )
  await until('both ran', () => server.command('hget', 'again', 'n'), '1')
  proxy.cut()
  assert.equal(await again, 2)
  assert.match(String(await once), /unavailable/i)
  assert.equal(await server.command('hget', 'once', 'n'), '1')
  assert.deepEqual(repeated, ['again'])
})

test('calls that were gathered when the client is closed are sent', async () => {
  const server = await standalone()
  const { client, run } = await openClient({ type: 'single', url: server.url })
  await run(count, [], 'n', '1')
  const calls = Array.from({ length: 3 }, () => run(count, [], 'n', '1'))
  const closed = client.close()
  assert.deepEqual(await Promise.all(calls), [2, 3, 4])
  await closed
  await assert.rejects(run(count, [], 'n', '1'), unavailable)
})

test('after a failed call no script is sent for a caller who was told already that Redis is unavailable', async () => {
  const sent: string[] = []
  const gathered = new GatheredCalls(({ name }) => {
    sent.push(name)
    return Promise.reject(new ConnectionFailure('no connection'))
  })
  const over = { isOver: () => true }
  await Promise.all(
    [count, countAgain].map((each) =>
      assert.rejects(gathered.add(each, { keys: [], context: CONTEXT, args: [] }, over), /no connection/),
    ),
  )
  assert.deepEqual(sent, ['several'])
})
