// Bodies that take long, too many calls at once, and a gateway on a server of the application.
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { createMemoryEngine, type AppUsage } from '../../../../src/engine/index.js'
import { calls } from '../../../../src/gateway/rest/calls/calls.js'
import { readBody } from '../../../../src/gateway/rest/request.js'
import { attachGateway, startGateway, testApp } from '../../../support/gateway.js'
import { until } from '../../../support/until.js'
import { restOf, statusAndCode } from '../../../support/rest/rest-calls.js'

const sendMessage = calls.find(({ id }) => id === 'sendMessage')
assert.ok(sendMessage)

/** A request whose body is what is written to it. */
const openRequest = (): PassThrough & IncomingMessage => {
  const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
  return Object.assign(new PassThrough(), { headers }) as unknown as PassThrough & IncomingMessage
}

test('a body that takes more than 10 seconds is refused', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const request = openRequest()
  const body = readBody(sendMessage, request)
  request.write('{"body":')
  mock.timers.tick(9_999)
  request.write('"x"')
  mock.timers.tick(1)
  await assert.rejects(body, { code: 'bad-request', message: /10 s/, headers: { connection: 'close' } })
  assert.equal(request.listenerCount('data'), 0)
})

test('the body of a client that has left is not waited for', async () => {
  const request = openRequest()
  request.destroy()
  await new Promise((resolve) => request.once('close', resolve))
  await assert.rejects(readBody(sendMessage, request), { code: 'bad-request', message: /to its end/ })
})

test('64 calls of an app run at once, 1000 wait, and the next is unavailable', async () => {
  const engine = createMemoryEngine()
  const { usage: usageOf } = engine
  const waiting: ((usage: AppUsage) => void)[] = []
  let most = 0
  engine.usage = (appId) =>
    appId === 'app'
      ? new Promise((resolve) => (most = Math.max(most, waiting.push(resolve))))
      : usageOf.call(engine, appId)
  const limits = { restPerSecond: 1_000_000 }
  const otherSecret = 'the secret of another app, 32 bytes'
  const { url } = await startGateway(
    {},
    {
      apps: {
        app: testApp({ limits }),
        other: testApp({ limits, secrets: [otherSecret], signatureSecrets: [] }),
      },
    },
    { engine },
  )
  const rest = restOf(url)
  let refused = 0
  const answers = Array.from({ length: 1_100 }, async () => {
    const answer = await rest('GET', '/usage')
    if (answer.status === 503) refused += 1
    return answer
  })
  await until('the calls beyond the limit are refused', () => refused === 1_100 - 1_064)
  assert.equal(most, 64)
  assert.equal((await restOf(url, { app: 'other', key: otherSecret })('GET', '/usage')).status, 200)
  const usage = { users: 0, guests: 0, inboxes: 0, bytes: 0, sessions: 0 }
  const all = Promise.all(answers)
  let isDone = false
  void all.then(() => (isDone = true))
  await until('the calls that wait are answered', () => {
    for (const resolve of waiting.splice(0)) resolve(usage)
    return isDone
  })
  const codes = new Set((await all).map((answer) => String(statusAndCode(answer))))
  assert.deepEqual([...codes].sort(), ['200,', '503,unavailable'])
})

test('a gateway on the application’s own server serves the calls, and leaves other paths alone', async () => {
  const { url } = await attachGateway({}, {}, { site: (_, response) => response.end('"the site"') })
  const rest = restOf(url)
  assert.equal((await rest('PUT', '/users/ann', { name: 'Ann' })).status, 201)
  assert.equal((await rest('GET', '/v1/openapi.json')).status, 200)
  assert.deepEqual(statusAndCode(await rest('GET', '/nothing')), [404, 'not-found'])
  assert.equal(await (await fetch(`${url}/v1/other`)).text(), '"the site"')
})
