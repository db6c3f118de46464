// A gateway process with a low limit of open files.
import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../support/processes/command-line.js'
import { writeConfig } from '../../support/processes/write-config.js'
import { assertServed, openRaw, startAll } from '../../support/raw-client.js'
import { scratchFolder } from '../../support/scratch-folder.js'

const folder = scratchFolder()

/** Returns a program that runs Node with at most `openFiles` open files. */
const nodeWith = async (openFiles: number): Promise<string> => {
  const file = join(folder, `node-${openFiles}`)
  await writeFile(file, `#!/bin/sh\nulimit -n ${openFiles} && exec '${process.execPath}' "$@"\n`)
  await chmod(file, 0o755)
  return file
}

test('with few open files, idle strangers leave enough for users and the engine', async () => {
  const engine = { type: 'embedded', path: join(folder, 'data') } as const
  const file = writeConfig({ startTimeout: 300, engine })
  const gateway = run(['serve', '--config', file], {}, folder, await nodeWith(128))
  const url = await gateway.url()
  const honest = await startAll(url, ['a', 'b', 'c'])
  await assertServed(honest, 'before')
  const silent = await Promise.all(Array.from({ length: 200 }, () => openRaw(url)))
  const newcomers = await startAll(url, ['d', 'e'])
  await assertServed([...honest, ...newcomers], 'beside')
  for (const { socket } of silent) socket.destroy()
  assert.equal((await gateway.stop()).code, 0)
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
