// While one master of a cluster refuses calls, what is due on the other masters happens, and its own follows when it answers again.
import { keysOf, withServer, type SimulatedNode } from '../../support/redis/simulated/nodes.js'
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EngineError, type Engine } from '../../../src/engine/index.js'
import {
  ada,
  app,
  bob,
  deliver,
  isUnavailable,
  request,
  rules,
  startSession,
} from '../../../src/engine/suite/kit.js'
import { ask, untilPending } from '../../../src/engine/suite/webhook-kit.js'
import { until } from '../../support/until.js'

/** A session that ends within a second wakes a sweep of its partition alone. */
const DUE_IN = 1_500

interface Sick extends SimulatedNode {
  /** What the names of the keys begin with for which the script was refused. */
  refused: string[]
  errors: unknown[]
  heal: () => void
  /** How far the clock is set forward. */
  clock: { shift: number }
}

/** Opens a node for which a script fails on the keys that `isSick` names by what their names begin with. */
const withSick = (
  script: string,
  isSick: (prefix: string) => boolean,
  body: (sick: Sick) => Promise<void>,
): Promise<void> =>
  withServer(async (_server, open) => {
    const [refused, errors]: [string[], unknown[]] = [[], []]
    const clock = { shift: 0 }
    let isHealed = false
    const node = await open({
      isCluster: true,
      clockShift: () => clock.shift,
      onError: (error) => errors.push(error),
      before: (name, { args: [prefix = ''] }) => {
        if (name !== script || isHealed || !isSick(prefix)) return
        refused.push(prefix)
        throw new EngineError('unavailable', 'The master refuses this.')
      },
    })
    await body({ ...node, refused, errors, clock, heal: () => (isHealed = true) })
  })

/** Has a user's session end by a sweep. */
const endBySweep = async (engine: Engine, of: typeof ada): Promise<void> => {
  const carried = request(of)
  await engine.detachSession(await startSession(engine, carried), carried.connectionId, DUE_IN)
  assert.equal((await untilPending(engine, of, 'session.ended')).event.data['code'], 'timeout')
}

const isOfBob = (prefix: string): boolean => prefix.startsWith(keysOf(bob))

const takeFrom = async (engine: Engine, limit: number): Promise<string[]> =>
  (await engine.takeDueEvents(app, limit, 60_000)).map(({ event }) => event.userId)

it('sweeps the partitions that answer', () =>
  withSick(
    'listDue',
    (prefix) => !isOfBob(prefix),
    async ({ engine, refused, errors, heal }) => {
      await ask(engine, ['session.ended'])
      await until('a sweep has failed', () => errors.length > 0)
      await endBySweep(engine, bob)
      assert.ok(errors.every(isUnavailable))
      const sweeps = refused.filter((prefix) => prefix.startsWith(keysOf(ada))).length
      assert.ok(errors.length <= sweeps, `${errors.length} errors in ${sweeps} sweeps`)
      heal()
      await endBySweep(engine, ada)
    },
  ))

it('does what is due though the search for expired messages fails, and searches again', () =>
  withSick('listAging', isOfBob, async ({ engine, refused, clock, heal }) => {
    await ask(engine, ['session.ended'])
    await deliver(engine, { from: null, to: bob.userId })
    clock.shift = rules().retention.age
    await until('the search has failed', () => refused.length > 0)
    await endBySweep(engine, bob)
    assert.ok((await engine.usage(app)).bytes > 0)
    heal()
    await until('the message is deleted', async () => (await engine.usage(app)).bytes, 0)
  }))

it('takes the events of the partitions that answer, and asks the other ones again after a while', () =>
  withSick('takeEvents', isOfBob, async ({ engine, refused, heal }) => {
    const taken: string[] = []
    engine.listen((event) => {
      if (event.type !== 'webhooks-due') return
      takeFrom(engine, 1).then(
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
  }))

it('gives away the events that it has leased while another partition fails', () =>
  withSick('takeEvents', isOfBob, async ({ engine, refused, heal }) => {
    await ask(engine, ['message.created'])
    for (const { userId } of [bob, ada]) await deliver(engine, { from: null, to: userId })
    assert.deepEqual(await takeFrom(engine, 20), [ada.userId])
    assert.equal(refused.length, 1)
    // Nothing else is due.
    await until('the partition is asked again', () =>
      takeFrom(engine, 20).then(() => refused.length > 1, isUnavailable),
    )
    heal()
    await until('the event of that partition', async () => (await takeFrom(engine, 20)).join(), bob.userId)
  }))
