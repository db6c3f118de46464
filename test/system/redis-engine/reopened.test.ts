import assert from 'node:assert/strict'
import { it } from 'node:test'
import { redisSource } from '../../../src/engine/redis/transfer/source.js'
import { ada, bodies, bob, newMessage, rules } from '../../../src/engine/suite/kit.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'

const server = await standalone()
const { url } = server

it('opens again while calls of the opening before still run', { timeout: 10_000 }, async () => {
  const engine = await redisEngines(() => ({ type: 'single', url })).create()
  await engine.open()
  const sent = engine.send(newMessage(), rules())
  const closed = engine.close()
  const opened = engine.open()
  // The engine waits already for the calls to close.
  await Promise.resolve()
  await Promise.resolve()
  const user = engine.user(ada)
  assert.equal((await sent).outcome, 'stored')
  await Promise.all([closed, opened, user])
  assert.deepEqual(await bodies(engine, bob), ['Hello'])
  await engine.close()
})

it('refuses data of another format, and leaves them as they are', async () => {
  const engine = redisEngines(() => ({ type: 'single', url })).createWith('other:')
  await engine.open()
  await engine.close()
  const [key = ''] = (await server.command('keys', 'other:*:epochs')).split('\n')
  await server.command('set', key, 'a secret of the first format')
  await assert.rejects(engine.open(), /^EngineError: This Redis has data of another version of chat-session/)
  const copy = async (): Promise<void> => {
    const pages = redisSource({ server: { type: 'single', url }, prefix: 'other:' }, 1_000)
    for await (const page of pages) assert.fail(JSON.stringify(page))
  }
  await assert.rejects(copy, /The Redis of --from has data of another version/)
  assert.equal(await server.command('get', key), 'a secret of the first format')
})
