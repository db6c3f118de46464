import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { startClient, startProtocol, within, type Frame } from '../../support/raw-client.js'
import { appId, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'
import { forkModule } from './fork-module.js'
import type { Order, State } from './slow-reader-gateway.js'

const MISSED = 100_000
/** Messages that are sent while the reader does not read. */
const MORE = 100
/** How many polls in a row must find that the gateway reads no further. */
const STILL = 20

test(`${MISSED} missed messages reach a slow reader in order while more arrive, and the gateway reads them from the engine only as the client reads`, async () => {
  const gateway = forkModule(new URL('slow-reader-gateway.ts', import.meta.url))
  const execute = async (order: Order): Promise<State> => {
    gateway.send(order)
    const [state] = (await within(once(gateway, 'message'), 'reply of the gateway', 120_000)) as [State]
    return state
  }
  const { url } = await execute('state')
  const start = { type: 'start', appId, token: await tokenFor('ada') }
  const known = await startClient(url, start)
  const { resumeKey: key, epoch } = known.started
  known.close()
  await execute({ do: 'fill', count: MISSED })

  const reader = new WebSocket(`${url.replace('http', 'ws')}/v1/session`, [
    'chat-session.v1',
    startProtocol({ ...start, resume: { key, epoch, offset: 0 } }),
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
  await until('the sockets take no more', async () => {
    const { held, pulled } = await execute('state')
    looks = held > 0 && pulled === before ? looks + 1 : 0
    before = pulled
    return looks === STILL
  })
  const { held, pulled } = await execute({ do: 'send', count: MORE })
  // The gateway may have been reading a page when the sockets became full.
  assert.ok(pulled <= before + 64, `${pulled - before} were read before the client read them`)
  assert.ok(pulled < MISSED / 4, `${pulled} were read before the client read them`)
  assert.ok(held < 64_000, `${held} bytes were held`)
  reader.resume()
  await within(all, 'end of the messages', 300_000)
  reader.terminate()
})
