// Three gateways behind HAProxy, with deploy/haproxy.cfg, are replaced one after the other by another version, under load.
import assert from 'node:assert/strict'
import { appendFileSync, cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { standalone } from '../../support/redis/server.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { startCrowd } from './chat-user.js'
import { gatewayNode } from './gateway-nodes.js'
import { startHAProxy } from './haproxy.js'
import { startWebhookLog } from './webhook-log.js'

const USERS = ['ann', 'bob', 'cid', 'dora', 'eve', 'fay']
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Copies the build, and changes a comment of the scripts: Redis knows them by other hashes. Returns the path of its command line. */
const otherBuild = (): string => {
  const folder = scratchFolder()
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  appendFileSync(join(folder, 'dist/engine/redis/library.lua'), '-- Another version.\n')
  return join(folder, 'dist/cli/main.js')
}

test('a deployment of another version behind HAProxy ends no session, and loses, doubles and reorders no message', async (context) => {
  const redis = await standalone()
  const webhooks = await startWebhookLog()
  const engine = { type: 'redis', url: redis.url } as const
  const program = otherBuild()
  const nodes = await Promise.all(
    ['a', 'b', 'c'].map((name) => gatewayNode({ name, engine, webhooks, program })),
  )
  await Promise.all(nodes.map((node) => node.start()))
  const { url, ca } = await startHAProxy(nodes.map(({ port }) => port))
  const crowd = await startCrowd(url, USERS, ca)
  for (const node of nodes) {
    node.setProgram(undefined)
    assert.equal(await node.stop('SIGTERM'), 0)
    await node.start()
    const before = crowd.acknowledged()
    await until('messages are acknowledged', () => crowd.acknowledged() > before + 50)
    context.diagnostic(`${node.name} has the new version`)
  }
  const { count } = await crowd.finish()
  context.diagnostic(`${count} messages`)
  assert.deepEqual(webhooks.events('session.ended'), [])
  await until('the starts are reported', () => webhooks.events('session.started').length >= USERS.length)
  assert.equal(webhooks.events('session.started').length, USERS.length)
  await Promise.all(crowd.users.map((user) => user.end()))
})
