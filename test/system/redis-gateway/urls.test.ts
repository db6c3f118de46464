// `serve` and `check` with URLs of a Redis that does not do what they say.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePort } from '../../support/network/free-port.js'
import { finish } from '../../support/processes/command-line.js'
import { writeConfig } from '../../support/processes/write-config.js'
import { standalone } from '../../support/redis/server.js'

const server = await standalone({ settings: { databases: 1 } })
const config = writeConfig({ engine: { type: 'redis' } })

const withUrl = (command: 'serve' | 'check', url: string) =>
  finish([command, '--config', config], { REDIS_URL: url })

for (const [what, url, why] of [
  [
    'a database that the server refuses',
    `${server.url}/1`,
    'the server refuses database 1: use another server, or',
  ],
  [
    'a password that the server does not have',
    server.url.replace('//', '//:s3cret@'),
    'the server has no password, so anybody may use it: set one there, or',
  ],
  [
    'TLS, which the server does not have',
    server.url.replace('redis:', 'rediss:'),
    'the server does not answer by TLS: if it has none, begin its URL with redis://, and leave out engine.tls',
  ],
] as const)
  test(`serve ends, and check fails, with ${what}: both say so`, async () => {
    const reason = `Redis is unavailable (open): no connection to 127.0.0.1:${server.port}: ${why}`
    const served = await withUrl('serve', url)
    assert.deepEqual([served.code, served.stdout], [2, ''])
    assert.ok(served.stderr.startsWith(`chat-session: ${reason}`), served.stderr)
    const checked = await withUrl('check', url)
    assert.deepEqual([checked.code, checked.stderr], [2, ''])
    const failed = checked.stdout.split('\n').find((line) => /^fail +engine /.test(line))
    assert.equal(failed?.replace(/^fail +engine +/, '').slice(0, reason.length), reason, checked.stdout)
    assert.equal(await server.command('dbsize'), '0')
  })

test('check logs in to Redis, and writes nothing', async () => {
  const { code, stdout } = await withUrl('check', server.url)
  assert.equal(code, 0)
  assert.match(stdout, /^ok +engine +Redis \d+\.\d+\.\d+ takes the login and the database$/m)
  assert.equal(await server.command('dbsize'), '0')
  assert.equal(await server.command('function', 'list'), '')
})

test('check only warns if no Redis answers, since the gateway may run elsewhere', async () => {
  const { code, stdout } = await withUrl('check', `redis://127.0.0.1:${await freePort()}/1`)
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^warn {2}engine +no Redis answers from here, so its login and its database were not tried$/m,
  )
})
