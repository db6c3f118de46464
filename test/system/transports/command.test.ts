// The command line on Bun, as `bunx --bun` runs it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startOf } from '../../support/starts.js'
import { openRaw, startClient } from '../../support/raw-client.js'
import { bun, node } from '../../support/processes/runtimes.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { until } from '../../support/until.js'
import { serve, testOnBoth, writeConfig } from './serve.js'

const project = fileURLToPath(new URL('../../..', import.meta.url))

test('`bunx --bun chat-session serve` runs the gateway on Bun', async () => {
  // A project that has chat-session installed.
  const folder = scratchFolder()
  mkdirSync(join(folder, 'node_modules', '.bin'), { recursive: true })
  symlinkSync(project, join(folder, 'node_modules', 'chat-session'))
  // npm makes a link and the file behind it executable.
  writeFileSync(
    join(folder, 'node_modules', '.bin', 'chat-session'),
    "#!/usr/bin/env node\nimport('../chat-session/dist/cli/main.js')\n",
    { mode: 0o755 },
  )
  const child = spawn(
    bun.path,
    ['x', '--bun', '--no-install', 'chat-session', 'serve', '--config', await writeConfig()],
    { cwd: folder },
  )
  after(() => child.kill('SIGKILL'))
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const ended = once(child, 'close') as Promise<[number | null]>
  await until('the address', () => output.includes('\n') || child.exitCode !== null)
  const url = /listening on (\S+)/.exec(output)?.[1] ?? assert.fail(output + errors)
  const client = await startClient(url, await startOf('ada'))
  // Bun's server resolves the dots, and Node's does not.
  const raw = await openRaw(url)
  raw.socket.write('GET /nothing/../healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.equal((await raw.answer()).status, 200)
  child.kill('SIGTERM')
  assert.equal((await client.end()).code, 4503)
  assert.equal((await ended)[0], 0)
})

testOnBoth(
  'messages of the embedded engine outlive a kill of the process, even if the next one has the other runtime',
  async (runtime) => {
    const engine = { type: 'embedded', path: join(scratchFolder(), 'data') } as const
    const first = await serve(runtime, { engine })
    const client = await startClient(first.address, await startOf('ada'))
    client.send({ type: 'send', id: '1', to: 'bob', body: 'kept' })
    await client.next('sent')
    first.child.kill('SIGKILL')
    await first.outcome
    const second = await serve(runtime === bun ? node : bun, { engine })
    const { epoch } = client.started
    const bob = await startClient(
      second.address,
      await startOf('bob', { resume: { key: 'x', epoch, offset: 0 } }),
    )
    assert.equal((await bob.next('message'))['body'], 'kept')
    bob.close()
  },
)
