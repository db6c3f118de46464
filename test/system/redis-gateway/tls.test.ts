// `engine.tls` of a config: `serve` on a Redis that listens with TLS only, and asks for a certificate.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { finish, run } from '../../support/processes/command-line.js'
import { writeConfig } from '../../support/processes/write-config.js'
import { makeAuthority } from '../../support/network/certificates.js'
import { startAs } from '../../support/raw-client.js'
import { standalone } from '../../support/redis/server.js'
import { scratchFolder } from '../../support/scratch-folder.js'

const folder = scratchFolder()
const authority = makeAuthority(folder, 'authority')
const other = makeAuthority(folder, 'other')
const { cert, key } = authority.issue(folder, 'gateway')
const server = await standalone({ tls: authority })

/** Writes a config with these TLS options. Returns its path. */
const write = (tls: object | undefined): string =>
  writeConfig({ engine: { type: 'redis', url: server.url, ...(tls && { tls }) } })

test('serve reaches a Redis with the authority and the certificate of its config', async () => {
  const file = write({ ca: authority.cert, cert, key })
  const { url, stop } = run(['serve', '--config', file])
  const ada = await startAs(await url(), 'ada')
  const bob = await startAs(await url(), 'bob')
  ada.send({ type: 'send', id: '1', to: 'bob', body: 'over TLS' })
  assert.equal((await bob.next('message'))['body'], 'over TLS')
  assert.equal((await stop()).code, 0)
})

for (const [what, tls, why] of [
  [
    'another authority',
    { ca: other.cert, cert, key },
    "no trusted authority has signed the server's certificate",
  ],
  ['no authority', undefined, "no trusted authority has signed the server's certificate"],
  ['no certificate', { ca: authority.cert }, 'the server demands a certificate of its clients'],
] as const)
  test(`serve refuses to start with ${what}, and says why`, async () => {
    const { code, stderr, stdout } = await finish(['serve', '--config', write(tls)])
    assert.deepEqual([code, stdout], [2, ''])
    assert.ok(
      stderr.includes(
        `chat-session: Redis is unavailable (open): no connection to 127.0.0.1:${server.port}: ${why}: `,
      ),
      stderr,
    )
  })

test('serve refuses to start if a file of its TLS options is missing, and names the key', async () => {
  const missing = join(folder, 'missing.pem')
  const { code, stderr } = await finish(['serve', '--config', write({ ca: missing })])
  assert.equal(code, 2)
  assert.match(stderr, /^chat-session: engine\.tls\.ca: the file can't be read: ENOENT.*missing\.pem/m)
})
