// No credential is ever logged, even if a start fails or the app's function throws.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSignature } from '../../../src/tokens/index.js'
import { handshake, openClient, openRaw, startClient, startProtocol } from '../../support/raw-client.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { secret, signatureSecret, tokenFor } from '../../support/tokens.js'
import { guestStart } from '../../support/starts.js'

const written: string[] = []
for (const stream of [process.stderr, process.stdout]) {
  const write = stream.write.bind(stream)
  stream.write = (chunk: string | Uint8Array, ...rest: never[]) => {
    written.push(String(chunk))
    return write(chunk, ...rest)
  }
}

const { url, lines, gateway } = await startGateway(
  {},
  {
    startTimeout: 2,
    apps: {
      app: testApp({
        authenticate({ authParams }) {
          const pass = authParams['pass'] as string
          if (pass.startsWith('throws')) throw new Error(`${pass} is wrong`)
          if (pass.startsWith('parses')) JSON.parse(pass)
          if (pass.startsWith('hangs')) return new Promise(() => undefined)
          if (pass.startsWith('nonsense')) return Promise.resolve({ ok: true, expiresIn: -1 })
          return Promise.resolve({ ok: pass.startsWith('good') })
        },
      }),
      closed: testApp({
        secrets: ['another secret of a test'],
        signatureSecrets: [],
        guests: false,
        origins: ['https://a.example'],
      }),
    },
  },
)

/** Values that the log must not contain: each token as a whole, its payload and its signature. */
const secrets = new Set<string>([secret, signatureSecret, 'another secret of a test'])
const keep = <T extends string>(value: T): T => {
  secrets.add(value)
  const [, ...parts] = value.split('.')
  for (const part of parts.length === 2 ? parts : []) secrets.add(part)
  return value
}

const run = async (start: Record<string, unknown>, options = {}): Promise<void> => {
  const from = async (place: 'handshake' | 'frame'): Promise<void> => {
    secrets.add(startProtocol(start))
    const client = openClient(url, { ...options, ...(place === 'handshake' && { start }) })
    await client.opened
    if (place === 'frame') client.send(JSON.stringify(start))
    const first = await client.next()
    const { token } = first
    if (typeof token === 'string') keep(token)
    if (typeof first['resumeKey'] === 'string') secrets.add(first['resumeKey'])
    if (first.type !== 'started') return
    client.send(
      { type: 'token', token: keep(await tokenFor('eve')) },
      { type: 'token', token: keep('neverSeen1.neverSeen2.neverSeen3') },
    )
    await client.next('refused')
    await client.next('refused')
    client.send({ type: 'end' })
    await client.closed
  }
  await Promise.all([from('handshake'), from('frame')])
}

test('no token, signature, secret, auth param, resume key or subprotocol is ever logged', async () => {
  const start = { type: 'start', appId: 'app', userId: 'ada' }
  const good = keep(await tokenFor('ada', { user: { name: 'Ada' } }))
  const signature = keep(await createSignature('ada', signatureSecret))
  await run({ ...start, token: good })
  await run({ ...start, userId: 'eve', token: good })
  await run({ ...start, token: keep(await tokenFor('ada', { secret: 'wrong secret of a test' })) })
  await run({ ...start, token: keep(await tokenFor('ada', { expiresIn: 0.001 })) })
  await run({ ...start, token: keep(good.slice(0, -3)) })
  await run({ ...start, token: keep('nonsense for a token') })
  await run({ ...start, appId: 'closed', token: good }, { origin: 'https://a.example' })
  await run({ ...start, appId: 'closed', token: good }, { origin: 'https://evil.example' })
  await run({ ...start, signature })
  await run({ ...start, userId: 'eve', signature })
  await run({ ...start, appId: 'closed', signature })
  for (const pass of ['good', 'bad', 'throws', 'parses', 'hangs', 'nonsense'])
    await run({ ...start, authParams: { pass: keep(`${pass} pass word`), [keep('name of a param')]: 1 } })
  await run(guestStart)
  await run({ type: 'start', appId: 'closed', guest: true })
  // A developer may put credentials into another field by mistake.
  await run({ type: 'start', appId: good, guest: true })
  await run({ type: 'start', appId: signature, token: good })
  await run({ ...start, appId: signature, token: good, signature })
  await run({ [good]: signature })

  for (const value of [`chat-session.v1, start.${good}`, `start.${good}`]) {
    const raw = await openRaw(url)
    raw.socket.write(
      handshake({ 'Sec-WebSocket-Protocol': value, Authorization: `Bearer ${good}`, Cookie: `t=${good}` }),
    )
    await raw.answer()
    raw.socket.destroy()
  }
  const live = await startClient(url, { ...start, token: good })
  live.send(`{"type":"token","token":"${good}`)
  await live.closed
  const last = await startClient(url, { ...start, token: good })
  await gateway.close()
  await last.closed

  const all = [...lines, ...written]
  // Repeated refusals are counted in one line.
  const counted = lines.reduce(
    (sum, line) => sum + ((JSON.parse(line) as { repeated?: number }).repeated ?? 1),
    0,
  )
  assert.ok(counted > 30, 'the log was written')
  for (const wanted of [
    'session started',
    'unauthenticated',
    'token-expired',
    'guests-refused',
    'origin-refused',
    'unknown-app',
  ])
    assert.ok(
      lines.some((line) => line.includes(wanted)),
      wanted,
    )
  assert.ok(
    lines.some((line) => line.includes('SyntaxError') && line.includes('log-secrecy.test')),
    'the log has the stack',
  )
  for (const value of secrets)
    for (const line of all) assert.ok(!line.includes(value), `${value} is logged in ${line}`)
  assert.ok(!all.some((line) => line.includes('start.ey')))
})
