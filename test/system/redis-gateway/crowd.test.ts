// The clients of a gateway that was killed come to another one. Users who are there already don't notice.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'
import { openClient, startClient, type Client, type Frame } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'
import { appId, secret, tokenFor } from '../../support/tokens.js'

const CROWD = 2_000
const HONEST = 20

const { url } = await standalone()
const prefix = `${randomUUID()}:`
const config = (): Partial<GatewayConfig> => ({
  engine: { type: 'redis', url, prefix },
  // All clients of this test have one address.
  limits: { connectionsPerSecondPerAddress: 100_000 },
  apps: { [appId]: { environment: 'test', secrets: [secret], limits: { messagesPerSecond: 1_000 } } },
})

/** A client that starts again as `ended` says, until its session has started. */
const startAgain = async (
  endpoint: string,
  start: unknown,
): Promise<Client & { started: Frame; tries: number }> => {
  for (let tries = 1; ; tries++) {
    const client = openClient(endpoint, { start })
    const first = await client.next()
    if (first.type === 'started') return { ...client, started: first, tries }
    assert.deepEqual([first.type, first['code'], first['retryable']], ['ended', 'unavailable', true])
    const retryAfter = Number(first['retryAfter'])
    assert.ok(retryAfter > 0, 'a start that is refused says when to try again')
    await new Promise((resolve) => setTimeout(resolve, retryAfter))
  }
}

/** Sends messages to itself, each when the one before is acknowledged, until `signal` aborts. */
const converse = async (client: Client, userId: string, signal: AbortSignal): Promise<number[]> => {
  const times: number[] = []
  while (!signal.aborted) {
    const since = performance.now()
    client.send({ type: 'send', id: String(times.length), to: userId, body: 'hello' })
    const sent = await client.next('sent')
    assert.equal(sent['id'], String(times.length))
    times.push(performance.now() - since)
  }
  return times
}

const percentile = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? NaN

test('the crowd of a killed gateway resumes elsewhere, and the sessions there go on', async (context) => {
  const [dying, other] = [await gatewayProcess(config()), await gatewayProcess(config())]
  await Promise.all([dying.start(), other.start()])
  const crowd = await Promise.all(
    Array.from({ length: CROWD }, async (_, n) => {
      const start = { type: 'start', appId, token: await tokenFor(`crowd ${n}`) }
      return { start, client: await startAgain(dying.endpoint, start) }
    }),
  )
  const calm = new AbortController()
  const honest = await Promise.all(
    Array.from({ length: HONEST }, async (_, n) => {
      const userId = `honest ${n}`
      const client = await startClient(other.endpoint, {
        type: 'start',
        appId,
        token: await tokenFor(userId),
      })
      return { userId, client }
    }),
  )
  const before = honest.map(({ client, userId }) => converse(client, userId, calm.signal))
  await until('calm figures', () => honest.every(({ client }) => client.frames.length > 50))
  calm.abort()
  const calmTimes = (await Promise.all(before)).flat()

  const busy = new AbortController()
  const during = honest.map(({ client, userId }) => converse(client, userId, busy.signal))
  await dying.stop('SIGKILL')
  await Promise.all(crowd.map(({ client }) => client.closed))
  const since = performance.now()
  const resumed = await Promise.all(
    crowd.map(({ start, client }) => {
      const { resumeKey: key, epoch, offset } = client.started
      return startAgain(other.endpoint, { ...start, resume: { key, epoch, offset } })
    }),
  )
  const took = performance.now() - since
  busy.abort()
  const busyTimes = (await Promise.all(during)).flat()
  assert.equal(resumed.filter(({ started }) => started['resumed'] === true).length, CROWD)
  for (const { client } of honest) assert.equal(client.socket.readyState, 1)
  const figures = [calmTimes, busyTimes].map((times) =>
    [0.5, 0.99].map((share) => percentile(times, share).toFixed(1)),
  )
  context.diagnostic(
    `${CROWD} resumed in ${(took / 1_000).toFixed(1)} s, with up to ${Math.max(...resumed.map(({ tries }) => tries))} tries each; ` +
      `a send took ${figures.map(([p50, p99]) => `${p50} ms (p99 ${p99})`).join(', then ')}`,
  )
  for (const client of resumed) client.close()
})
