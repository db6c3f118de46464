// An inbox may lack a message between two others, as one that was deleted by hand.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { bob, deliver } from '../../../src/engine/suite/kit.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'

const server = await standalone()
const engines = redisEngines(() => ({ type: 'single', url: server.url }))

it('knows whom the messages around a hole are with', async () => {
  const engine = engines.createWith('holes:')
  await engine.open()
  try {
    for (const from of ['ada', 'cy', 'dan', 'ada', 'eve']) await deliver(engine, { from })
    const [inbox = ''] = (await server.command('keys', `holes:*inbox*bob*`)).split('\n')
    for (const id of ['1-1', '3-1']) assert.equal((await server.command('xdel', inbox, id)).trim(), '1')
    assert.deepEqual(
      (await engine.exchanges(bob, ['ada', 'cy', 'dan', 'eve'])).map(({ received }) => received),
      [true, true, false, true],
    )
    const { peers = [] } = (await engine.peers(bob, null, 10)) ?? {}
    assert.deepEqual(
      peers.map(({ id, newest }) => [id, newest.offset]),
      [
        ['eve', 5],
        ['ada', 4],
        ['cy', 2],
      ],
    )
  } finally {
    await engine.close()
  }
})
