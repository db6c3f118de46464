import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import type { Reply } from '../../../../src/engine/redis/client/port.js'
import {
  AttachedUsers,
  type AttachedUsersOptions,
} from '../../../../src/engine/redis/messages/attached-users.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { StepRunner } from '../../../../src/engine/redis/step-runner.js'
import type { InboxState, SessionRequest, UserRef } from '../../../../src/engine/index.js'
import {
  ada,
  bob,
  deliver,
  nextEvents,
  request,
  start,
  startSession,
} from '../../../../src/engine/suite/kit.js'
import { redisEngines } from '../../../support/redis/engines.js'
import { failingClient } from '../../../support/redis/hooked-client.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const server = await standalone()

it('emits, once and in order, the messages that were published while its subscription was lost', async () => {
  const engines = redisEngines(() => ({ type: 'single', url: server.url }))
  const [one, two] = [engines.createWith('lost:'), engines.createWith('lost:')]
  await Promise.all([one.open(), two.open()])
  try {
    await start(two, bob)
    const received = nextEvents(two, 'message', 40)
    for (let n = 0; n < 10; n++) await deliver(one, { data: { n } })
    const [, lost] = await Promise.all([
      server.command('client', 'kill', 'type', 'pubsub'),
      (async () => {
        for (let n = 0; n < 20; n++) await deliver(one, { data: { n } })
      })(),
    ])
    assert.equal(lost, undefined)
    for (let n = 0; n < 10; n++) await deliver(one, { data: { n } })
    assert.deepEqual(
      (await received).map(({ message }) => message.offset),
      Array.from({ length: 40 }, (_, n) => n + 1),
    )
  } finally {
    await Promise.all([one.close(), two.close()])
  }
})

it('emits a message that it has to read, though the first read fails', async () => {
  const errors: unknown[] = []
  const one = redisEngines(() => ({ type: 'single', url: server.url })).createWith('read again:')
  const two = createSharedEngine({
    client: () => failingClient({ type: 'single', url: server.url }, 'readInbox', () => errors.length === 0),
    prefix: 'read again:',
    onError: (error) => errors.push(error),
  })
  await Promise.all([one.open(), two.open()])
  try {
    await start(two, bob)
    const received = nextEvents(two, 'message')
    // The published text has no message of this size.
    await deliver(one, { body: 'x'.repeat(4_000) })
    assert.deepEqual(
      (await received).map(({ message }) => message.offset),
      [1],
    )
    assert.equal(errors.length, 1)
  } finally {
    await Promise.all([one.close(), two.close()])
  }
})

/** A request without a token, whose start is one call. */
const withoutToken = (more: Partial<SessionRequest>): SessionRequest =>
  request(ada, {
    credential: { authMethod: 'token', tokenId: null, issuedAt: Date.now(), expiresAt: null },
    ...more,
  })

it('emits messages to the new connection of a session that is detached and resumed at the same time', async () => {
  const engines = redisEngines(() => ({ type: 'single', url: server.url }))
  const client = createRedisClient({ type: 'single', url: server.url })
  const run = client.run.bind(client)
  let release: (reply: Reply) => void = () => undefined
  client.run = (script, keys, args) => {
    const reply = run(script, keys, args)
    if (script.name === 'startSession') void reply.then(release)
    // The replies are kept together, as if both had come in one chunk.
    return script.name === 'changeSession'
      ? new Promise<Reply>((resolve) => (release = resolve)).then(() => reply)
      : reply
  }
  const one = createSharedEngine({ client: () => client, prefix: 'resumed:', onError: assert.ifError })
  const two = engines.createWith('resumed:')
  await Promise.all([one.open(), two.open()])
  try {
    const first = withoutToken({ keyHash: 'the key' })
    const session = await startSession(one, first)
    // After this call Redis knows both scripts, so that they run in the order of their calls.
    const unknown = one.detachSession({ ...session, sessionId: 'another' }, 'another', 60_000)
    await startSession(one, withoutToken({ ...bob }))
    await unknown
    const [, resumed] = await Promise.all([
      one.detachSession(session, first.connectionId, 60_000),
      startSession(one, withoutToken({ resumes: 'the key' })),
    ])
    assert.equal(resumed.resumed, true)
    const received = nextEvents(one, 'message')
    const { offset } = await deliver(two, { from: null, to: ada.userId })
    const [event] = await received
    assert.equal(event?.message.offset, offset)
  } finally {
    await Promise.all([one.close(), two.close()])
  }
})

const message = { id: 'a', from: null, to: ada.userId, sender: {}, body: 'Hello', sentAt: 0 }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const runner = new StepRunner({
  client: createRedisClient({ type: 'single', url: server.url }),
  prefix: 'attached:',
  partitions: new Partitions(),
  nodeId: 'node',
  clockShift: () => 0,
  onEvents: () => undefined,
  webhooksOf: () => null,
})

/** The attached users of a node without a connection to Redis. */
const attachedUsers = (options: Pick<AttachedUsersOptions, 'emit' | 'messagesAfter'>): AttachedUsers =>
  new AttachedUsers({ runner, onError: assert.ifError, ...options })

/** The state of a user's inbox in the epoch with this number. */
const inboxOf = (of: UserRef, epoch: number, offset: number): InboxState => ({
  ...{ epoch: `${runner.epochBase(of)}${epoch}`, offset, readOffset: 0, unread: 0 },
})

it('stays in an epoch though a message of an earlier one is told late', () => {
  const attached = attachedUsers({ emit: () => assert.fail('an event'), messagesAfter: () => assert.fail() })
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
    async messagesAfter(of, { offset }) {
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
  const attached = attachedUsers({ emit: () => assert.fail('an event'), messagesAfter: () => assert.fail() })
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
    async messagesAfter(of, { offset }) {
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
