// What idle sessions cost a Redis.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { startGateway } from '../../support/gateway.js'
import { startClient } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { appId, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { restOf } from '../../support/rest/rest-calls.js'

const SESSIONS = 20
const PINGS = 3

/** Milliseconds. A gateway notes that it reaches Redis if the last note is older than this. */
const NOTE_INTERVAL = 2_000

const server = await standalone()

/** How often Redis has run commands that change a user or a session, in scripts and elsewhere. */
const writes = async (): Promise<number> => {
  const stats = await server.command('INFO', 'commandstats')
  const found = stats.matchAll(/^cmdstat_(?:hset|hdel|set|xadd):calls=(\d+)/gm)
  return [...found].reduce((sum, [, count]) => sum + Number(count), 0)
}

test('idle sessions write nothing while they answer pings, and a page that flickers writes little', async () => {
  const engine = { type: 'redis', url: server.url, prefix: `${randomUUID()}:` } as const
  const { url } = await startGateway({}, { engine, pingInterval: 2 })
  const clients = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, n) =>
      startClient(url, { type: 'start', appId, token: await tokenFor(`user${n}`) }),
    ),
  )
  const pings = (): number => {
    const counts = clients.map(({ frames }) => frames.filter(({ type }) => type === 'ping').length)
    return Math.min(...counts)
  }
  // The answer to the first ping is stored: the session's round-trip time.
  const rest = restOf(url)
  await until('each session is stored with its round-trip time', async () => {
    const rows = await Promise.all(clients.map((_, n) => rest('GET', `/users/user${n}/sessions`)))
    return rows.every((row) => /"rtt":\d/.test(JSON.stringify(row)))
  })
  const startedAt = performance.now()
  const [before, pingsBefore] = [await writes(), pings()]
  const notes = (): number => Math.ceil((performance.now() - startedAt) / NOTE_INTERVAL)
  await until('more pings', () => pings() >= pingsBefore + PINGS)
  const whileIdle = (await writes()) - before
  assert.ok(whileIdle <= notes(), `${whileIdle} writes`)

  const [flickering] = clients
  for (let n = 0; n < 100; n++) flickering?.send({ type: 'visibility', hidden: n % 2 === 0 })
  flickering?.send({ type: 'visibility', hidden: true })
  const pingsThen = pings()
  await until('more pings', () => pings() >= pingsThen + PINGS)
  // A step writes the session, and the user if anything about the user changes.
  const written = (await writes()) - before
  assert.ok(written > 0 && written <= 20 + notes(), `${written} writes`)
})
