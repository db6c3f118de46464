import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { InboxState, UserRef } from '../../../src/engine/index.js'
import {
  AttachedUsers,
  type AttachedUsersOptions,
} from '../../../src/engine/redis/messages/attached-users.js'
import { Partitions } from '../../../src/engine/redis/nodes/partitions.js'
import { StepRunner } from '../../../src/engine/redis/step-runner.js'
import { ada, bob } from '../../../src/engine/suite/kit.js'
import { simulatedClient } from '../../support/redis/simulated/client.js'
import { SimulatedServer } from '../../support/redis/simulated/server.js'
import { until } from '../../support/until.js'

const message = { id: 'a', from: null, to: ada.userId, sender: {}, body: 'Hello', sentAt: 0 }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const runner = new StepRunner({
  client: simulatedClient(new SimulatedServer()),
  prefix: 'attached:',
  partitions: new Partitions(),
  nodeId: 'node',
  clockShift: () => 0,
})

/** The attached users of a node without a connection to Redis. */
const attachedUsers = ({
  emit,
  after,
}: Pick<AttachedUsersOptions, 'emit'> & AttachedUsersOptions['reads']): AttachedUsers =>
  new AttachedUsers({ runner, onError: assert.ifError, emit, reads: { after } })

/** The state of a user's inbox in the epoch with this number. */
const inboxOf = (of: UserRef, epoch: number, offset: number): InboxState => ({
  ...{ epoch: runner.epochs.textOf(of, epoch), offset, readOffset: 0, unread: 0 },
})

it('stays in an epoch though a message of an earlier one is told late', () => {
  const attached = attachedUsers({ emit: () => assert.fail('an event'), after: () => assert.fail() })
  attached.add({ ...ada, sessionId: 'one' }, 'a connection', 2, 0)
  attached.receive(ada, 1, 9, '{}')
  // The start of another session took so long that a failover came in between.
  const finish = attached.expectStart(bob)
  attached.receive(bob, 1, 9, '{}')
  attached.add({ ...bob, sessionId: 'two' }, 'a connection', 2, 0)
  finish()
})

it('emits no message of another epoch as one of its own, though it is not told of that epoch', async () => {
  const emitted: unknown[] = []
  const asked: number[] = []
  const attached = attachedUsers({
    emit: (event) =>
      emitted.push(event.type === 'message' ? [event.epoch, event.message.offset] : event.type),
    async after(of, { offset }) {
      asked.push(offset)
      await turn()
      // The first position is of an earlier epoch, so Redis returns the oldest messages.
      const messages = [7, 8].map((each) => ({ ...message, offset: each }))
      return { messages: asked.length === 1 ? messages : messages.slice(1), inbox: inboxOf(of, 2, 8) }
    },
  })
  attached.add({ ...ada, sessionId: 'one' }, 'a connection', 1, 5)
  attached.receive(ada, 1, 6, undefined)
  await until('the newest message', () => emitted.length, 2)
  assert.deepEqual(emitted, ['epoch-changed', [inboxOf(ada, 2, 8).epoch, 8]])
  assert.deepEqual(asked, [5, 7])
  attached.clear()
})

it('carries no session that ended, or moved to another node, before the result of its start came', () => {
  const attached = attachedUsers({ emit: () => assert.fail('an event'), after: () => assert.fail() })
  const session = { ...ada, sessionId: 'a session' }
  const finish = attached.expectStart(ada)
  attached.remove(session)
  attached.add(session, 'a connection', 0, 0)
  assert.deepEqual(attached.users(), [])
  const other = { ...ada, sessionId: 'another session' }
  attached.remove(other, 'a connection')
  attached.add(other, 'a connection', 0, 0)
  assert.deepEqual(attached.users(), [])
  finish()
  attached.add(other, 'a connection', 0, 0)
  assert.equal(attached.users().length, 1)
})

it('reads the missing messages of 32 users at a time', async () => {
  const emitted: string[] = []
  const reads: (() => void)[] = []
  const attached = attachedUsers({
    emit: (event) => event.type === 'message' && emitted.push(event.user.userId),
    async after(of, { offset }) {
      await new Promise<void>((resolve) => reads.push(resolve))
      return {
        messages: [{ ...message, to: of.userId, offset: offset + 1 }],
        inbox: inboxOf(of, 0, offset + 1),
      }
    },
  })
  const users = Array.from({ length: 100 }, (_, n) => `user ${n}`)
  for (const userId of users) {
    attached.add({ ...ada, userId, sessionId: userId }, 'a connection', 0, 0)
    attached.receive({ ...ada, userId }, 0, 1, undefined)
  }
  for (const expected of [32, 32, 32, 4]) {
    await until('reads', () => reads.length, expected)
    for (const resolve of reads.splice(0)) resolve()
  }
  await until('all messages', () => emitted.length, users.length)
  assert.deepEqual(emitted.toSorted(), users.toSorted())
})
