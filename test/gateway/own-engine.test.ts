import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startClient } from '../support/raw-client.js'
import { createSimpleEngine } from '../support/simple-engine.js'
import { startOf } from '../support/starts.js'
import { startGateway } from '../support/gateway.js'

test('a gateway runs on an engine that is passed to it, and closes it', async () => {
  const errors: unknown[] = []
  const engine = createSimpleEngine((error) => errors.push(error))
  const { gateway, url } = await startGateway({}, {}, { engine })
  const ada = await startClient(url, await startOf('ada'))
  const bob = await startClient(url, await startOf('bob'))
  ada.send({ type: 'send', id: 'one', to: 'bob', body: 'Hello' })
  assert.equal((await bob.next('message'))['body'], 'Hello')
  assert.equal((await ada.next('sent'))['id'], 'one')
  assert.equal((await engine.sessions({ appId: 'app', userId: 'ada' })).length, 1)
  await gateway.close()
  await assert.rejects(engine.key(), { code: 'unavailable' })
  assert.deepEqual(errors, [])
})

test('a gateway process does not load the suite of engines', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-modules-'))
  after(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'chat.json')
  const engine = { type: 'memory' }
  await writeFile(
    config,
    JSON.stringify({ listen: { port: 0 }, engine, apps: { app: { environment: 'test' } } }),
  )
  const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
  // With coverage on, Node writes the address of every module that a process has loaded.
  const coverage = join(folder, 'coverage')
  const gateway = spawn(process.execPath, [main, 'serve', '--config', config], {
    env: { ...process.env, NODE_V8_COVERAGE: coverage },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  after(() => gateway.kill('SIGKILL'))
  const exited = once(gateway, 'exit')
  const [line] = (await once(createInterface(gateway.stdout), 'line')) as [string]
  assert.match(line, /^listening on http/)
  gateway.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  const loaded = new Set<string>()
  for (const name of await readdir(coverage)) {
    const { result } = JSON.parse(await readFile(join(coverage, name), 'utf8')) as {
      result: { url: string }[]
    }
    for (const { url } of result) loaded.add(url)
  }
  const ofEngine = [...loaded].filter((url) => url.includes('/dist/engine/'))
  assert.ok(ofEngine.some((url) => url.includes('/dist/engine/single-process/single-process-engine')))
  assert.deepEqual(
    ofEngine.filter((url) => url.includes('/suite/')),
    [],
  )
})
