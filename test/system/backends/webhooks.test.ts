// The code of docs/backends/ that verifies a request, run in its own language on requests that the gateway signs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { signWebhook } from '../../../src/gateway/outbound/sign.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { languages } from './languages.js'
import { codeOf, names, pageOf, type Name } from './page.js'
import { startBackend } from './workspace.js'

interface Request {
  headers: Record<string, string>
  body: string
}

/** A program that gets requests, and prints `true` or `false` for each. */
interface Check {
  command: string[]
  /** What the program reads. @default the requests as JSON */
  input?: (requests: Request[]) => string
}

/** A line for each request, as Check.java reads it. The JDK and the base library of Mono read no JSON. */
const lines = (requests: Request[]): string => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  return requests
    .map(({ body, headers }) =>
      [base64(body), ...Object.entries(headers).map(([name, value]) => `${name}:${base64(value)}`)].join(' '),
    )
    .join('\n')
}

const checks: Record<Name, Check> = {
  Node: { command: [process.execPath, 'check.js'] },
  Python: { command: ['python3', 'check.py'] },
  PHP: { command: ['php', 'check.php'] },
  Ruby: { command: ['ruby', 'check.rb'] },
  Go: { command: ['go', 'run', 'check.go', 'verify_webhook.go'] },
  Java: {
    command: ['sh', '-c', 'javac Check.java VerifyWebhook.java && java Check'],
    input: lines,
  },
  'C#': {
    command: ['sh', '-c', 'mcs Check.cs VerifyWebhook.cs && mono Check.exe'],
    input: lines,
  },
}

const [key, old, stranger] = [randomBytes(32), randomBytes(24), randomBytes(32)]
const CHAT_WEBHOOK_SECRET = `whsec_${key.toString('base64')}`
const body = JSON.stringify({
  type: 'user.online',
  userId: 'Zoë 🎈',
  data: { text: '"\\ \u2028 %s $& #{x}' },
})
const now = Date.now()

const request = (
  changes: Record<string, string | undefined> = {},
  { keys = [key], sentAt = now, text = body } = {},
): Request => {
  const headers: Record<string, string | undefined> = {
    ...signWebhook('evt_1', body, keys, sentAt),
    ...changes,
  }
  return {
    headers: Object.fromEntries(
      Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    body: text,
  }
}

const good = [
  request(),
  request({}, { keys: [old, key] }),
  request({}, { keys: [key, old] }),
  request({}, { sentAt: now - 240_000 }),
]
const bad = [
  request({}, { keys: [stranger] }),
  request({}, { text: `${body} ` }),
  request({}, { text: body.replace('Zoë', 'Eve') }),
  request({}, { sentAt: now - 600_000 }),
  request({}, { sentAt: now + 900_000 }),
  request({ 'webhook-id': 'evt_2' }),
  request({ 'webhook-id': undefined }),
  request({ 'webhook-timestamp': undefined }),
  request({ 'webhook-timestamp': '' }),
  request({ 'webhook-timestamp': 'now' }),
  request({ 'webhook-timestamp': '9'.repeat(30) }),
  request({ 'webhook-timestamp': `${Math.floor(now / 1000) + 1}` }),
  request({ 'webhook-signature': undefined }),
  request({ 'webhook-signature': '' }),
  request({ 'webhook-signature': 'v1,' }),
  request({ 'webhook-signature': 'v1,ü v1a,x' }),
  request({
    'webhook-signature': signWebhook('evt_1', body, [key], now)['webhook-signature'].replace('v1,', 'v2,'),
  }),
]

for (const name of names)
  test(`${name}: the function on the page accepts what the gateway signs, and nothing else`, () => {
    const { command, input = JSON.stringify } = checks[name]
    const { verifier } = languages[name]
    const folder = scratchFolder()
    cpSync(new URL('webhooks/', import.meta.url), folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, verifier), codeOf(name, verifier))
    const [program = '', ...parameters] = command
    const { status, stdout, stderr } = spawnSync(program, parameters, {
      cwd: folder,
      encoding: 'utf8',
      input: input([...good, ...bad]),
      env: {
        PATH: `/usr/bin:/bin:${process.env['PATH'] ?? ''}`,
        HOME: process.env['HOME'],
        LC_ALL: 'C.UTF-8',
        CHAT_WEBHOOK_SECRET,
      },
      timeout: 600_000,
    })
    assert.equal(status, 0, stderr)
    assert.deepEqual(stdout.trim().split('\n'), [...good.map(() => 'true'), ...bad.map(() => 'false')])
  })

/** Starts the page's route of Express with a line of code before it and another route after it. Returns its address. */
const startExpress = (before = ''): Promise<string> => {
  const [, route = ''] =
    /^```js express\n(.*?)^```$/ms.exec(pageOf('Node')) ?? assert.fail('the route is not on the page')
  const folder = scratchFolder()
  symlinkSync(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'verify-webhook.js'), codeOf('Node', 'verify-webhook.js'))
  const lines = route.replace('const app = express()\n', (line) => `${line}${before}\n`)
  const after =
    "app.post('/form', (req, res) => res.json(req.body)).listen(Number(process.env.PORT), '127.0.0.1')\n"
  writeFileSync(join(folder, 'server.js'), lines + after)
  return startBackend(folder, [process.execPath, 'server.js'], { CHAT_WEBHOOK_SECRET })
}

const postTo = async (url: string, { headers, body }: Request): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body })

test('Express: the route on the page takes what the gateway signs, and nothing else', async () => {
  const url = await startExpress()
  for (const each of good) assert.equal((await postTo(`${url}/chat-webhook`, each)).status, 204)
  for (const each of bad) assert.equal((await postTo(`${url}/chat-webhook`, each)).status, 401)
  const answer = await postTo(`${url}/form`, { headers: {}, body: '{"for":"another route"}' })
  assert.deepEqual(await answer.json(), { for: 'another route' })
})

test('Express: with `express.json()` in front of the route, no request of the gateway is taken, as the page says', async () => {
  const url = await startExpress('app.use(express.json())')
  for (const each of good) assert.notEqual((await postTo(`${url}/chat-webhook`, each)).status, 204)
})
