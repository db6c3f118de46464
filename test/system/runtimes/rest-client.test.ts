// The built REST client on each runtime.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startGateway } from '../../support/gateway.js'
import { secret } from '../../support/tokens.js'

const root = new URL('../../../', import.meta.url)
const { url } = await startGateway()

const program = `
import { createRestClient, RestError } from 'chat-session/rest'
const chat = createRestClient({ endpoint: ${JSON.stringify(url)}, appId: 'app', secret: ${JSON.stringify(secret)} })
await chat.sendMessage({ user: 'everywhere', body: { body: 'Hello' } })
const { messages } = await chat.listMessages({ user: 'everywhere', limit: 1 })
const error = await chat.getUser({ user: 'nobody' }).catch((caught) => caught)
console.log(messages[0].body, error instanceof RestError, error.code)`

const binary = (name: string): string => fileURLToPath(new URL(`node_modules/.bin/${name}`, root))

const runtimes: Record<string, [program: string, ...args: string[]]> = {
  Node: [process.execPath, '--input-type=module', '--eval', program],
  Deno: [
    binary('deno'),
    'eval',
    '--no-remote',
    '--no-lock',
    '--cached-only',
    '--node-modules-dir=manual',
    program,
  ],
  Bun: [binary('bun'), '--no-install', '--eval', program],
}

/** Runs a program, and resolves with its output. The gateway runs in this process, so that the program must not block it. */
const outputOf = async ([command, ...args]: [string, ...string[]]): Promise<string> => {
  const child = spawn(command, args, {
    cwd: fileURLToPath(root),
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', CHAT_SECRET: secret },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0, output)
  return output
}

for (const [name, command] of Object.entries(runtimes))
  test(`the built client calls a gateway from ${name}`, { timeout: 300_000 }, async () => {
    assert.match(await outputOf(command), /^Hello true unknown-user$/m)
  })

test('the example of docs/REST.md runs', async () => {
  const guide = await readFile(new URL('docs/REST.md', root), 'utf8')
  const [, code = ''] = /^```js rest\n(.*?)^```$/ms.exec(guide) ?? []
  const here = code.replace('https://chat.example.com', url).replace("'hF83jaq'", "'app'")
  const output = await outputOf([process.execPath, '--input-type=module', '--eval', here])
  assert.equal(output, "[ '12345: 0', '67890: 1' ]\n404 unknown-user\n")
})
