// A mark in an inbox of large messages goes by steps: Redis serves others between them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ada, bob, rules } from '../../../../src/engine/suite/kit.js'
import { createRedisEngine } from '../../../../src/engine/redis/redis-engine.js'
import { standalone } from '../../../support/redis/server.js'

const MESSAGES = 300
const body = 'x'.repeat(16_000)
/** How many bytes of messages one step may read: the last chunk of 16 begins below a quarter of a megabyte. */
const MAX_BYTES = 2 * 262_144

test('a step of a mark reads some 500 kB of messages at most', async () => {
  const server = await standalone()
  const engine = createRedisEngine({ server: { type: 'single', url: server.url } })
  await engine.open()
  /** How often scripts have read entries of inboxes. */
  const steps = async (name: string): Promise<number> =>
    Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await server.command('info', 'commandstats'))?.[1])
  try {
    for (let n = 0; n < MESSAGES; n++)
      await engine.send(
        { appId: ada.appId, id: `${n}`, from: n % 2 === 0 ? 'cy' : ada.userId, to: bob.userId, body },
        rules(),
      )
    const { epoch } = await engine.inbox(bob)

    // The newest message from Cy is the last but one, so each of Cy's is looked at.
    const before = await steps('fcall')
    const marked = await engine.markPeerRead(bob, 'cy', { epoch, offset: MESSAGES - 1 })
    assert.deepEqual(marked?.peer, { id: 'cy', unread: 0, readOffset: MESSAGES - 1 })
    assert.equal(marked.inbox.unread, MESSAGES / 2)
    const calls = (await steps('fcall')) - before
    assert.ok(calls >= (MESSAGES * body.length) / MAX_BYTES, `${calls} calls`)

    const reads = await steps('xrange')
    await engine.markPeerRead(bob, ada.userId, { epoch, offset: 2 })
    assert.ok((await steps('xrange')) - reads <= 4, 'it reads no further than to the first unread message')
    const last = await steps('fcall')
    assert.equal((await engine.markRead(bob, { epoch, offset: MESSAGES - 1 }))?.unread, 1)
    assert.ok((await steps('fcall')) - last >= (MESSAGES * body.length) / MAX_BYTES)
  } finally {
    await engine.close()
  }
})
