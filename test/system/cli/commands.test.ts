import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { VERSION } from '../../../src/protocol/index.js'
import { startClient } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { secret, signatureSecret } from '../../support/tokens.js'
import { finish, run } from '../../support/processes/command-line.js'
import { scratchFolder } from '../../support/scratch-folder.js'

const printed = async (args: string[], env: Record<string, string>): Promise<string> => {
  const { code, stdout, stderr } = await finish(args, env)
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  assert.match(stdout, /^\S+\n$/)
  return stdout.trim()
}

test('`token` prints a token that the gateway accepts, valid for --expires-in', async () => {
  const { url } = await startGateway()
  const args = ['token', '--app', 'app', '--user', 'ada', '--expires-in', '120']
  const token = await printed(args, { CHAT_SECRET: secret })
  const { started, close } = await startClient(url, { type: 'start', appId: 'app', token })
  assert.deepEqual(started['user'], { id: 'ada' })
  assert.ok((started['expiresIn'] as number) > 100_000 && (started['expiresIn'] as number) <= 120_000)
  close()
})

test('`app-token` prints a token that the REST API takes, valid for --expires-in', async () => {
  const { url } = await startGateway()
  const args = ['app-token', '--app', 'app', '--expires-in', '120']
  const token = await printed(args, { CHAT_SECRET: secret })
  const headers = { authorization: `Bearer ${token}` }
  assert.equal((await fetch(`${url}/v1/apps/app/usage`, { headers })).status, 200)
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number }
  const left = claims.exp - Date.now() / 1_000
  assert.ok(left > 60 && left <= 121, String(left))
})

test('`signature` prints a signature that the gateway accepts, with the secret of --secret-env', async () => {
  const { url } = await startGateway()
  const args = ['signature', '--user', 'ada', '--secret-env', 'SIGNING']
  const signature = await printed(args, { SIGNING: signatureSecret, CHAT_SECRET: secret })
  const { started, close } = await startClient(url, { type: 'start', appId: 'app', userId: 'ada', signature })
  assert.deepEqual(started['user'], { id: 'ada' })
  close()
})

for (const command of [
  ['token', '--app', 'app', '--user', 'ada'],
  ['app-token', '--app', 'app'],
  ['signature', '--user', 'ada'],
])
  test(`\`${command[0]}\` takes its secret only from the environment`, async () => {
    const without = await finish(command)
    assert.equal(without.code, 2)
    assert.equal(without.stdout, '')
    assert.match(without.stderr, /^chat-session: The environment variable CHAT_SECRET holds no secret.*\n$/)
    const asOption = await finish([...command, '--secret', secret])
    assert.notEqual(asOption.code, 0)
    assert.equal(asOption.stdout, '')
    assert.ok(!asOption.stderr.includes(secret))
  })

test('an app id or user id that is not valid is one line', async () => {
  for (const args of [
    ['token', '--app', 'no app', '--user', 'ada'],
    ['token', '--app', 'app', '--user', 'guest:ada'],
    ['app-token', '--app', 'no app'],
    ['signature', '--user', ''],
  ]) {
    const { code, stdout, stderr } = await finish(args, { CHAT_SECRET: secret })
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, args.join(' '))
    assert.match(stderr, /^chat-session: The .*\.\n$/)
  }
})

const helps: Record<string, RegExp> = {
  '': /init.*serve.*check.*check-token.*doctor.*copy.*dev.*token.*app-token.*signature/s,
  init: /chat\.json/,
  serve: /--config <file>.*CHAT_SESSION_CONFIG/s,
  check: /--config <file>/,
  'check-token': /<token>.*--config <file>/s,
  conformance: /npx\s+chat-session-conformance\s+--client\s+COMMAND/,
  doctor: /<url>.*--app <id>.*--origin <origin>.*--page <url>/s,
  copy: /--from <config>.*--to <config>.*--restart/s,
  dev: /--port <port>.*--data <folder>/s,
  token: /--app <id>.*--user <id>.*--expires-in <seconds>.*--secret-env <name>/s,
  'app-token': /--app <id>.*--expires-in <seconds>.*--secret-env <name>/s,
  signature: /--user <id>.*--secret-env <name>/s,
}
test('without a command the help is printed, as by --help', async () => {
  const [alone, asked] = [await finish([]), await finish(['--help'])]
  assert.deepEqual(alone, asked)
  assert.equal(alone.code, 0)
})

for (const [command, pattern] of Object.entries(helps))
  test(`\`${`chat-session ${command}`.trim()} --help\` lists its options`, async () => {
    const { code, stdout, stderr } = await finish([...(command ? [command] : []), '--help'])
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.match(stdout, pattern)
    assert.match(stdout, /^Usage: chat-session/)
  })

test('every command that the documentation runs exists', async () => {
  const root = new URL('../../../', import.meta.url)
  const pages = (await readdir(new URL('docs/', root))).filter((name) => name.endsWith('.md'))
  const texts = await Promise.all(
    ['README.md', ...pages.map((name) => `docs/${name}`)].map((name) =>
      readFile(new URL(name, root), 'utf8'),
    ),
  )
  const run = new Set(
    [...texts.join('\n').matchAll(/(?:npx |bin\/)chat-session ([a-z-]+)/g)].map(
      ([, command = '']) => command,
    ),
  )
  assert.ok(run.size > 4)
  for (const command of run) assert.ok(Object.hasOwn(helps, command), command)
})

test('`conformance` says in one sentence how to get the suite for clients, whatever its options', async () => {
  for (const options of [[], ['--client', 'python3 client.py', '--only', 'core', '--json']])
    assert.deepEqual(await finish(['conformance', ...options]), {
      code: 2,
      signal: null,
      stdout: '',
      stderr:
        'chat-session: The suite for clients is a package of its own: npx chat-session-conformance --client COMMAND\n',
    })
})

test('--version prints the version', async () => {
  assert.equal((await finish(['--version'])).stdout, `${VERSION}\n`)
})

test('an unknown command or option ends with an error and the help', async () => {
  for (const args of [
    ['sevre'],
    ['serve', '--colour'],
    ['serve', 'extra'],
    ['token', '--app', 'app', '--user', 'a', '--expires-in', 'soon'],
  ]) {
    const { code, stdout, stderr } = await finish(args, { CHAT_SECRET: secret })
    assert.ok(code !== 0 && code !== null, args.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, /Usage: chat-session/)
    assert.ok(!stderr.includes('    at '), stderr)
  }
})

test('an empty --host counts as absent for dev, so that no other machine reaches it', async () => {
  const { child, url } = run(['dev', '--host', '', '--port', '0', '--data', scratchFolder()])
  assert.match(await url(), /^http:\/\/127\.0\.0\.1:/)
  child.kill()
})

test('an empty PORT counts as absent for dev, as it does for serve', async () => {
  // No machine has this address (RFC 5737), so that the port is named and not taken.
  const { code, stderr } = await finish(['dev', '--host', '192.0.2.1', '--data', scratchFolder()], {
    PORT: '',
  })
  assert.equal(code, 2)
  assert.match(stderr, /^chat-session: Can't listen on 192\.0\.2\.1, port 8080: /)
})
