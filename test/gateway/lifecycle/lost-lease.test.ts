import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryEngine, type EngineEvent } from '../../../src/engine/index.js'
import { startGateway } from '../../support/gateway.js'
import { startAs } from '../../support/raw-client.js'

for (const [cause, level, why] of [
  ['taken-over', 'warn', /others took over its sessions/],
  ['data-lost', 'error', /store was emptied/],
] as const)
  test(`after a lost lease (${cause}) clients and the log are told why, and the gateway takes new sessions`, async () => {
    const engine = createMemoryEngine()
    const listen = engine.listen.bind(engine)
    let emit: (event: EngineEvent) => void = () => undefined
    Object.assign(engine, {
      listen: (...[listener, signal]: Parameters<typeof listen>) => listen((emit = listener), signal),
    })
    const { url, lines } = await startGateway({}, {}, { engine })
    const clients = [await startAs(url, 'ada'), await startAs(url, 'bob')]
    emit({ type: 'lease-lost', cause })
    for (const client of clients) {
      const { code, frame } = await client.end()
      assert.deepEqual([code, typeof frame['retryAfter']], [4503, 'number'])
      assert.match(String(frame['message']), why)
    }
    const line = lines
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .find(({ msg }) => why.test(String(msg)))
    assert.deepEqual([line?.['level'], line?.['connections']], [level, 2])
    await startAs(url, 'ada')
  })
