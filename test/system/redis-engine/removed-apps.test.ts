// Apps that are in no gateway's config any more. Redis keeps their data, and no gateway does anything for them.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../src/engine/index.js'
import { STATE } from '../../../src/engine/redis/fields.js'
import { Partitions } from '../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import {
  ada,
  app,
  bob,
  bodies,
  deliver,
  request,
  rules,
  startSession,
  whileOpen,
} from '../../../src/engine/suite/kit.js'
import { ask, pending, typesOf, untilPending } from '../../../src/engine/suite/webhook-kit.js'
import { saveDevice } from '../../support/engine/calls.js'
import { hookedClient } from '../../support/redis/hooked-client.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'

const { url, command } = await standalone()
const MINUTE = 60_000
const partitions = new Partitions()

interface Node {
  engine: Engine
  /** How often the node has called a script. */
  count(script: string): number
}

const createNode = (prefix: string, clockShift = 0): Node => {
  const calls = new Map<string, number>()
  const count = (name: string): number => calls.get(name) ?? 0
  const engine = createSharedEngine({
    client: () => hookedClient({ type: 'single', url }, (name) => calls.set(name, count(name) + 1)),
    ...{ prefix, clockShift: () => clockShift, onError: assert.ifError },
  })
  return { engine, count }
}

const untilSwept = async ({ count }: Node, times = 2): Promise<void> => {
  // A sweep of all partitions has four calls.
  const wanted = count('listDue') + 4 * times
  await until('all partitions are swept', () => count('listDue') >= wanted)
}

/** Lets something be due for the app's users: a session that ends, unread messages, a push, a webhook event, an old message. */
const leaveBehind = async (prefix: string): Promise<void> => {
  const { engine } = createNode(prefix)
  await whileOpen(engine, async () => {
    await ask(engine, undefined, MINUTE)
    for (const of of [ada, bob]) {
      await engine.saveUser(of, {})
      await saveDevice(engine, of)
    }
    await deliver(engine, {}, { pushAfter: MINUTE })
    const asked = request(bob)
    const session = await startSession(engine, asked)
    await engine.detachSession(session, asked.connectionId, MINUTE)
  })
}

const deadlinesOf = async (prefix: string): Promise<string> => {
  const tags = [...new Set([ada, bob].map((of) => partitions.tags[partitions.of(of)] ?? ''))]
  const lists = await Promise.all(tags.map((tag) => command('zrange', `${prefix}{${tag}}:deadlines`, 0, -1)))
  return lists.join('')
}

it('has nothing left to look at, and queues no event, when no gateway has had it in its config for ten minutes', async () => {
  const prefix = 'gone:'
  await leaveBehind(prefix)
  const node = createNode(prefix, 11 * MINUTE)
  const { engine, count } = node
  const due: string[] = []
  engine.listen(
    (event) => event.type === 'push-due' && due.push(event.user.userId),
    new AbortController().signal,
  )
  await whileOpen(engine, async () => {
    const before = typesOf(await pending(engine))
    await until('nothing has a deadline', () => deadlinesOf(prefix), '')
    const calls = (): number => count('due') + count('eventsDue')
    const called = calls()
    await untilSwept(node)
    assert.equal(calls(), called)
    assert.deepEqual(due, [])
    assert.deepEqual(typesOf(await pending(engine)), before)
    assert.deepEqual(await engine.sessions(bob), [])
  })
  // When the app is in a config again, what was pending is delivered, and what comes later is queued.
  const again = createNode(prefix, 12 * MINUTE)
  await whileOpen(again.engine, async () => {
    await ask(again.engine, ['message.created'])
    assert.ok((await again.engine.takeDueEvents(app, 10, MINUTE)).length > 0)
    const old = (await pending(again.engine)).length
    await deliver(again.engine)
    assert.equal((await pending(again.engine)).length, old + 1)
  })
})

it('keeps its messages, whatever their age', async () => {
  const prefix = 'kept:'
  await leaveBehind(prefix)
  const day = createNode(prefix, 400 * 24 * 60 * MINUTE)
  await whileOpen(day.engine, async () => {
    await untilSwept(day)
    assert.deepEqual(await bodies(day.engine, bob), ['Hello'])
    await day.engine.configure(app, { retention: rules().retention, webhooks: null })
    await until('the message is deleted when the app is in the config', async () => {
      return (await bodies(day.engine, bob)).length === 0
    })
  })
})

it('is in use for as long as a gateway that lives has it in its config, and every gateway queues its events', async () => {
  const prefix = 'used:'
  const [one, two] = [createNode(prefix), createNode(prefix)]
  await whileOpen(one.engine, async () => {
    await ask(one.engine, ['session.ended'])
    await whileOpen(two.engine, async () => {
      const users = Array.from({ length: 32 }, (_, n) => ({ appId: app, userId: `user ${n}` }))
      await until('both gateways sweep', () => one.count('beat') > 2 && two.count('beat') > 2)
      for (const of of users) {
        const asked = request(of)
        await one.engine.detachSession(await startSession(one.engine, asked), asked.connectionId, 1_000)
      }
      for (const of of users) await untilPending(one.engine, of, 'session.ended')
      assert.ok(two.count('due') > 0)
    })
  })
})

it('is still in use when all gateways were away for longer', async () => {
  const prefix = 'away:'
  await leaveBehind(prefix)
  const first = `${prefix}{${partitions.tags[0]}}:`
  await command('hset', `${first}appNotes`, app, 1)
  // Nobody has reached Redis for an hour.
  await command('hset', `${first}state`, STATE.reachedAt, Date.now() - 60 * MINUTE)
  const { engine } = createNode(prefix)
  await whileOpen(engine, async () => {
    const asked = request(ada)
    await engine.detachSession(await startSession(engine, asked), asked.connectionId, 500)
    await untilPending(engine, ada, 'session.ended')
  })
})
