// The machine's clock is set while the gateway runs. `Date.now` jumps for everything in this process.
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { openClient, startAs, roundTrip } from '../../support/raw-client.js'
import { until } from '../../support/until.js'
import { startGateway } from '../../support/gateway.js'
import { startOf, resumeOf } from '../../support/starts.js'
import { tokenFor } from '../../support/tokens.js'

const HOUR = 3_600_000

const now = Date.now.bind(Date)
let skew = 0
mock.method(Date, 'now', () => now() + skew)

/** Runs `body` after a jump of the clock, which is undone afterwards. */
const jumped = async (milliseconds: number, body: () => Promise<void>): Promise<void> => {
  skew += milliseconds
  try {
    await body()
  } finally {
    skew -= milliseconds
  }
}

const startWith = async (url: string, expiresIn: number | null) =>
  startAs(url, 'ada', { token: await tokenFor('ada', { expiresIn }) })

test('a clock that is set an hour forward ends the sessions whose token has expired by it, and no other', async () => {
  const { url, lines } = await startGateway()
  const [short, long, endless] = [
    await startWith(url, 1_800),
    await startWith(url, 7_200),
    await startWith(url, null),
  ]
  await jumped(HOUR, async () => {
    assert.equal((await short.end()).code, 4102)
    await roundTrip(long)
    await roundTrip(endless)
    const resumed = await startAs(url, 'ada', resumeOf(long.started, 0))
    assert.equal(resumed.started['resumed'], true)
  })
  const jumps = () => lines.filter((line) => line.includes("machine's clock was set"))
  await until('both jumps are logged', () => jumps().length, 2)
  assert.deepEqual(
    jumps().map((line) => Math.round((JSON.parse(line) as { milliseconds: number }).milliseconds / HOUR)),
    [1, -1],
  )
})

test('a clock that is set an hour back keeps no token alive', async () => {
  const { url } = await startGateway()
  const client = await startWith(url, 2)
  await jumped(-HOUR, async () => {
    client.send({ type: 'token', token: await tokenFor('ada', { expiresIn: 0.001 }) })
    assert.equal((await client.next('refused'))['code'], 'unauthenticated')
    assert.equal((await client.end()).code, 4102)
  })
})

test('a clock that is set an hour back stops no start timeout, and one that is set forward triggers none', async () => {
  const { url } = await startGateway({}, { startTimeout: 1.5 })
  const silent = openClient(url)
  await silent.opened
  await jumped(-HOUR, async () => {
    assert.equal((await silent.end()).code, 4508)
  })
  const slow = openClient(url)
  await slow.opened
  await jumped(HOUR, async () => {
    slow.send(await startOf('ada', { token: await tokenFor('ada') }))
    assert.equal((await slow.next()).type, 'started')
  })
})
