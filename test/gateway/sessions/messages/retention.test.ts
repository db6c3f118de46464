// Old messages are deleted from a gateway's folder while no message is sent.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { startAs } from '../../../support/raw-client.js'
import { scratchFolder } from '../../../support/scratch-folder.js'
import { until } from '../../../support/until.js'
import { startGateway } from '../../../support/gateway.js'

test('after a restart messages that are too old are deleted, though none is sent', async () => {
  const engine = { type: 'embedded', path: scratchFolder() } as const
  const before = await startGateway({}, { engine })
  for (const body of ['one', 'two']) await before.gateway.publish({ appId: 'app', to: 'ada', body })
  await before.gateway.close()
  const { url } = await startGateway({ retention: { days: 1e-9 } }, { engine })
  const client = await startAs(url, 'ada')
  const { epoch, offset } = client.started
  assert.equal(offset, 2)
  await until('an empty inbox', async () => {
    client.send({ type: 'history', id: 'h', epoch })
    return ((await client.next('history'))['messages'] as unknown[]).length === 0
  })
})

test('an error in the engine’s background jobs is logged', async () => {
  const path = scratchFolder()
  const engine = { type: 'embedded', path } as const
  const before = await startGateway({}, { engine })
  await before.gateway.close()
  const level = new ClassicLevel(path)
  await level.put('inbox\0app\0ada', 'no JSON')
  await level.close()
  const { lines } = await startGateway({}, { engine })
  await until('a line of the log', () =>
    lines.some((line) => line.includes("The engine's store can't be read")),
  )
})
