import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { Engine } from '../../../src/engine/index.js'
import { Timer } from '../../../src/util/timer.js'
import { createStartQueue, nextAtOnce } from '../../../src/gateway/limits/start-queue.js'
import { holdClock } from '../../support/held-clock.js'
import { openClient, startAs } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { assemble } from '../../support/gateway/assembled-gateway.js'
import { startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'

/** Work that finishes when the test says so. */
const gates = () => {
  const began: number[] = []
  const waited: (boolean | undefined)[] = []
  const finish = new Map<number, () => void>()
  const work =
    (number: number) =>
    (hasWaited?: boolean): Promise<void> => {
      began.push(number)
      waited.push(hasWaited)
      return new Promise((resolve) => finish.set(number, resolve))
    }
  return { began, waited, work, finish: (number: number) => finish.get(number)?.() }
}

/** This many starts run at once, whatever the event loop's delay is. */
const fixed = (count: number) => ({ fewest: count, first: count, most: count })

test('starts beyond the limit wait, and begin in their order', async () => {
  const { began, waited, work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(2), maxRunning: 60_000 })
  const started = [1, 2, 3, 4, 5].map((number) => queue.run(work(number), 'here', 1))
  assert.deepEqual(began, [1, 2])
  finish(2)
  await started[1]
  await until('the third', () => began.length, 3)
  finish(1)
  finish(3)
  await until('all of them', () => began.length, 5)
  assert.deepEqual(began, [1, 2, 3, 4, 5])
  assert.deepEqual(waited, [false, false, true, true, true])
  finish(4)
  finish(5)
  for (const promise of started) await promise
})

test('addresses take turns, so that a flood from one does not hold up another', async () => {
  const { began, work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), maxRunning: 60_000 })
  for (const number of [1, 2, 3, 4]) void queue.run(work(number), '203.0.113.1', 1)
  for (const number of [5, 6]) void queue.run(work(number), '203.0.113.2', 1)
  for (let count = 1; count <= 6; count += 1) {
    await until('the next start', () => began.length, count)
    finish(began.at(-1) ?? 0)
  }
  assert.deepEqual(began, [1, 2, 5, 3, 6, 4])
})

test('a start that fails makes room for the next one', async () => {
  const { began, work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), maxRunning: 60_000 })
  const failed = queue.run(() => Promise.reject(new Error('no')), 'here', 1)
  const next = queue.run(work(1), 'here', 1)
  await assert.rejects(failed ?? Promise.resolve(), /no/)
  await until('the next one', () => began.length, 1)
  finish(1)
  await next
})

test('starts that are too many, or too large, to wait are refused', async () => {
  const { work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), waiting: 2, waitingBytes: 100, maxRunning: 60_000 })
  const first = queue.run(work(1), 'here', 1_000)
  assert.ok(first)
  assert.ok(queue.run(work(2), 'here', 60))
  assert.equal(queue.run(work(3), 'here', 60), undefined)
  assert.ok(queue.run(work(4), 'here', 40))
  assert.equal(queue.run(work(5), 'here', 0), undefined)
  finish(1)
  await first
  await until('a free place', () => queue.run(work(6), 'here', 1) !== undefined)
})

test('a flood from one address that fills the queue does not keep out the starts of others', async () => {
  const { began, work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), waiting: 8, waitingBytes: 1_000, maxRunning: 60_000 })
  const flood = (number: number, bytes: number) => queue.run(work(number), '203.0.113.1', bytes)
  void flood(1, 1)
  const refused: number[] = []
  for (const number of [2, 3, 4, 5])
    void flood(number, 250)?.then((isRun) => {
      if (!isRun) refused.push(number)
    })
  assert.equal(flood(6, 1), undefined)
  const others = [7, 8].map((number) => queue.run(work(number), `203.0.113.${number}`, 100))
  assert.ok(others.every(Boolean))
  await until('the refusal of the newest start of the flood', () => refused.join(), '5')
  // Now the places are taken, and no longer the bytes.
  for (const number of [9, 10, 11]) void flood(number, 1)
  assert.equal(flood(12, 1), undefined)
  assert.ok(queue.run(work(13), '203.0.113.13', 1))
  for (let count = 1; count <= 8; count += 1) {
    await until('the next start', () => began.length, count)
    finish(began.at(-1) ?? 0)
  }
  assert.deepEqual(began.slice(0, 6), [1, 2, 7, 8, 13, 3])
})

test('a flood that was smaller than another one gives its places to others, too, once the other one has left', () => {
  const { work } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), waiting: 9, waitingBytes: 1_000, maxRunning: 60_000 })
  const leaving: (() => void)[] = []
  const start = (address: string): unknown =>
    queue.run(work(0), address, 1, (leave) => address === 'first' && leaving.push(leave))
  start('running')
  for (const [address, count] of [
    ['first', 5],
    ['second', 4],
  ] as const)
    for (let n = 0; n < count; n++) start(address)
  assert.ok(start('a'))
  for (const leave of leaving.slice(1)) leave()
  for (const address of ['b', 'c', 'd']) assert.ok(start(address))
  assert.equal(queue.waiting(), 9)
  assert.ok(start('e'))
})

test('in a full queue nobody loses the only start of an address', () => {
  const { work } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), waiting: 2, waitingBytes: 1_000, maxRunning: 60_000 })
  for (const number of [1, 2, 3]) assert.ok(queue.run(work(number), `203.0.113.${number}`, 400))
  assert.equal(queue.run(work(4), '203.0.113.4', 1), undefined)
})

test('starts that wait begin as soon as others finish, without a clock', async (t) => {
  holdClock(t)
  const queue = createStartQueue()
  let began = 0
  const countedWork = () => {
    began++
    return Promise.resolve()
  }
  const starts = Array.from({ length: 2_000 }, () => queue.run(countedWork, 'here', 1))
  for (const start of starts) await start
  assert.deepEqual([began, queue.waiting()], [2_000, 0])
})

test('no more starts than run at once begin in a turn of the event loop, even if each finishes at once', async (t) => {
  holdClock(t)
  const queue = createStartQueue({ atOnce: fixed(10) })
  let [began, most] = [0, 0]
  const countedWork = () => {
    began++
    return Promise.resolve()
  }
  const starts = Array.from({ length: 95 }, () => queue.run(countedWork, 'here', 1))
  while (queue.waiting() > 0) {
    most = Math.max(most, began)
    began = 0
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const start of starts) await start
  assert.equal(most, 10)
})

const bounds = { fewest: 16, most: 256 }
const decisions = [
  // How many starts ran at once, the delay of the event loop, whether starts waited, and how many run at once then.
  [64, 0, true, 72],
  [64, 4.9, true, 72],
  [64, 0, false, 64],
  [64, 5, true, 64],
  [64, 10, true, 64],
  [64, 10.1, true, 48],
  [64, 10.1, false, 48],
  [64, 1_000, true, 48],
  [250, 0, true, 256],
  [256, 0, true, 256],
  [17, 20, true, 16],
  [16, 20, true, 16],
] as const
for (const [current, delay, hasWaiting, next] of decisions)
  test(`after a delay of ${delay} ms ${current} starts at once become ${next} if ${hasWaiting ? 'some wait' : 'none waits'}`, () => {
    assert.equal(nextAtOnce(current, bounds, delay, hasWaiting), next)
  })

test('a late event loop lets fewer starts run at once, and one in time lets more run', async (t) => {
  const clock = holdClock(t)
  const { now } = performance
  let late = 0
  t.mock.method(performance, 'now', () => now() + late)
  const { began, work, finish } = gates()
  const queue = createStartQueue({ maxRunning: 1e9, maxWait: 1e9 })
  const starts = Array.from({ length: 1_000 }, (_, number) => queue.run(work(number), 'here', 1))
  assert.equal(began.length, 64)
  clock.advance(20)
  assert.equal(began.length, 72)
  for (let times = 0; times < 100; times++) clock.advance(20)
  assert.equal(began.length, 256)
  for (let times = 0; times < 20; times++) {
    clock.advance(19)
    // The timer, which is due in a millisecond, finds that more have passed.
    late += 30
    clock.advance(1)
  }
  for (let number = 0; number < 256; number++) finish(number)
  for (const start of starts.slice(0, 256)) await start
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(began.length, 256 + 16)
  assert.equal(queue.waiting(), 1_000 - 256 - 16)
})

test('a start that has waited for too long is refused, and those behind it are not', async () => {
  const { began, work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), maxRunning: 60_000, maxWait: 100 })
  const first = queue.run(work(1), 'here', 1)
  const second = queue.run(work(2), 'here', 1)
  let answer: boolean | undefined
  void second?.then((isRun) => (answer = isRun))
  await until('the refusal', () => answer, false)
  const third = queue.run(work(3), 'here', 1)
  finish(1)
  await until('the third', () => began.length, 2)
  finish(3)
  assert.deepEqual([await first, await third, began, queue.waiting()], [true, true, [1, 3], 0])
})

test('a start that takes long holds up the others for a while only', async () => {
  const { began, work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), maxRunning: 20 })
  void queue.run(work(1), 'here', 1)
  void queue.run(work(2), 'here', 1)
  assert.deepEqual(began, [1])
  await until('the second', () => began.length, 2)
  finish(1)
  finish(2)
})

/** An engine that admits a user when the test says so. */
const admitting =
  ({ began, work }: Pick<ReturnType<typeof gates>, 'began' | 'work'>) =>
  (memory: Engine): Partial<Engine> => ({
    admitUser: async (...args) => {
      await work(began.length + 1)()
      return memory.admitUser(...args)
    },
  })

test('in a crowd a client waits for its turn, and one beyond the queue gets a `retryAfter`', async () => {
  const restart = mock.method(Timer.prototype, 'restart')
  const { began, work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), waiting: 1, maxRunning: 60_000 })
  const { url } = await assemble(admitting({ began, work }), queue)
  const first = openClient(url, { start: await startOf('a') })
  await until('the first start', () => began.length, 1)
  const second = openClient(url, { start: await startOf('b') })
  await second.opened
  const { code, frame } = await openClient(url, { start: await startOf('c') }).end()
  assert.deepEqual([code, frame['code'], frame['retryable']], [4503, 'unavailable', true])
  assert.ok((frame['retryAfter'] as number) >= 2_000 && (frame['retryAfter'] as number) <= 10_000)
  assert.deepEqual(began, [1])
  // A client may have used most of `startTimeout` before its `start` came. The wait gets a time of its own.
  const restarted = (): unknown[] => restart.mock.calls.map((call) => call.arguments)
  assert.deepEqual(restarted(), [[300_000]])
  finish(1)
  assert.equal((await first.next()).type, 'started')
  await until('the second start', () => began.length, 2)
  // The start that has waited has the whole `startTimeout` of `assemble` from now on.
  assert.deepEqual(restarted(), [[300_000], [300_000]])
  restart.mock.restore()
  finish(2)
  assert.equal((await second.next()).type, 'started')
})

test('a client that leaves while its start waits gives its place to another', async () => {
  const { began, work, finish } = gates()
  const queue = createStartQueue({ atOnce: fixed(1), waiting: 2, maxRunning: 60_000, maxWait: 60_000 })
  const { url } = await assemble(admitting({ began, work }), queue)
  const first = openClient(url, { start: await startOf('a') })
  await until('the first start', () => began.length, 1)
  const left = openClient(url, { start: await startOf('b') })
  await until('a start that waits', () => queue.waiting(), 1)
  const second = openClient(url, { start: await startOf('c') })
  await until('two starts that wait', () => queue.waiting(), 2)
  left.close()
  await until('the place of the one that left', () => queue.waiting(), 1)
  const third = openClient(url, { start: await startOf('d') })
  await until('two starts that wait again', () => queue.waiting(), 2)
  for (const [index, client] of [first, second, third].entries()) {
    await until('its turn', () => began.length, index + 1)
    finish(index + 1)
    assert.equal((await client.next()).type, 'started')
  }
  assert.equal(queue.waiting(), 0)
})

test('a crowd of clients that start at the same moment is let in', async () => {
  const { url } = await startGateway({ limits: { requestsPerSecond: 1_000 } })
  const users = Array.from({ length: 250 }, (_, index) => `user ${index}`)
  const clients = await Promise.all(users.map(async (user) => startAs(url, user)))
  const windows = clients.map(({ started }) => started['reconnectWindow'] as number)
  // Up to 100 sessions may come back at once; beyond them the window is 5 ms for each session.
  assert.equal(windows.filter((window) => window === 0).length > 0, true)
  const last = await startAs(url, 'last')
  assert.equal(last.started['reconnectWindow'], 5 * 251)
})
