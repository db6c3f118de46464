// While one master of a cluster refuses calls, what is due on the other masters happens, and its own follows when it answers again.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { it } from 'node:test'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import type { Engine } from '../../../../src/engine/engine.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import {
  ada,
  app,
  bob,
  deliver,
  isUnavailable,
  request,
  rules,
  startSession,
  whileOpen,
} from '../../../../src/engine/suite/kit.js'
import { ask, untilPending } from '../../../../src/engine/suite/webhook-kit.js'
import { startCluster } from '../../../support/redis/cluster.js'
import { FEW_PARTITIONS } from '../../../support/redis/engines.js'
import { failingClient } from '../../../support/redis/hooked-client.js'
import { until } from '../../../support/until.js'

const { servers } = await startCluster()
const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
/** One batch of the sweep has so many partitions. */
const partitions = new Partitions(FEW_PARTITIONS)
const tagOf = (of: typeof ada): string => `{${partitions.tags[partitions.of(of)] ?? ''}}`

/** A session that ends within a second wakes a sweep of its partition alone. */
const DUE_IN = 1_500

interface SickEngine {
  engine: Engine
  /** The partitions for which the script was refused, by their tags. */
  refused: string[]
  errors: unknown[]
  heal: () => void
  /** Milliseconds to add to the time. */
  setClock: (shift: number) => void
}

/** Opens an engine for which a script fails in the partitions that `isSick` names by what the names of their keys begin with. */
const withSick = async (
  script: string,
  isSick: (prefix: string) => boolean,
  body: (sick: SickEngine) => Promise<void>,
): Promise<void> => {
  const refused: string[] = []
  const errors: unknown[] = []
  let [isHealed, clock] = [false, 0]
  const engine = createSharedEngine({
    client: () =>
      failingClient({ type: 'cluster', nodes }, script, ([prefix = '']) => {
        if (isHealed || !isSick(prefix)) return false
        refused.push(prefix)
        return true
      }),
    prefix: `${randomUUID()}:`,
    partitionCount: FEW_PARTITIONS,
    clockShift: () => clock,
    onError: (error) => errors.push(error),
  })
  await whileOpen(engine, async () => {
    const [heal, setClock] = [() => (isHealed = true), (shift: number) => (clock = shift)]
    await body({ engine, refused, errors, heal, setClock })
  })
}

/** Has a user's session end by a sweep. */
const endBySweep = async (engine: Engine, of: typeof ada): Promise<void> => {
  const carried = request(of)
  await engine.detachSession(await startSession(engine, carried), carried.connectionId, DUE_IN)
  assert.equal((await untilPending(engine, of, 'session.ended')).event.data['code'], 'timeout')
}

it('sweeps the partitions that answer', () =>
  withSick(
    'listDue',
    (prefix) => !prefix.includes(tagOf(bob)),
    async ({ engine, refused, errors, heal }) => {
      await ask(engine, ['session.ended'])
      await until('a sweep has failed', () => errors.length > 0)
      await endBySweep(engine, bob)
      assert.ok(errors.every(isUnavailable))
      const sweeps = refused.filter((prefix) => prefix.includes(tagOf(ada))).length
      assert.ok(errors.length <= sweeps, `${errors.length} errors in ${sweeps} sweeps`)
      heal()
      await endBySweep(engine, ada)
    },
  ))

it('does what is due though the search for expired messages fails, and searches again', () =>
  withSick(
    'listAging',
    (prefix) => prefix.includes(tagOf(bob)),
    async ({ engine, refused, heal, setClock }) => {
      await ask(engine, ['session.ended'])
      await deliver(engine, { from: null, to: bob.userId })
      setClock(rules().retention.age)
      await until('the search has failed', () => refused.length > 0)
      await endBySweep(engine, bob)
      assert.ok((await engine.usage(app)).bytes > 0)
      heal()
      await until('the message is deleted', async () => (await engine.usage(app)).bytes, 0)
    },
  ))

it('takes the events of the partitions that answer, and asks the other ones again after a while', () =>
  withSick(
    'takeEvents',
    (prefix) => prefix.includes(tagOf(bob)),
    async ({ engine, refused, heal }) => {
      const take = async (): Promise<string[]> =>
        (await engine.takeDueEvents(app, 1, 60_000)).map(({ event }) => event.userId)
      const taken: string[] = []
      engine.listen((event) => {
        if (event.type !== 'webhooks-due') return
        take().then(
          (userIds) => taken.push(...userIds),
          (error: unknown) => assert.ok(isUnavailable(error)),
        )
      }, new AbortController().signal)
      await ask(engine, ['message.created'])
      await deliver(engine, { from: null, to: bob.userId })
      await until('the partition is asked', () => refused.length > 0)
      await deliver(engine, { from: null, to: ada.userId })
      // With a limit of one event, the partition that fails would always be the first to be asked.
      await until('the event of the other partition', () => taken.join(), ada.userId)
      assert.ok(refused.length < 5, `asked ${refused.length} times`)
      heal()
      await until('both events', () => taken.join(), `${ada.userId},${bob.userId}`)
    },
  ))

it('gives away the events that it has leased while another partition fails', () =>
  withSick(
    'takeEvents',
    (prefix) => prefix.includes(tagOf(bob)),
    async ({ engine, refused, heal }) => {
      const take = async (): Promise<string[]> =>
        (await engine.takeDueEvents(app, 20, 60_000)).map(({ event }) => event.userId)
      await ask(engine, ['message.created'])
      for (const { userId } of [bob, ada]) await deliver(engine, { from: null, to: userId })
      assert.deepEqual(await take(), [ada.userId])
      assert.equal(refused.length, 1)
      // Nothing else is due.
      await until('the partition is asked again', () => take().then(() => refused.length > 1, isUnavailable))
      heal()
      await until('the event of that partition', async () => (await take()).join(), bob.userId)
    },
  ))
