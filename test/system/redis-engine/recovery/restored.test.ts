// The restore of docs/SCALING.md.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { createRedisEngine } from '../../../../src/engine/redis/redis-engine.js'
import { rules } from '../../../../src/engine/suite/kit.js'
import { standalone } from '../../../support/redis/server.js'

test('after the key of the epochs is deleted, each inbox has another epoch, and its messages are read as after a loss', async (context) => {
  const server = await standalone()
  const of = { appId: 'shop', userId: 'ada' }
  const engine = createRedisEngine({ server: { type: 'single', url: server.url } })
  context.after(() => engine.close())
  await engine.open()
  await engine.send({ appId: of.appId, id: 'a', from: null, to: of.userId, body: 'kept' }, rules())
  const before = await engine.inbox(of)
  await engine.close()

  const guide = await readFile(new URL('../../../../docs/SCALING.md', import.meta.url), 'utf8')
  const key = /^redis-cli -c del '(.+)'$/m.exec(guide)?.[1] ?? ''
  assert.equal(await server.command('del', key), '1')

  await engine.open()
  const after = await engine.inbox(of)
  assert.notEqual(after.epoch, before.epoch)
  const { messages, lost } = await engine.messagesAfter(of, before, 10)
  assert.deepEqual(
    messages.map(({ body }) => body),
    ['kept'],
  )
  assert.equal(lost, true)
})
