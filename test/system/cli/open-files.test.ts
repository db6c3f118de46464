// A gateway process with a low limit of open files.
import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../support/processes/command-line.js'
import { assertServed, openRaw, startClient, type Client } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { startOf } from '../../support/starts.js'
import { secret } from '../../support/tokens.js'

const folder = scratchFolder()

/** Returns a program that runs Node with at most `openFiles` open files. */
const nodeWith = async (openFiles: number): Promise<string> => {
  const file = join(folder, `node-${openFiles}`)
  await writeFile(file, `#!/bin/sh\nulimit -n ${openFiles} && exec '${process.execPath}' "$@"\n`)
  await chmod(file, 0o755)
  return file
}

const startAll = async (url: string, users: string[]): Promise<Client[]> => {
  const clients: Client[] = []
  for (const user of users) clients.push(await startClient(url, await startOf(user)))
  return clients
}

test('with few open files, idle strangers leave enough for users and the engine', async () => {
  const file = join(folder, 'config.json')
  const config = {
    listen: { port: 0 },
    startTimeout: 300,
    engine: { type: 'embedded', path: join(folder, 'data') },
    apps: { app: { environment: 'test', secrets: [secret] } },
  }
  await writeFile(file, JSON.stringify(config))
  const gateway = run(['serve', '--config', file], {}, folder, await nodeWith(128))
  const url = await gateway.url()
  const honest = await startAll(url, ['a', 'b', 'c'])
  await assertServed(honest, 'before')
  const silent = await Promise.all(Array.from({ length: 200 }, () => openRaw(url)))
  const newcomers = await startAll(url, ['d', 'e'])
  await assertServed([...honest, ...newcomers], 'beside')
  for (const { socket } of silent) socket.destroy()
  gateway.child.kill('SIGTERM')
  assert.equal((await gateway.outcome).code, 0)
})

test('the default of limits.connections is three quarters of the open-file limit', async () => {
  const parse = new URL('../../../dist/gateway/config/parse.js', import.meta.url)
  const script = join(folder, 'limit.mjs')
  await writeFile(
    script,
    `import { parseConfig } from ${JSON.stringify(parse.href)}
    console.log(parseConfig({ apps: { a: { environment: 'test' } } }, {}).config.limits.connections)`,
  )
  const { stdout } = await run([], {}, folder, await nodeWith(1_000), script).outcome
  assert.equal(stdout, '750\n')
})
