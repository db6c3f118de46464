// A step deletes some of the messages beyond the retention, and the engine goes on until a step finds no more of them.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../../src/engine/index.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { app, bob, deliver, whileOpen } from '../../../../src/engine/suite/kit.js'
import { hookedClient } from '../../../support/redis/hooked-client.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const server = await standalone()

/** Runs `work`, which sends messages. Returns how many steps have deleted messages by the time a client has asked many times more. */
const stepsAfter = async (prefix: string, work: (engine: Engine) => Promise<void>): Promise<number> => {
  let steps = 0
  const client = hookedClient({ type: 'single', url: server.url }, (script) => {
    if (script === 'expireInbox') steps += 1
  })
  const engine = createSharedEngine({ client: () => client, prefix, onError: assert.ifError })
  return whileOpen(engine, async () => {
    await work(engine)
    for (let n = 0; n < 20; n++) await engine.inbox(bob)
    return steps
  })
}

it('no step follows a message that alone exceeds the retention: the newest message stays', async () => {
  const retention = { messages: 10, bytes: 1, age: 60_000 }
  const steps = await stepsAfter('large:', async (engine) => {
    for (let n = 0; n < 2; n++) await deliver(engine, {}, { retention })
  })
  assert.equal(steps, 0)
})

it('one step follows a message after whose arrival the inbox still has too many offsets, some of them without a message', async () => {
  const retention = { messages: 3, bytes: 1e9, age: 60_000 }
  const steps = await stepsAfter('holes:', async (engine) => {
    for (let n = 0; n < 3; n++) await deliver(engine, { from: null }, { retention })
    const [inbox = ''] = (await server.command('keys', 'holes:*inbox*bob*')).split('\n')
    // The oldest message is deleted by hand.
    await server.command('xdel', inbox, 1)
    await deliver(engine, { from: null }, { retention })
  })
  assert.equal(steps, 1)
})

it('steps follow until an inbox has the bytes of a lowered retention, though few of its messages exceed the lowered number', async () => {
  const [kept, more] = [20, 5]
  await stepsAfter('both:', async (engine) => {
    const retention = { messages: 1_000, bytes: 1e9, age: 60_000 }
    for (let n = 0; n < 600; n++) await deliver(engine, { from: null }, { retention })
    const bytes = ((await engine.usage(app)).bytes / 600) * kept
    // The message itself deletes 256 others, and the first step finds five more that exceed the number.
    await deliver(
      engine,
      { from: null },
      { retention: { ...retention, messages: 600 - 256 - more + 1, bytes } },
    )
    await until('the inbox has no more bytes', async () => (await engine.usage(app)).bytes <= bytes, true)
  })
})
