import type { EndCode } from '../../../../src/protocol/index.js'
import type { Bench, Case } from '../bench.js'
import { expect } from '../watch.js'

/** Milliseconds for which a client that must not reconnect is watched. */
const QUIET = 1_000
/** Milliseconds by which a timer of the client may fire too early. */
const TOLERANCE = 30
/**
 * Milliseconds for which attempts are counted, and the most attempts that are allowed in that time. A good client waits random
 * times, so once in 100 million runs it makes more attempts.
 */
const BACKOFF_TIME = 5_000
const MAX_ATTEMPTS = 10
/** If each of several clients waits a random part of a window, not all of them connect again within this many milliseconds. */
const EARLY = 200

/** Closes a session, and expects that its client reports the end and does not reconnect. */
const expectOver = async (bench: Bench, closeCode: number, code?: EndCode): Promise<void> => {
  const { gateway, client, connection } = await bench.begin()
  connection.close(closeCode, code)
  const again = `The client connected again after the close code ${closeCode}.`
  const over = await Promise.race([client.reaches('over'), gateway.connection()])
  expect('state' in over, again)
  if (code !== undefined)
    expect(over.code === code, `The client told the code ${String(over.code)}, not ${code}.`)
  await bench.watch.pause(QUIET)
  expect(gateway.attempts.length === 1, again)
}

/** Closes a session, and expects that its client resumes it. */
const expectBack = async (bench: Bench, closeCode: number): Promise<void> => {
  const { gateway, client, connection } = await bench.begin({ resumeKey: 'first' })
  connection.close(closeCode)
  const next = await Promise.race([client.reaches('over'), gateway.connection()])
  expect('start' in next, `The client gave up after the close code ${closeCode}.`)
  expect(next.start.resume?.key === 'first', 'The client did not resume its session.')
}

const each = async (
  codes: readonly number[],
  run: (bench: Bench, code: number) => Promise<void>,
  bench: Bench,
): Promise<void> => {
  await Promise.all(codes.map((code) => run(bench, code)))
}

export const closing: Case[] = [
  {
    name: 'end',
    section: 'closing',
    core: true,
    rule: 'A session that its user ends sends `end`, and does not come back.',
    async run(bench) {
      const { gateway, client, connection } = await bench.begin()
      client.tell({ type: 'end' })
      await connection.next('end')
      connection.close(1000, 'ended')
      await client.reaches('over')
      await bench.watch.pause(QUIET)
      expect(gateway.attempts.length === 1, 'The client connected again after it had ended its session.')
    },
  },
  {
    name: 'end-away',
    section: 'closing',
    core: true,
    rule: 'A session that ends between two connections makes no further attempt.',
    async run(bench) {
      const { gateway, client, connection } = await bench.begin()
      connection.close(4503, 'unavailable', QUIET / 2)
      await client.reaches('reconnecting')
      client.tell({ type: 'end' })
      await client.reaches('over')
      await bench.watch.pause(QUIET)
      expect(gateway.attempts.length === 1, 'The client connected again after it had ended its session.')
    },
  },
  {
    name: 'close-1000',
    section: 'closing',
    core: true,
    rule: 'After 1000 a client is done.',
    run: (bench) => expectOver(bench, 1000, 'ended'),
  },
  {
    name: 'close-44xx',
    section: 'closing',
    core: true,
    rule: 'After 44xx a client gives up, even if it does not know the code.',
    run: (bench) => each([4400, 4404, 4409, 4410, 4413, 4499], expectOver, bench),
  },
  {
    name: 'close-permanent',
    section: 'closing',
    core: true,
    rule: 'After 1002, 1003, 1007, 1008, 1009 and 1010 a client gives up.',
    run: (bench) => each([1002, 1003, 1007, 1008, 1009, 1010], expectOver, bench),
  },
  {
    name: 'close-code',
    section: 'closing',
    core: true,
    rule: 'The `ended` frame before a close says why the session is over.',
    run: (bench) => expectOver(bench, 4403, 'origin-refused'),
  },
  {
    name: 'close-others',
    section: 'closing',
    core: true,
    rule: 'After 45xx, and after a code that no other rule names, a client resumes its session.',
    run: (bench) => each([4503, 4508, 4529, 4599, 1001, 1011, 4000], expectBack, bench),
  },
  {
    name: 'retry-after',
    section: 'closing',
    core: true,
    rule: 'With a `retryAfter` the next attempt comes no earlier.',
    async run(bench) {
      const wait = 1_500
      const { gateway, connection } = await bench.begin()
      const at = performance.now()
      connection.close(4503, 'unavailable', wait)
      const waited = (await gateway.begin()).at - at
      expect(
        waited >= wait - TOLERANCE,
        `The client connected again after ${Math.round(waited)} ms, not ${wait}.`,
      )
    },
  },
  {
    name: 'backoff',
    section: 'closing',
    core: true,
    rule: 'A client whose attempts fail tries again and again, less and less often.',
    async run(bench) {
      const gateway = await bench.scriptedGateway()
      bench.start(gateway)
      gateway.refuse = () => gateway.attempts.length > 1
      const first = await gateway.connection()
      first.cut()
      await bench.watch.pause(BACKOFF_TIME)
      // In one attempt a client may open both a WebSocket and a stream.
      const kinds = ['websocket', 'stream'].map((kind) => gateway.attempts.filter((one) => one.kind === kind))
      const length = Math.max(...kinds.map((attempts) => attempts.length))
      expect(length <= MAX_ATTEMPTS, `The client made ${length} attempts in ${BACKOFF_TIME / 1_000} s.`)
      gateway.refuse = () => false
      await gateway.begin()
    },
  },
  {
    name: 'reconnect-window',
    section: 'closing',
    core: false,
    rule: 'After a loss without a word the first attempt waits a random part of `reconnectWindow`.',
    async run(bench) {
      // A visible page may wait a random part of only the window's first 2 s. So once in a million runs six good clients are all early.
      const window = 3_000
      const waits = await Promise.all(
        Array.from({ length: 6 }, async () => {
          const { gateway, connection } = await bench.begin({ reconnectWindow: window })
          const at = performance.now()
          connection.cut()
          return (await gateway.begin()).at - at
        }),
      )
      expect(
        Math.max(...waits) >= EARLY,
        `Six clients all connected again within ${Math.round(Math.max(...waits))} ms.`,
      )
    },
  },
]
