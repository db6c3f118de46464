// The decisions of src/engine/decide are compiled to Lua for the Redis engine. Inside Redis they decide what they decide on Node.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as adoption from '../../../../src/engine/decide/adoption/adoption.js'
import * as expired from '../../../../src/engine/decide/messages/expired.js'
import * as peerMarks from '../../../../src/engine/decide/messages/peer-marks.js'
import * as retry from '../../../../src/engine/decide/messages/retry.js'
import * as share from '../../../../src/engine/decide/messages/share.js'
import { afterCheck, needsCheck } from '../../../../src/engine/decide/messages/unread-check.js'
import * as deviceOwner from '../../../../src/engine/decide/push/device-owner.js'
import * as pushDue from '../../../../src/engine/decide/push/push-due.js'
import * as revoked from '../../../../src/engine/decide/revocations/revoked.js'
import * as makeRoom from '../../../../src/engine/decide/sessions/make-room.js'
import * as session from '../../../../src/engine/decide/sessions/session.js'
import * as queue from '../../../../src/engine/decide/webhooks/queue.js'
import { createRedisClient } from '../../../../src/engine/redis/client/index.js'
import { luaLibrary } from '../../../support/redis/lua-library.js'
import { standalone } from '../../../support/redis/server.js'
import { createRandom, seed } from '../../../support/seeded-random.js'

/** How many times each decision is made. */
const TIMES = 200

const random = createRandom(seed)
const int = (max: number): number => Math.floor(random() * (max + 1))
const is = (): boolean => random() < 0.5
const pick = <T>(...values: readonly T[]): T => values[int(values.length - 1)] as T
const or = <T>(value: T): T | null => (is() ? value : null)
const list = <T>(make: (n: number) => T): T[] => Array.from({ length: int(6) }, (_, n) => make(n))

const id = (): string => pick('a', 'b', 'c')
const retention = () => ({ messages: int(6), bytes: int(60), age: int(20) })
const connected = () => ({
  ...{ connectionId: or(id()), detached: or(int(9)), resumableFor: int(9) },
  ...{ expiresAt: or(int(9)), offlineAt: or(int(9)), offline: is() },
})
const keys = () => ({ keyHash: id(), previousKeyHash: pick(null, id(), `${id()}\n${id()}`) })
const proof = () => or({ createdAt: int(2) })
const adopter = () => ({ userId: id(), userCreatedAt: int(2) })
const owner = () => [id(), id(), id()]
const mark = () => pick(undefined, [int(9), int(9)] as const)
const due = () => ({ run: int(9), dueAt: int(9) })
const types = ['user.online', 'user.offline', 'events.dropped', 'session.started'] as const
const event = () => ({ type: pick(...types), seq: int(9), data: pick({ online: is() }, { other: 1 }) })
const presence = () => ({
  ...{ type: pick('user.online', 'user.offline'), seq: int(9), size: int(9) },
  ...{ previous: int(9), before: or(is()), next: int(2) },
})
const pending = () => ({
  ...{ first: int(9), last: int(9), count: int(12), bytes: int(99), ...due() },
  ...{ online: or(is()), presence: or(presence()), dropped: int(9), change: int(9) },
})
const limit = () => ({ events: int(12), bytes: int(99) })
const row = () => ({ event: { id: id() }, attempts: int(9), lastError: or('refused') })

/** Makes random arguments of each decision. */
const args: Readonly<Record<string, () => unknown[]>> = {
  sessionsBeyond: () => [list((n) => ({ number: n, detached: or(10 + n), hiddenSince: or(20 + n) })), int(4)],
  isResumedBy: () => [keys(), id()],
  keysAfter: () => [keys(), id(), id()],
  attached: () => [id(), int(9)],
  detached: () => [connected(), int(9), int(9), pick(undefined, int(9))],
  isOver: () => [connected(), int(9)],
  goesOffline: () => [connected(), int(9)],
  later: () => [or(int(9)), or(int(9))],
  isIssuedUpTo: () => [or(int(9)), or(int(9))],
  tokenKeptFor: () => [pick(undefined, int(9)), int(9)],
  mayAdopt: () => [pick(undefined, int(2)), proof()],
  isAdoptedBy: () => [adopter(), int(2), adopter(), proof()],
  fitting: () => {
    const found = list((n) => ({ at: n, size: int(9) }))
    const bytes = found.reduce((sum, { size }) => sum + size, 0)
    const left = { messages: found.length + int(2), bytes: bytes + int(9) }
    return [found, { messages: int(4), bytes: int(40) }, left, int(3), retention(), int(20)]
  },
  hasExpired: () => [int(9), retention(), int(30)],
  matters: () => [mark(), int(9)],
  peerReadOffset: () => [{ readOffset: int(9) }, mark(), int(9)],
  retryOutcome: () => [id(), id()],
  exceedsShare: () => [{ messages: int(6), bytes: int(60) }, pick(0.1, 0.5, 1), retention()],
  exceedsBytes: () => [
    ...[int(30), int(9), pick(undefined, int(30)), id()],
    list(() => ({ from: or(id()), size: int(9) })),
  ],
  mayOwn: () => [pick(undefined, owner()), owner()],
  dueAfterMessage: () => [or(int(9)), int(9), int(9)],
  dueAfterLook: () => [or(int(9)), or(int(9)), int(9), int(9)],
  needsCheck: () => [{ at: int(9) }, int(9), int(9), int(9)],
  afterCheck: () => [
    [int(3), int(1)],
    or({ offset: int(3), at: int(9), deletions: int(1) }),
    ...[int(9), int(9)],
  ],
  cancelledBy: () => [pending(), event()],
  fateOf: () => [
    ...[pending(), int(30), { count: int(12), bytes: int(99) }],
    pick(undefined, { user: limit(), app: limit() }),
  ],
  withEvent: () => [pending(), event(), int(30), due()],
  withoutPresence: () => [pending(), presence(), int(9)],
  countingDrops: () => [pending()],
  droppedData: () => [pick({}, { dropped: { 'user.online': int(3) } }), event().type, { online: is() }],
  withChanged: () => [pending(), event(), int(30)],
  afterEnd: () => [pending(), int(30), pick(undefined, int(9)), due()],
  withReplayed: () => [pending(), int(9), int(30), due()],
  afterFailure: () => [row(), 'timeout'],
  replayed: () => [row()],
}

const modules = {
  ...adoption,
  ...expired,
  ...peerMarks,
  ...retry,
  ...share,
  ...revoked,
  ...makeRoom,
  ...session,
  ...queue,
  ...deviceOwner,
  ...pushDue,
}
const decisions = new Map(
  Object.entries<unknown>({ ...modules, afterCheck, needsCheck }).filter(
    ([, each]) => typeof each === 'function',
  ),
) as Map<string, (...args: unknown[]) => unknown>

/** Returns a value without what Lua does not tell apart: an absent member and null, an empty list and an empty object. */
const asInLua = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value ?? undefined
  if (Array.isArray(value) && value.length > 0) return value.map(asInLua)
  const entries = Object.entries(value).filter(([, each]) => each !== null && each !== undefined)
  return Object.fromEntries(entries.map(([name, each]) => [name, asInLua(each)]))
}

const { url } = await standalone()
const client = createRedisClient({ type: 'single', url })
await client.open({ onMessage: () => undefined, onResubscribed: () => undefined, onError: assert.ifError })
const entry = fileURLToPath(new URL('./lua/entry.ts', import.meta.url))
const library = await luaLibrary(entry, ['decide'])

const decideInRedis = async (name: string, list: readonly unknown[]): Promise<unknown> => {
  const given = Object.fromEntries(list.map((each, n) => [n + 1, asInLua(each)]))
  const script = { name: 'decide', library, repeatable: true, isShort: false }
  const input = { keys: [], context: '', args: [name, JSON.stringify({ ...given, n: list.length })] }
  return (JSON.parse(String(await client.run(script, input))) as { is?: unknown }).is
}

test('every decision that scripts use has random arguments here', () => {
  assert.deepEqual(Object.keys(args).sort(), [...decisions.keys()].sort())
})

for (const [name, decide] of decisions)
  test(`${name} decides the same on Node and inside Redis (FAULT_SEED=${seed})`, async () => {
    for (let n = 0; n < TIMES; n++) {
      const given = args[name]?.() ?? []
      const found = await decideInRedis(name, given)
      assert.deepEqual(asInLua(found), asInLua(decide(...structuredClone(given))), JSON.stringify(given))
    }
  })

test('the client closes', () => client.close())
