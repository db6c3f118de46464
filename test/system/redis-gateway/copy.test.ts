// `chat-session copy` to and from a Redis.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  createEmbeddedEngine,
  createRedisEngine,
  EngineError,
  type Engine,
} from '../../../src/engine/index.js'
import {
  folderSource,
  redisSource,
  type TransferPages,
  type TransferRecord,
} from '../../../src/engine/internal.js'
import { whileOpen } from '../../../src/engine/suite/kit.js'
import { partitionTags } from '../../../src/engine/redis/nodes/partitions.js'
import { saveDevice } from '../../support/engine/calls.js'
import { finish, run } from '../../support/processes/command-line.js'
import {
  assertCopied,
  configFile,
  contentOf,
  fill,
  repeatSends,
  sendMany,
} from '../../support/engine/copied-data.js'
import { standalone } from '../../support/redis/server.js'
import { startCluster } from '../../support/redis/cluster.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'

const server = await standalone()

/** An engine's place, as configs and as engines know it. */
interface Place {
  config: string
  engine: () => Engine
  source: () => TransferPages
}

const folder = (): Place => {
  const path = join(scratchFolder(), 'data')
  return {
    config: configFile({ type: 'embedded', path }),
    engine: () => createEmbeddedEngine({ path }),
    source: () => folderSource(path),
  }
}

const redis = (prefix = `${randomUUID()}:`): Place => {
  const place = { server: { type: 'single', url: server.url }, prefix } as const
  return {
    config: configFile({ type: 'redis', url: server.url, prefix }),
    engine: () => createRedisEngine(place),
    source: () => redisSource(place, 3_600_000),
  }
}

const use = <T>({ engine }: Place, work: (engine: Engine) => Promise<T>): Promise<T> =>
  whileOpen(engine(), work)

const copyArgs = (from: Place, to: Place): string[] => ['copy', '--from', from.config, '--to', to.config]

const copy = async (from: Place, to: Place): Promise<string> => {
  const { code, stdout, stderr } = await finish(copyArgs(from, to))
  assert.equal(code, 0, stderr)
  return stdout
}

const refused = async (from: Place, to: Place, why: RegExp): Promise<void> => {
  const { code, stdout, stderr } = await finish(copyArgs(from, to))
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, stderr)
  assert.match(stderr, why)
  assert.equal(stderr.split('\n').length, 2, stderr)
}

/** Each fact of a user as a record of its own. */
const factsOf = (record: TransferRecord): TransferRecord[] => {
  if (record.kind !== 'user') return [record]
  const { kind, appId, userId, record: user, guest, ...others } = record
  return [
    ...(user ? [{ user, guest }] : []),
    ...Object.entries(others)
      .filter(([, fact]) => fact !== undefined)
      .map(([name, fact]) => ({ [name]: fact })),
  ].map((fact) => ({ kind, appId, userId, ...fact }))
}

/** All records of a place, sorted. Durations change from read to read, and only a Redis stores options: of both only null is compared. */
const recordsOf = async ({ source }: Place): Promise<string[]> => {
  const records: TransferRecord[] = []
  for await (const page of source()) records.push(...page.flatMap(factsOf))
  const durations = ['left', 'age', 'options']
  return records
    .filter((record) => record.kind !== 'app' || !record.options)
    .map((record) =>
      JSON.stringify(sorted(record), (name, value: unknown) =>
        durations.includes(name) ? value === null : value,
      ),
    )
    .toSorted()
}

const assertSame = (actual: readonly string[], expected: readonly string[]): void => {
  const [a, b] = [new Set(actual), new Set(expected)]
  const differences = [[...a].filter((each) => !b.has(each)), [...b].filter((each) => !a.has(each))]
  assert.deepEqual(
    differences.map((list) => list.slice(0, 3)),
    [[], []],
  )
  assert.equal(actual.length, expected.length)
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([, each]) => each !== undefined)
          .map(([name, each]) => [name, sorted(each)] as const)
          .toSorted(([a], [b]) => (a < b ? -1 : 1)),
      )
    : value

test('a folder goes to a Redis and back with all that users see; a client of before reads its inbox again', async () => {
  const [first, middle, last] = [folder(), redis(), folder()]
  const ada = { appId: 'shop', userId: 'ada' }
  const [content, before] = await use(first, async (engine) => {
    await fill(engine)
    await sendMany(engine, 5_000)
    return [await contentOf(engine), await engine.inbox(ada)] as const
  })
  const records = await recordsOf(first)
  // Each of 5,000 messages is in two inboxes, or in one if it is to its sender.
  const copied = await copy(first, middle)
  assert.match(copied, /^transferred 19 users, 17 inboxes, \d+ messages, 119 webhook events\n$/)
  assert.ok(Number(/(\d+) messages/.exec(copied)?.[1]) > 9_500, copied)
  assertSame(await recordsOf(middle), records)
  assert.equal(await copy(middle, last), copied)
  assertSame(await recordsOf(last), records)

  for (const place of [middle, last])
    await use(place, async (engine) => {
      await assertCopied(engine, content, before)
      await engine.configure('shop', {
        retention: { messages: 10_000, bytes: 1e9, age: 1e9 },
        webhooks: { events: ['message.created'], unreadAfter: 1_000 },
      })
      const due = await engine.takeDueEvents('shop', 1_000, 60_000)
      assert.ok(due.length > 3)
      for (const { event } of due)
        await engine.endDelivery('shop', event.userId, event.id, { delivered: true })
      const { pending } = await engine.pendingSummary('shop')
      assert.equal(pending, 118 - due.length)
    })
})

test('a Redis goes to another prefix, and the usage is the same', async () => {
  const [from, to] = [redis(), redis()]
  const [content, usage] = await use(from, async (engine) => {
    await fill(engine)
    return [await contentOf(engine), await engine.usage('shop')] as const
  })
  await copy(from, to)
  await use(to, async (engine) => {
    assert.deepEqual(await contentOf(engine), content)
    assert.deepEqual(await engine.usage('shop'), { ...usage, sessions: 0 })
  })
})

test('a device that has passed to another user stays with that user, whichever of the two is copied last', async () => {
  const users = ['ada', 'bob'].map((userId) => ({ appId: 'shop', userId }))
  const from = redis()
  await use(from, async (engine) => {
    for (const of of users) await engine.saveUser(of, {})
    // The first device passes from Ada to Bob, and the second one from Bob to Ada.
    for (const [n, owners] of [users, users.toReversed()].entries())
      for (const of of owners) await saveDevice(engine, of, `${n}`)
  })
  for (const to of [redis(), folder()]) {
    await copy(from, to)
    const endpoints = await use(to, (engine) =>
      Promise.all(users.map(async (of) => (await engine.pushDevices(of)).map(({ endpoint }) => endpoint))),
    )
    assert.deepEqual(endpoints, [['https://push.example.com/1'], ['https://push.example.com/0']])
  }
})

test('a copy that was killed is opened by no gateway, running it again says what to do, and --restart completes it', async () => {
  const [from, prefix] = [folder(), `${randomUUID()}:`]
  const to = redis(prefix)
  await use(from, (engine) => sendMany(engine, 5_000))
  const copying = run(copyArgs(from, to))
  await until(
    'the target is marked',
    async () => (await server.command('exists', `${prefix}{${partitionTags()[0]}}:transfer`)) === '1',
  )
  copying.child.kill('SIGKILL')
  assert.equal((await copying.outcome).signal, 'SIGKILL')
  const why = /data of a transfer that did not finish: run `chat-session copy` again with --restart/
  await assert.rejects(
    to.engine().open(),
    (error) =>
      error instanceof EngineError &&
      error.message.includes(
        'data of a transfer that did not finish: run `chat-session copy` again with --restart',
      ),
  )
  await refused(from, to, why)
  await refused(to, folder(), /data of a transfer that did not finish/)
  const { code, stderr } = await finish([...copyArgs(from, to), '--restart'])
  assert.equal(code, 0, stderr)
  assertSame(await recordsOf(to), await recordsOf(from))
})

test('a Redis in use, one without data, one with data and one that is away are refused', async () => {
  const [empty, used] = [redis(), redis()]
  await refused(empty, folder(), /has no data with the prefix/)
  await use(used, async (engine) => {
    await engine.saveUser({ appId: 'shop', userId: 'ada' }, {})
    await refused(used, folder(), /A gateway uses the Redis of --from: stop it/)
  })
  const from = folder()
  await use(from, (engine) => engine.saveUser({ appId: 'shop', userId: 'ada' }, {}))
  await refused(from, used, /The Redis of --to holds data with the prefix/)
  const away = { ...redis(), config: configFile({ type: 'redis', url: 'redis://127.0.0.1:1' }) }
  await refused(from, away, /^chat-session: Redis is unavailable/)
})

/** Reads a place, and does something when the first user has been read. */
const readWhile = async ({ source }: Place, work: () => Promise<void>): Promise<void> => {
  let isDone = false
  for await (const page of source()) {
    if (isDone || !page.some(({ kind }) => kind === 'user')) continue
    isDone = true
    await work()
  }
}

test('a gateway that starts while its data are read fails the copy', async () => {
  const place = redis()
  await use(place, (engine) => engine.saveUser({ appId: 'shop', userId: 'ada' }, {}))
  const engine = place.engine()
  await assert.rejects(
    readWhile(place, () => engine.open()),
    /A gateway uses the Redis/,
  )
  await engine.close()
})

test('a gateway that starts and stops while its data are read fails the copy', async () => {
  const place = redis()
  const ada = { appId: 'shop', userId: 'ada' }
  await use(place, (engine) => engine.saveUser(ada, {}))
  // The second user may be in no page, and what was read of the first one is no longer true.
  const change = (): Promise<void> =>
    use(place, async (engine) => {
      await engine.saveUser({ appId: 'shop', userId: 'bob' }, {})
      await engine.deleteUser(ada)
    })
  await assert.rejects(readWhile(place, change), /A gateway has used the Redis of --from meanwhile/)
})

test('a folder goes to a cluster and to one Redis: sends over partitions are repeated as before', async () => {
  const cluster = await startCluster()
  const nodes = cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port }))
  const options = { server: { type: 'cluster', nodes } as const }
  const place: Place = {
    config: configFile({ type: 'redis', cluster: nodes.map(({ port }) => `redis://127.0.0.1:${port}`) }),
    engine: () => createRedisEngine(options),
    source: () => redisSource({ ...options, prefix: 'chat-session:' }, 3_600_000),
  }
  const [first, last] = [folder(), redis()]
  await use(first, async (engine) => {
    await fill(engine)
    await sendMany(engine, 1_000)
  })
  const records = await recordsOf(first)
  await copy(first, place)
  assertSame(await recordsOf(place), records)
  const offsets = (results: unknown[]): unknown[] =>
    results.map((result) => {
      const { outcome, offset, ownOffset } = result as Record<string, unknown>
      return [outcome, offset, ownOffset]
    })
  const repeated = await use(place, repeatSends)
  await copy(place, last)
  assertSame(await recordsOf(last), records)
  assert.deepEqual(offsets(await use(last, repeatSends)), offsets(repeated))
  assert.deepEqual(offsets(await use(first, repeatSends)), offsets(repeated))
})
