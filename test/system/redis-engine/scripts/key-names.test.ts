// Scripts and TypeScript name the same keys by the same rules, in a cluster and elsewhere, and scripts take what calls give them.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import { slotOfKey } from '../../../../src/engine/redis/client/key-slot.js'
import type { RedisClient, ScriptInput } from '../../../../src/engine/redis/client/port.js'
import { Keys, type KeyKind } from '../../../../src/engine/redis/keys.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { scopes } from '../../../../src/engine/redis/scopes.js'
import { loadSteps, type Step } from '../../../../src/engine/redis/script.js'
import { StepRunner } from '../../../../src/engine/redis/step-runner.js'
import { luaLibrary } from '../../../support/redis/lua-library.js'
import { startSingleAndCluster } from '../../../support/redis/single-and-cluster.js'

const { settings } = await startSingleAndCluster()
const kinds = Object.keys(scopes) as KeyKind[]
const users = [
  { appId: 'app', userId: 'ada' },
  { appId: 'other', userId: 'a: {b}\u{1F600}"\\' },
]

const entry = fileURLToPath(new URL('./lua/entry.ts', import.meta.url))
const nameKeys = {
  ...{ name: 'nameKeys', keys: kinds, repeatable: true, isShort: false },
  library: await luaLibrary(entry, ['nameKeys']),
  // The engine does not know this step.
} as unknown as Step<'published'>

for (const { name, options } of settings) {
  const open = async (): Promise<{ runner: StepRunner; close: () => Promise<void> }> => {
    const client = createRedisClient(options)
    await client.open({
      onMessage: () => undefined,
      onResubscribed: () => undefined,
      onError: assert.ifError,
    })
    const runner = new StepRunner({
      ...{ client, prefix: 'named %1 {x', partitions: new Partitions(), nodeId: 'node', clockShift: () => 0 },
    })
    return { runner, close: () => client.close() }
  }

  test(`${name}: scripts name keys as TypeScript does`, async () => {
    const { runner, close } = await open()
    for (const of of users) {
      const partition = runner.partitions.of(of)
      const names = await runner.onUser(nameKeys, of, [kinds.join(' '), ...kinds], { hashed: 'id:a hash' })
      assert.deepEqual(names, runner.keys.of(kinds, { partition, ...of, hashed: 'id:a hash' }))
    }
    await close()
  })

  test(`${name}: a step takes more arguments than Lua's stack has room for`, async () => {
    const { runner, close } = await open()
    const channels = Array.from({ length: 9_000 }, (_, n) => `channel ${n}`)
    const [, ...counts] = await runner.onPartition(runner.steps.published, 0, channels)
    assert.equal(counts.length, channels.length)
    await close()
  })

  test(`${name}: a script can't use a key that its step does not declare`, async () => {
    const { runner, close } = await open()
    await assert.rejects(
      runner.onUser(nameKeys, { appId: 'app', userId: 'ada' }, ['user', 'inbox']),
      /a key that its step does not declare: inbox/,
    )
    await close()
  })
}

test('docs/SCALING.md deletes the key of the epochs', async () => {
  const page = await readFile(new URL('../../../../docs/SCALING.md', import.meta.url), 'utf8')
  for (const isCluster of [true, false]) {
    const [name = ''] = new Keys('chat-session:', new Partitions(), isCluster).of(['epochs'], {
      ...{ partition: 0, appId: '', userId: '' },
    })
    assert.ok(page.includes(`\nredis-cli -c del '${name}'\n`), name)
  }
})

const slotsOf = (names: readonly string[]): number => new Set(names.map(slotOfKey)).size

test('in a cluster the keys of each step are in one slot', () => {
  const partitions = new Partitions()
  const keys = new Keys('prefix:', partitions, true)
  for (const { name, keys: kinds } of Object.values(loadSteps()))
    for (const of of users) {
      const names = keys.of(kinds, { partition: partitions.of(of), ...of, hashed: 'id:a hash' })
      assert.ok(slotsOf(names) <= 1, name)
    }
})

test('in a cluster the keys of a step for several users are in one slot', async () => {
  const calls: (readonly string[])[] = []
  const client = {
    isCluster: true,
    run: (_script: unknown, { keys }: ScriptInput) => Promise.resolve([void calls.push(keys)]),
  } as unknown as RedisClient
  const partitions = new Partitions()
  const runner = new StepRunner({
    ...{ client, prefix: 'prefix:', partitions, nodeId: 'node', clockShift: () => 0 },
  })
  const many = Array.from({ length: 3_000 }, (_, n) => ({ of: { appId: 'app', userId: `user ${n}` } }))
  for (const group of runner.userGroups(many))
    for (const step of [
      runner.steps.newestOffsets,
      runner.steps.readCarried,
      runner.steps.readStates,
      runner.steps.watch,
    ])
      await runner.onUsers(step, ['user', 'watch'], group, [])
  assert.ok(calls.length > 0)
  for (const names of calls) assert.equal(slotsOf(names), 1)
})
