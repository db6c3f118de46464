// The Dockerfiles: linted, and their commands are run. There is no Docker here to build them.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { freePort } from '../../support/network/free-port.js'
import { within } from '../../support/raw-client.js'
import { bun, node, type Runtime } from '../../support/processes/runtimes.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { readDeployed } from './support.js'

interface Image {
  runtime: Runtime
  /** The user of the image, and the command of its runtime. */
  user: 'node' | 'bun'
  file: string
  /** The instructions, with continued lines joined. */
  instructions: string[]
}

const readImage = async (name: string, runtime: Runtime, user: Image['user']): Promise<Image> => {
  const file = await readDeployed(name)
  const instructions = file
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter(Boolean)
  return { runtime, user, file, instructions }
}

const images = [await readImage('Dockerfile', node, 'node'), await readImage('Dockerfile.bun', bun, 'bun')]

const lastOf = ({ instructions }: Image, name: string): string =>
  instructions
    .filter((line) => line.startsWith(`${name} `))
    .at(-1)
    ?.slice(name.length + 1) ?? ''

const commandOf = (instruction: string): string[] =>
  JSON.parse(instruction.slice(instruction.indexOf('['))) as string[]

test('the linter finds nothing in the Dockerfiles', () => {
  for (const { file } of images) assert.deepEqual(validate(file), [])
  // This shows that the linter is able to find a mistake.
  assert.notDeepEqual(validate('FROM node:22\nMAINTAINER me\nEXPOSE many'), [])
})

test('the images are small, pinned to a version, not run as root, and without secrets', () => {
  const version = execFileSync(bun.path, ['--version']).toString().trim()
  for (const image of images) {
    const bases = image.instructions.filter((line) => line.startsWith('FROM '))
    assert.equal(bases.length, 2, 'npm’s cache stays in the first stage')
    const [first = '', second = ''] = bases
    assert.match(first, /^FROM node:\d+-bookworm-slim AS \w+$/)
    if (image.user === 'node') assert.equal(`${second} AS packages`, first)
    // The version that the tests run on.
    else assert.equal(second, `FROM oven/bun:${version}-slim`)
    assert.equal(lastOf(image, 'USER'), image.user)
    assert.ok(!image.instructions.some((line) => /^(ARG|ADD) /.test(line)))
    assert.deepEqual(
      image.instructions.filter((line) => line.startsWith('ENV ')),
      ['ENV NODE_ENV=production'],
    )
    assert.equal(lastOf(image, 'STOPSIGNAL'), 'SIGTERM')
  }
})

for (const image of images)
  test(`${image.runtime.name}: the command of the image serves, its health check follows the gateway, and its stop signal drains`, async () => {
    // The folder is like the image's: the package in node_modules, the config beside it, the runtime among the commands.
    const folder = scratchFolder()
    await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
    await symlink(
      fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url)),
      join(folder, 'node_modules/.bin/chat-session'),
    )
    await writeFile(
      join(folder, 'chat.json'),
      JSON.stringify({ engine: { type: 'memory' }, apps: { app: { environment: 'test' } } }),
    )
    await symlink(await realpath(image.runtime.path), join(folder, image.user))
    const port = await freePort()
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, PORT: String(port) }
    const command = commandOf(lastOf(image, 'CMD'))
    // npm makes the file behind the command executable with Node, which the build does not.
    const [program = '', ...args] = image.user === 'node' ? ['node', ...command] : command
    const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
    after(() => child.kill('SIGKILL'))
    await within(once(child.stdout, 'data'), 'address')
    const isHealthy = (): boolean => {
      const [checker = '', ...checkArgs] = commandOf(lastOf(image, 'HEALTHCHECK'))
      return spawnSync(checker, checkArgs, { env }).status === 0
    }
    assert.ok(isHealthy())
    const exited = once(child, 'exit')
    child.kill(lastOf(image, 'STOPSIGNAL') as NodeJS.Signals)
    assert.deepEqual(await within(exited, 'exit'), [0, null])
    assert.ok(!isHealthy())
  })
