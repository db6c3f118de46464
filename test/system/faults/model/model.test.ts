import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { scratchFolder } from '../../../support/scratch-folder.js'
import type { Message } from '../../../../src/session/index.js'
import { wholeInbox } from '../../../support/clients/whole-inbox.js'
import { until } from '../../../support/until.js'
import { Backend } from './model-backend.js'
import { MESSAGES_PER_SECOND } from './model-config.js'
import { Client } from './model-user.js'

/** How many sequences run. MODEL_RUNS=200 is for a long test. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 8)
/** Milliseconds in which every message of a sequence must be acknowledged and received. */
const SETTLED_IN = 60_000
/** Milliseconds to wait for the answer that is then cut off. The answer may never come, if the send is refused or waits in the outbox. */
const ANSWERED_IN = 2_000

/** How many messages a burst has. The rate limit refuses some of them for a while. */
const BURST = MESSAGES_PER_SECOND

/** The user of each client. The first two clients are one user's. */
const OWNERS = ['ann', 'ann', 'bob', 'cid']

const client = fc.nat({ max: OWNERS.length - 1 })
const user = fc.constantFrom('ann', 'bob', 'cid')
const way = fc.constantFrom('up' as const, 'down' as const)
const at = <T extends string>(name: T) => fc.record({ do: fc.constant(name), client })
const onWay = <T extends string>(name: T) => fc.record({ do: fc.constant(name), client, way })

const command = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('send' as const), client, to: user }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('burst' as const), client, to: user }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send unanswered' as const),
      client,
      to: user,
      count: fc.integer({ min: 1, max: 3 }),
      end: fc.constantFrom('cut' as const, 'half-dead' as const, 'kill' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('publish' as const), to: user, twice: fc.boolean() }),
  },
  { weight: 3, arbitrary: at('read' as const) },
  { weight: 4, arbitrary: at('cut' as const) },
  { weight: 2, arbitrary: onWay('stall' as const) },
  { weight: 2, arbitrary: at('flow' as const) },
  { weight: 1, arbitrary: onWay('half-close' as const) },
  { weight: 2, arbitrary: at('leave half-dead' as const) },
  { weight: 1, arbitrary: at('expire' as const) },
  { weight: 1, arbitrary: at('renew' as const) },
  { weight: 1, arbitrary: at('outage' as const) },
  { weight: 2, arbitrary: fc.constant({ do: 'kill' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), milliseconds: fc.nat({ max: 60 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'settle' as const }) },
)
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

interface World {
  backend: Backend
  clients: Client[]
  published: { to: string; body: string }[]
}

const positions = (messages: Message[]): number[] => messages.map(({ offset }) => offset)

/** The messages and sessions that are not done yet; empty if all are. */
const unsettled = ({ backend, clients }: World): string[] => [
  ...[...backend.waiting.keys()].map((id) => `${id} is not acknowledged`),
  ...clients.flatMap(({ session, intents, userId }) => [
    ...(session.state === 'active' ? [] : [`${userId} is ${session.state}`]),
    ...intents.filter(({ sent }) => !sent).map(({ body }) => `${body} is not acknowledged`),
  ]),
]

/** Waits until `left` returns nothing. */
const untilNone = (left: () => string[]): Promise<void> =>
  until('all messages and sessions are done', () => left().join('; '), '', SETTLED_IN)

const check = async (world: World): Promise<void> => {
  const { clients, published } = world
  for (const one of clients) {
    const { userId, session, received } = one
    const inbox = await wholeInbox(session)
    await untilNone(() =>
      received.length < inbox.length ? [`${userId} received ${received.length} of ${inbox.length}`] : [],
    )
    assert.deepEqual(one.wrong, [], `${userId}'s session goes on`)
    assert.deepEqual(
      positions(inbox),
      [...inbox.keys()].map((index) => index + 1),
      'offsets have no holes',
    )
    assert.deepEqual(received, inbox, `${userId} received each message once, in order`)
    for (const sender of clients) {
      const mine = sender.intents.filter(({ to }) => to === userId || sender.userId === userId)
      const bodies = mine.map(({ body }) => body)
      const wanted = new Set(bodies)
      assert.deepEqual(
        inbox.map(({ body = '' }) => body).filter((body) => wanted.has(body)),
        bodies,
        `each message of ${sender.userId} is in ${userId}'s inbox once, in order`,
      )
      if (sender.userId !== userId) continue
      for (const { body, sent } of mine) assert.equal(inbox[(sent?.offset ?? 0) - 1]?.body, body)
    }
    assert.deepEqual(
      inbox.flatMap(({ from, body }) => (from === null ? [body] : [])).sort(),
      published.flatMap(({ to, body }) => (to === userId ? [body] : [])).sort(),
      `each message that was published to ${userId} is there once`,
    )
    const read = Math.max(
      ...clients.filter((other) => other.userId === userId).map((other) => other.readOffset),
    )
    const unread = inbox.filter(({ from, offset }) => from !== userId && offset > read).length
    await untilNone(() =>
      session.unread === unread ? [] : [`${userId} has ${session.unread} unread of ${unread}`],
    )
  }
}

const settle = async (world: World): Promise<void> => {
  for (const one of world.clients) {
    one.outage = false
    for (const { up, down } of one.wires) {
      up.flow()
      down.flow()
    }
  }
  await untilNone(() => unsettled(world))
  await check(world)
}

const send = (one: Client, client: number, to: string): void =>
  one.send(to, `${one.userId} ${client} ${one.intents.length}`)

/** Sends messages, and cuts the connection or kills the gateway before the answers arrive. The client must send them again. */
const sendUnanswered = async (
  { backend, clients }: World,
  { client, to, count, end }: Extract<Command, { do: 'send unanswered' }>,
): Promise<void> => {
  const one = clients[client]
  assert.ok(one)
  const { wires } = one
  for (const { down } of wires) down.stall('"type":"sent"')
  for (let left = count; left > 0; left--) send(one, client, to)
  const deadline = performance.now() + ANSWERED_IN
  const isAnswered = (): boolean => wires.some(({ down }) => down.held().includes('"type":"sent"'))
  while (!isAnswered() && wires.some((wire) => one.proxy.wires.has(wire)) && performance.now() < deadline)
    await pause(2)
  if (end === 'kill') await backend.stop('kill')
  for (const wire of wires) {
    if (end === 'half-dead') wire.up.stall()
    wire.cut(end === 'half-dead' ? 'client' : undefined)
  }
  if (end === 'kill') await backend.start()
}

const execute = async (world: World, given: Command): Promise<void> => {
  const { backend, clients, published } = world
  if (given.do === 'settle') return settle(world)
  if (given.do === 'send unanswered') return sendUnanswered(world, given)
  if (given.do === 'wait') return pause(given.milliseconds)
  if (given.do === 'kill' || given.do === 'restart') {
    await backend.stop(given.do === 'kill' ? 'kill' : 'close')
    return backend.start()
  }
  if (given.do === 'publish') {
    const { to } = given
    const body = `published ${published.length}`
    published.push({ to, body })
    return backend.publish(to, body, given.twice ? 2 : 1)
  }
  const one = clients[given.client]
  assert.ok(one)
  switch (given.do) {
    case 'send':
    case 'burst':
      for (let left = given.do === 'burst' ? BURST : 1; left > 0; left--) send(one, given.client, given.to)
      return
    case 'read':
      return one.read()
    case 'cut':
      return one.wires.forEach((wire) => wire.cut())
    case 'stall':
      return one.wires.forEach((wire) => wire[given.way].stall())
    case 'flow':
      return one.wires.forEach(({ up, down }) => [up, down].forEach((each) => each.flow()))
    case 'half-close':
      return one.wires.forEach((wire) => wire[given.way].end())
    case 'leave half-dead':
      return one.wires.forEach((wire) => {
        wire.up.stall()
        wire.cut('client')
      })
    case 'expire':
      return one.expire()
    case 'renew':
      return one.renew()
    case 'outage':
      one.outage = true
  }
}

/** How many messages the gateways of all runs have sent a second time. */
let repeats = 0

const run = async (commands: Command[]): Promise<void> => {
  const backend = new Backend(scratchFolder())
  await backend.start()
  const clients: Client[] = []
  for (const owner of OWNERS) clients.push(await Client.start(owner, () => backend.url))
  const world: World = { backend, clients, published: [] }
  const ends: string[] = []
  try {
    for (const given of commands) await execute(world, given)
    await settle(world)
  } finally {
    for (const one of clients) ends.push(await one.end())
    await backend.stop('kill')
    repeats += backend.repeats
  }
  assert.ok(ends.every((state) => state === 'ended'))
}

/** The seed decides the commands, and the path of a failing run selects that run. The timing may differ between runs. */
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)
const path = process.env['FC_PATH']

test('after any sequence of network, gateway and token faults messages are stored once and in order, and sessions go on', async (context) => {
  context.diagnostic(`FC_SEED=${seed}`)
  const { random } = Math
  // Makes the backoff a fiftieth of the real one.
  context.mock.method(Math, 'random', () => random() / 50)
  await fc.assert(fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 30, size: 'max' }), run), {
    numRuns: RUNS,
    endOnFailure: true,
    seed,
    ...(path && { path }),
  })
  // A single run may have had no repeated message.
  if (!path) assert.ok(repeats > 0, 'gateways have sent messages a second time')
})
