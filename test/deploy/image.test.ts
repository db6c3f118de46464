// The Dockerfile: linted, and its commands are run. There is no Docker here to build it.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { freePort } from '../support/free-port.js'
import { within } from '../support/raw-client.js'
import { readDeployed } from './support.js'

const file = await readDeployed('Dockerfile')

/** The instructions, with continued lines joined. */
const instructions = file
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter(Boolean)

const lastOf = (name: string): string =>
  instructions
    .filter((line) => line.startsWith(`${name} `))
    .at(-1)
    ?.slice(name.length + 1) ?? ''

const commandOf = (instruction: string): string[] =>
  JSON.parse(instruction.slice(instruction.indexOf('['))) as string[]

test('the linter finds nothing in the Dockerfile', () => {
  assert.deepEqual(validate(file), [])
  // So that a linter which finds nothing at all is noticed.
  assert.notDeepEqual(validate('FROM node:22\nMAINTAINER me\nEXPOSE many'), [])
})

test('the image is small, pinned to a version, not run as root, and without secrets', () => {
  const bases = instructions.filter((line) => line.startsWith('FROM '))
  assert.equal(bases.length, 2, 'npm’s cache stays in the first stage')
  for (const base of bases) assert.match(base, /^FROM node:\d+-bookworm-slim( AS \w+)?$/)
  assert.equal(lastOf('USER'), 'node')
  assert.ok(!instructions.some((line) => /^(ARG|ADD) /.test(line)))
  assert.deepEqual(
    instructions.filter((line) => line.startsWith('ENV ')),
    ['ENV NODE_ENV=production'],
  )
  assert.equal(lastOf('STOPSIGNAL'), 'SIGTERM')
})

test('the command of the image serves, its health check follows the gateway, and its stop signal drains', async () => {
  // As the image has it: the package in node_modules, the config beside it.
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-image-'))
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
  await symlink(
    fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)),
    join(folder, 'node_modules/.bin/chat-session'),
  )
  await writeFile(
    join(folder, 'chat.json'),
    JSON.stringify({ engine: { type: 'memory' }, apps: { app: { environment: 'test' } } }),
  )
  const port = await freePort()
  const env = { PATH: process.env['PATH'] ?? '', PORT: String(port) }
  const [command = '', ...args] = commandOf(lastOf('CMD'))
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  after(() => child.kill('SIGKILL'))
  await within(once(child.stdout, 'data'), 'address')
  const isHealthy = (): boolean => {
    const [program = '', ...checkArgs] = commandOf(lastOf('HEALTHCHECK'))
    return spawnSync(program, checkArgs, { env }).status === 0
  }
  assert.ok(isHealthy())
  const exited = once(child, 'exit')
  child.kill(lastOf('STOPSIGNAL') as NodeJS.Signals)
  assert.deepEqual(await within(exited, 'exit'), [0, null])
  assert.ok(!isHealthy())
})
