import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../src/engine/index.js'
import type { RedisClientOptions } from '../../../src/engine/redis/client/index.js'
import { Partitions } from '../../../src/engine/redis/nodes/partitions.js'
import { RedisEngine } from '../../../src/engine/redis/redis-engine.js'
import { ada, bob, bodies, isUnavailable, newMessage, rules } from '../../../src/engine/suite/kit.js'
import { startCluster } from '../../support/redis/cluster.js'
import { failingClient } from '../../support/redis/failing-client.js'
import { until } from '../../support/until.js'

const { servers } = await startCluster()
const options: RedisClientOptions = {
  type: 'cluster',
  nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
}

const withEngine = async (
  prefix: string,
  body: (engine: Engine, setBroken: (isBroken: boolean) => void) => Promise<void>,
): Promise<void> => {
  let isBroken = false
  const engine = new RedisEngine({
    client: () => failingClient(options, 'own-copy-make', () => isBroken),
    prefix,
    // The sweep can't make the copy either.
    onError: () => undefined,
  })
  await engine.open()
  try {
    await body(engine, (value) => (isBroken = value))
  } finally {
    await engine.close()
  }
}

it('tests users of two partitions', () => {
  const partitions = new Partitions()
  assert.notEqual(partitions.of(ada), partitions.of(bob))
})

it('makes a pending own copy when the message is sent again', async () => {
  await withEngine('again:', async (engine, setBroken) => {
    const message = newMessage()
    setBroken(true)
    await assert.rejects(engine.send(message, rules()), isUnavailable)
    assert.deepEqual([await bodies(engine, bob), await bodies(engine, ada)], [['Hello'], []])
    setBroken(false)
    for (let n = 0; n < 2; n++) {
      const sent = await engine.send(message, rules())
      assert.ok(sent.outcome === 'repeated')
      assert.deepEqual([sent.offset, sent.ownOffset], [1, 1])
    }
    assert.deepEqual([await bodies(engine, bob), await bodies(engine, ada)], [['Hello'], ['Hello']])
  })
})

it('makes a pending own copy though the message is never sent again', async () => {
  await withEngine('never:', async (engine, setBroken) => {
    setBroken(true)
    await assert.rejects(engine.send(newMessage(), rules()), isUnavailable)
    setBroken(false)
    await until('the copy is made', async () => (await bodies(engine, ada)).length === 1)
    assert.deepEqual(await bodies(engine, bob), ['Hello'])
    const { epoch } = await engine.inbox(ada)
    const [theirs, own] = await Promise.all([
      engine.messagesAfter(bob, { epoch: (await engine.inbox(bob)).epoch, offset: 0 }, 1),
      engine.messagesAfter(ada, { epoch, offset: 0 }, 1),
    ])
    assert.deepEqual(own.messages, theirs.messages)
  })
})
