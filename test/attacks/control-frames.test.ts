// Pings and pongs of the WebSocket protocol, which a server answers or drops by itself: they must not be free.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient, startClient, within } from '../support/raw-client.js'
import { runGateway, startOf } from '../gateway/support.js'

const { url } = await runGateway({ limits: { bytesPerSecond: 1_024 } })

for (const kind of ['ping', 'pong'] as const) {
  test(`a WebSocket ${kind} now and then is no matter, before a start and in a session`, async () => {
    const client = openClient(url)
    await client.opened
    client.socket[kind]()
    client.send(await startOf(`few ${kind}s`))
    await client.next('started')
    for (let count = 0; count < 5; count += 1) client.socket[kind]()
    client.send({ type: 'end' })
    assert.equal((await client.end()).code, 1000)
  })
}

test('a flood of WebSocket pongs before a start ends as too-large', async () => {
  const client = openClient(url)
  await client.opened
  for (let count = 0; count < 5_000; count += 1) client.socket.pong()
  assert.equal((await client.end()).frame['code'], 'too-large')
})

test('a flood of WebSocket pongs in a session ends as rate-limited', async () => {
  const client = await startClient(url, await startOf('many pongs'))
  for (let count = 0; count < 5_000; count += 1) client.socket.pong()
  assert.equal((await client.end()).frame['code'], 'rate-limited')
})

test('a flood of WebSocket pings, each of which is to be answered, is cut, before a start and in a session', async () => {
  for (const start of [undefined, await startOf('many pings')]) {
    const client = openClient(url, { start })
    await client.opened
    for (let count = 0; count < 5_000; count += 1) client.socket.ping()
    await within(client.closed, 'close')
  }
})
