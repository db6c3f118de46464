// Streams of two gateways on one Redis: a post may come to either.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { startGateway } from '../../support/gateway.js'
import { startClient } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { startOf } from '../../support/starts.js'
import { ask, startStream } from '../../support/clients/stream-client.js'

const server = await standalone()
const prefix = `${randomUUID()}:`
const start = () =>
  startGateway(
    { origins: ['https://shop.example'], limits: { bytesPerSecond: 20_000 } },
    { engine: { type: 'redis', url: server.url, prefix } },
  )
const [a, b] = [await start(), await start()]

const codeOf = ({ body }: { body: string }): unknown => (JSON.parse(body) as { code: unknown }).code

test('posts reach the gateway that has the stream, wherever they come', async () => {
  const ada = await startStream(a.url, await startOf('ada'), { postsTo: b.url })
  const bob = await startClient(b.url, await startOf('bob'))
  for (const id of ['1', '2', '3']) {
    assert.equal((await ada.send({ type: 'send', id, to: 'bob', body: id })).status, 204)
    assert.equal((await ada.next('sent'))['id'], id)
    assert.equal((await bob.next('message'))['body'], id)
  }
  // The same post comes to both gateways at once, twice to each.
  const body = { stream: ada.id, seq: 5, frames: [{ type: 'send', id: '4', to: 'bob', body: '4' }] }
  const answers = await Promise.all([a, b, a, b].map(({ url }) => ask(`${url}/v1/session/frames`, body)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [204, 204, 204, 204],
  )
  assert.equal((await bob.next('message'))['body'], '4')
  assert.equal((await ada.next('sent'))['id'], '4')
  // Another answer to the post would come before this message.
  bob.send({ type: 'send', id: '5', to: 'ada', body: '5' })
  assert.equal((await ada.next('message'))['body'], '5')
  assert.equal(ada.frames.filter(({ id, type }) => type === 'sent' && id === '4').length, 1)
  ada.cut()
  bob.close()
})

test('the other gateway answers as the first one does: a gap, an origin, a malformed post, the end', async () => {
  const ada = await startStream(a.url, await startOf('ada'), { postsTo: b.url, pongs: false })
  const pong = { type: 'pong' }
  const post = (changes: object, headers: Record<string, string> = {}) =>
    ada.post({ stream: ada.id, seq: 1, frames: [pong], ...changes }, { headers })
  assert.equal((await post({ seq: 2 })).status, 404)
  const refused = await post({}, { origin: 'https://evil.example' })
  assert.deepEqual([refused.status, codeOf(refused)], [403, 'refused'])
  assert.equal((await post({ frames: [] })).status, 400)
  assert.equal((await post({}, { origin: 'https://shop.example' })).status, 204)
  assert.equal((await post({ seq: 2, frames: [{ type: 'end' }] })).status, 204)
  assert.equal((await ada.end()).code, 1000)
  const ended = await post({ seq: 3 })
  assert.deepEqual([ended.status, codeOf(ended)], [404, 'not-found'])
})

test('a post waits at the other gateway too while its user sends too fast', async () => {
  const ada = await startStream(a.url, await startOf('eve'), { postsTo: b.url, pongs: false })
  const frames = ['a', 'b', 'c'].map((id) => ({ type: 'send', id, to: 'bob', body: 'x'.repeat(13_000) }))
  let isAnswered = false
  const posted = ada.post({ stream: ada.id, seq: 1, frames }).finally(() => (isAnswered = true))
  for (const id of ['a', 'b', 'c']) assert.equal((await ada.next('sent'))['id'], id)
  assert.equal(isAnswered, false)
  assert.equal((await posted).status, 204)
  ada.cut()
})

test('a gateway that has gone has no streams, and while Redis is away a post is 503', async () => {
  const other = await start()
  const ada = await startStream(other.url, await startOf('ada'), { postsTo: a.url })
  await ada.send({ type: 'pong' })
  await other.close()
  await ada.closed
  assert.equal((await ada.send({ type: 'pong' })).status, 404)
  const bob = await startStream(b.url, await startOf('bob'), { pongs: false })
  await server.kill()
  const post = { stream: bob.id, seq: 1, frames: [{ type: 'pong' }] }
  const { status, headers, body } = await ask(`${a.url}/v1/session/frames`, post)
  assert.deepEqual([status, headers['retry-after'], codeOf({ body })], [503, '1', 'unavailable'])
  // The gateway that has the stream needs no Redis to take it.
  assert.equal((await ask(`${b.url}/v1/session/frames`, post)).status, 204)
  bob.cut()
})
