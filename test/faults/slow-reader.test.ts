import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { assemble } from '../gateway/assemble.js'
import { until } from '../support/until.js'
import { startOf } from '../gateway/support.js'
import { startClient, startProtocol, within, type Frame } from '../support/raw-client.js'

const MISSED = 100_000
/** Messages that are sent while the reader does not read. */
const MORE = 100
/** How many polls in a row must find that the gateway reads no further. */
const STILL = 20

const rules = {
  sendWindow: 3_600_000,
  retention: { messages: 1_000_000, age: 3_600_000, bytes: 1e9 },
  unknownRecipients: true,
  unreadPerSender: 1,
  quota: { inboxes: 10, bytes: 1e9 },
}

test(`${MISSED} missed messages reach a slow reader in order while more arrive, and the gateway reads them from the engine only as the client reads`, async () => {
  /** Messages that the gateway has read from the engine. */
  let pulled = 0
  const { url, engine, held } = await assemble((engine) => ({
    async messagesAfter(of, position, limit) {
      const page = await engine.messagesAfter(of, position, limit)
      pulled += page.messages.length
      return page
    },
  }))
  const known = await startClient(url, await startOf('ada'))
  const { resumeKey: key, epoch } = known.started
  known.close()
  const body = 'x'.repeat(500)
  let count = 0
  const send = () => engine.send({ appId: 'app', id: `${++count}`, from: null, to: 'ada', body }, rules)
  while (count < MISSED) await Promise.all(Array.from({ length: 500 }, send))

  const start = await startOf('ada', { resume: { key, epoch, offset: 0 } })
  const reader = new WebSocket(`${url.replace('http', 'ws')}/v1/session`, [
    'chat-session.v1',
    startProtocol(start),
  ])
  let seen = 0
  const all = new Promise<void>((resolve) =>
    reader.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame
      if (frame.type !== 'message') return
      assert.equal(frame['offset'], ++seen)
      if (seen === MISSED + MORE) resolve()
    }),
  )
  await once(reader, 'open')
  reader.pause()
  let before = -1
  let looks = 0
  // A socket may be full for a moment. The socket of a client that does not read stays full.
  await until('the sockets take no more', () => {
    looks = held() > 0 && pulled === before ? looks + 1 : 0
    before = pulled
    return looks === STILL
  })
  let most = 0
  for (let more = 0; more < MORE; more++) {
    await send()
    most = Math.max(most, held())
    await turn()
  }
  // The gateway may have been reading a page when the sockets became full.
  assert.ok(pulled <= before + 64, `${pulled - before} were read before the client read them`)
  assert.ok(pulled < MISSED / 4, `${pulled} were read before the client read them`)
  assert.ok(most < 64_000, `${most} bytes were held`)
  reader.resume()
  await within(all, 'end of the messages', 300_000)
  reader.terminate()
})
