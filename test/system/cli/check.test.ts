import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { createToken } from '../../../src/tokens/index.js'
import { makeCertificate } from '../../support/network/certificates.js'
import { startServer } from '../../support/network/http-server.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { secret, tokenFor } from '../../support/tokens.js'
import { finish, run, type Outcome } from '../../support/processes/command-line.js'

const folder = scratchFolder()
const write = async (name: string, content: unknown): Promise<string> => {
  const file = join(folder, name)
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}
const production = {
  environment: 'production',
  secrets: [{ env: 'CHAT_SECRET' }],
  origins: ['https://a.example'],
}
const env = { CHAT_SECRET: secret }
const check = async (content: unknown): Promise<Outcome> =>
  finish(['check', '--config', await write('check.json', content)], env)
const lines = (text: string): string[] => text.trim().split('\n')

test('`check` sums up a good config and exits with 0, without starting anything', async () => {
  const tls = makeCertificate(folder, 'good')
  const { code, stdout, stderr } = await check({
    listen: { trustProxy: 1, tls: { cert: tls.cert, key: tls.key } },
    engine: { path: join(folder, 'never-made') },
    admin: { token: 'a'.repeat(32) },
    apps: {
      app: production,
      play: { environment: 'test', retention: { messages: 1, days: 0.5, bytes: 50_000 } },
    },
  })
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const keeps = 'each inbox keeps its newest'
  assert.deepEqual(lines(stdout), [
    'ok    listen               https on 127.0.0.1, port 8080',
    'ok    listen.tls           the certificate is valid for 59 days',
    'ok    admin                on 127.0.0.1, port 9090',
    'ok    apps.app             production; 1 secret; 1 origin',
    `ok    apps.app.retention   ${keeps} 1000 messages, own copies of sent ones included, for 30 days and up to 16777216 bytes`,
    'ok    apps.play            test; guests; any origin',
    `ok    apps.play.retention  ${keeps} 1 message, own copies of sent ones included, for 0.5 days and up to 50000 bytes`,
  ])
})

test('`check` says every problem of a config and exits with 2', async () => {
  const { code, stdout, stderr } = await check({
    listen: { port: 'http' },
    apps: { app: { ...production, secrets: ['short and secret'] } },
  })
  assert.deepEqual({ code, stderr }, { code: 2, stderr: '' })
  assert.match(stdout, /^fail {2}listen\.port {10}must be a whole number from 0 to 65535$/m)
  assert.match(stdout, /^fail {2}apps\.app\.secrets\[0\] {2}is too short/m)
  assert.ok(!stdout.includes('short and secret'))
})

test('`check` reads a JSON file that begins with a byte order mark', async () => {
  const file = await write('marked.json', `\uFEFF${JSON.stringify({ apps: { app: production } })}`)
  const { code, stderr } = await finish(['check', '--config', file], env)
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
})

test('`check` names a file of engine.tls that serve could not read', async () => {
  const ca = join(folder, 'missing.pem')
  const config = {
    engine: { type: 'redis', url: 'rediss://127.0.0.1:1', tls: { ca } },
    apps: { app: production },
  }
  const { code, stdout, stderr } = await check(config)
  assert.deepEqual({ code, stderr }, { code: 2, stderr: '' })
  assert.match(stdout, /^fail {2}engine\.tls\.ca +the file can't be read: ENOENT/m)
  const served = await finish(['serve', '--config', join(folder, 'check.json')], env)
  assert.equal(served.code, 2)
  assert.match(served.stderr, /engine\.tls\.ca: the file can't be read: ENOENT/)
})

test('`check` keeps a key with a colon whole', async () => {
  const { code, stdout } = await check({ apps: { 'a: "b': { environment: 'test' } } })
  assert.equal(code, 2)
  assert.equal(stdout, 'fail  apps["a: \\"b"]  an app id is 1 to 64 of letters, digits, - and _\n')
})

test('`check` warns of a test app that other machines reach, and of a proxy that is not trusted', async () => {
  const open = await check({
    listen: { host: '0.0.0.0' },
    apps: { app: production, play: { environment: 'test' } },
  })
  assert.equal(open.code, 0)
  assert.match(open.stdout, /^warn {2}apps\.play +a test app is lenient/m)
  assert.doesNotMatch(open.stdout, /warn {2}apps\.app/)
  const loopback = await check({ apps: { app: production } })
  assert.equal(loopback.code, 0)
  assert.match(loopback.stdout, /^warn {2}listen\.trustProxy +is 0/m)
})

test('`check` knows this machine by its name in any case, and with a dot at its end', async () => {
  const { code, stdout } = await check({
    listen: { host: 'Localhost' },
    admin: { host: 'localhost.', token: 'a'.repeat(32) },
    apps: { play: { environment: 'test' } },
  })
  assert.equal(code, 0)
  assert.doesNotMatch(stdout, /^warn/m)
})

test('`check` warns of an admin listener that other machines reach', async () => {
  const { code, stdout } = await check({
    admin: { host: '10.0.0.1', token: 'a'.repeat(32) },
    apps: { app: production },
  })
  assert.equal(code, 0)
  assert.match(stdout, /^warn {2}admin +other machines reach 10\.0\.0\.1/m)
})

test('`check` refuses one port for both listeners if the address of one is every address', async () => {
  for (const [host, other, code] of [
    ['0.0.0.0', '127.0.0.1', 2],
    ['127.0.0.1', '0.0.0.0', 2],
    ['::', 'localhost', 2],
    ['0.0.0.0', '::1', 0],
    ['127.0.0.1', '127.0.0.2', 0],
  ] as const) {
    const outcome = await check({
      listen: { host, trustProxy: 1 },
      admin: { host: other, port: 8080, token: 'a'.repeat(32) },
      apps: { app: production },
    })
    assert.equal(outcome.code, code, `${host} and ${other}`)
    if (code === 2) assert.match(outcome.stdout, /^fail {2}admin +the port 8080 is that of listen, too: /m)
  }
})

test('`check` reads the files of the certificate', async () => {
  const [one, two] = [makeCertificate(folder, 'one'), makeCertificate(folder, 'two')]
  for (const tls of [
    { cert: one.cert, key: two.key },
    { cert: join(folder, 'none.pem'), key: one.key },
  ]) {
    const { code, stdout } = await check({ listen: { tls }, apps: { app: production } })
    assert.equal(code, 2)
    assert.match(stdout, /^fail {2}listen\.tls +The files in listen\.tls can't be used/m)
  }
})

test('`check` and `check-token` end, even if the config module holds a timer open', async () => {
  const file = await write(
    'open.mjs',
    `setInterval(() => undefined, 1_000)
    export default ${JSON.stringify({ apps: { app: production } })}`,
  )
  for (const command of [['check'], ['check-token', await tokenFor('ada')]]) {
    const { code, stdout } = await finish([...command, '--config', file], env)
    assert.equal(code, 0, stdout)
  }
})

test('a config that is not named or not there is one line', async () => {
  for (const command of [['check'], ['check-token', 'x']]) {
    const none = await finish(command)
    assert.equal(none.code, 2)
    assert.match(none.stderr, /^chat-session: Name a config: --config FILE, or CHAT_SESSION_CONFIG\.\n$/)
    const missing = await finish([...command, '--config', join(folder, 'missing.json')])
    assert.equal(missing.code, 2)
    assert.match(missing.stderr, /^chat-session: The config .*missing\.json can't be read: ENOENT/)
  }
})

const config = await write('token.json', { apps: { app: production } })
const checkToken = (token: string): Promise<Outcome> =>
  finish(['check-token', '--config', config, token], env)

test('`check-token` explains each part of a good token and exits with 0', async () => {
  const { code, stdout, stderr } = await checkToken(await tokenFor('ada'))
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  assert.deepEqual(
    lines(stdout).map((line) => line.split(/ +/).slice(0, 2).join(' ')),
    ['ok form', 'ok tokenType', 'ok iss', 'ok alg', 'ok signature', 'ok exp', 'ok iat', 'ok sub', 'ok token'],
  )
  assert.match(stdout, /^ok {4}token {6}is good, and stands for "ada" of the app app$/m)
  assert.ok(!stdout.includes(secret))
})

test('`check-token` needs only the secrets of the token’s app, and says which of them it could not read', async () => {
  const file = await write('variables.json', {
    listen: { tls: { cert: '/none.pem', key: '/none.pem' } },
    engine: { type: 'redis', url: { env: 'NO_URL' } },
    admin: { token: { env: 'NO_ADMIN_TOKEN' } },
    apps: {
      app: {
        ...production,
        secrets: [{ env: 'NO_OLD_SECRET' }, { env: 'CHAT_SECRET' }],
        webhooks: { url: 'https://www.example.com/', secrets: [{ env: 'NO_WEBHOOK_SECRET' }] },
        push: { subject: 'mailto:a@example.com', url: 'https://a.example/', privateKey: { env: 'NO_KEY' } },
      },
      other: { ...production, secrets: [{ env: 'NO_OTHER_SECRET' }] },
    },
  })
  const checkWith = async (token: string, env: Record<string, string>) =>
    finish(['check-token', '--config', file, token], env)
  const good = await checkWith(await tokenFor('ada'), env)
  assert.deepEqual([good.code, good.stderr], [0, ''])
  assert.match(good.stdout, /^ok +signature +is made with apps\.app\.secrets\[1\]$/m)
  assert.match(
    good.stdout,
    /^warn +apps\.app\.secrets\[0\]\.env +the environment variable NO_OLD_SECRET is not set.*not tried$/m,
  )
  for (const name of ['NO_URL', 'NO_ADMIN_TOKEN', 'NO_WEBHOOK_SECRET', 'NO_KEY', 'NO_OTHER_SECRET'])
    assert.ok(!good.stdout.includes(name), name)

  const without = await checkWith(await tokenFor('ada'), {})
  assert.deepEqual([without.code, without.stderr], [2, ''])
  assert.match(without.stdout, /^fail +signature +is made with none of the app's secrets$/m)
  assert.match(without.stdout, /^warn +apps\.app\.secrets\[1\]\.env +.*CHAT_SECRET is not set.*not tried$/m)
  assert.match(without.stdout, /^fail +token +is refused, as far as the secrets could be read$/m)
})

test('`check-token` names a key of an app that is wrong', async () => {
  const file = await write('wrong.json', { apps: { app: { ...production, requireExpiry: 'yes' } } })
  const { code, stdout, stderr } = await finish(['check-token', '--config', file, 'x'], env)
  assert.deepEqual([code, stdout], [2, ''])
  assert.equal(stderr, 'chat-session: apps.app.requireExpiry: must be true or false\n')
})

test('`check-token -` reads the token from standard input', async () => {
  const { child, outcome } = run(['check-token', '--config', config, '-'], env)
  child.stdin?.end(`${await tokenFor('ada')}\n`)
  assert.equal((await outcome).code, 0)
})

test('characters of a token that control a terminal are not printed', async () => {
  const token = await createToken({ appId: 'app', userId: 'ada', secret })
  const [header = ''] = token.split('.')
  const payload = Buffer.from(
    JSON.stringify({ iss: '\u001b[2J\u202e', sub: '\u001b]0;title\u0007' }),
  ).toString('base64url')
  const { code, stdout } = await checkToken(`${header}.${payload}.AAAA`)
  assert.equal(code, 2)
  for (const character of ['\u001b', '\u0007', '\u202e']) assert.ok(!stdout.includes(character))
})

test('`check-token` fetches the key set of the config', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = await startServer((_, response) =>
    response.end(JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] })),
  )
  const url = `${server.url}/keys`
  const file = await write('keys.json', {
    apps: { app: { environment: 'test', jwks: { url, algorithms: ['ES256'] } } },
  })
  const token = await new SignJWT({ tokenType: 'user', iss: 'app', sub: 'ada' })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuedAt()
    .sign(privateKey)
  const good = await finish(['check-token', '--config', file, token])
  assert.deepEqual([good.code, good.stderr], [0, ''])
  await server.close()
  const away = await finish(['check-token', '--config', file, token])
  assert.deepEqual([away.code, away.stderr], [2, ''])
  assert.match(away.stdout, /^fail {2}signature +can't be checked/m)
  assert.match(away.stdout, /^fail {2}jwks +The request failed \(ECONNREFUSED\)\.$/m)
})
