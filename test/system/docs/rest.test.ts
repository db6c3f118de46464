// Runs the calls that docs/REST.md shows, and compares their answers.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createECDH } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { SignJWT } from 'jose'
import { WebSocket } from 'ws'
import { errorStatus } from '../../../src/gateway/rest/errors.js'
import { ChatSession } from '../../../src/session/index.js'
import { createAppToken } from '../../../src/tokens/index.js'
import { startGateway } from '../../support/gateway.js'
import { startClient } from '../../support/raw-client.js'
import { matches } from '../../support/examples.js'

const guide = await readFile(new URL('../../../docs/REST.md', import.meta.url), 'utf8')
const appId = 'hF83jaq'
const secret = 'the secret of the app in docs/REST.md'

const { gateway, url: address } = await startGateway(
  {},
  {
    apps: {
      [appId]: {
        environment: 'test',
        secrets: [secret],
        push: { subject: 'mailto:ops@example.com', url: 'https://www.example.com/' },
      },
    },
  },
)
const app = `${address}/v1/apps/${appId}`

const call = async (path: string, method = 'GET'): Promise<Record<string, unknown>> => {
  const headers = {
    authorization: `Bearer ${await createAppToken({ appId, secret })}`,
    ...(method === 'PUT' && { 'content-type': 'application/json' }),
  }
  const response = await fetch(app + path, { method, headers, ...(method === 'PUT' && { body: '{}' }) })
  return (await response.json()) as Record<string, unknown>
}

/** Returns a token that no log-out of the page has reached before. */
const tokenFor = (userId: string): Promise<string> =>
  new SignJWT({ tokenType: 'user', iat: Math.floor(Date.now() / 1000) + 5 })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(appId)
    .setSubject(userId)
    .setJti('a-token')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret))

const visit = async (userId: string) =>
  startClient(address, { type: 'start', appId, token: await tokenFor(userId) })

const leave = async (client: Awaited<ReturnType<typeof visit>>): Promise<void> => {
  client.send({ type: 'end' })
  await client.closed
}

/** Prepares what an example needs, which a part of its command names. Returns variables for the command. */
const prepare = async (
  command: string,
): Promise<{ env: Record<string, string>; done: () => Promise<void> }> => {
  if (command.includes('$EPOCH'))
    return {
      env: { EPOCH: (await call('/users/67890/messages'))['epoch'] as string },
      done: () => Promise.resolve(),
    }
  if (command.includes('/push')) {
    const client = await visit('67890')
    const p256dh = createECDH('prime256v1').generateKeys('base64url')
    const keys = { p256dh, auth: Buffer.alloc(16).toString('base64url') }
    const endpoint = 'https://fcm.googleapis.com/fcm/send/a'
    client.send({ type: 'push', subscription: { endpoint, expirationTime: null, keys } })
    client.send({ type: 'read', epoch: client.started['epoch'], offset: 0 })
    await client.next('unread')
    const { subscriptions } = await call('/users/67890/push')
    const [subscription] = subscriptions as { id: string }[]
    return { env: { SUBSCRIPTION: subscription?.id ?? '' }, done: () => leave(client) }
  }
  if (command.includes('$GUEST')) {
    const guest = await startClient(address, { type: 'start', appId, guest: true })
    const { id } = guest.started['user'] as { id: string }
    await gateway.publish({ appId, to: id, body: 'Hello' })
    return { env: { GUEST: id }, done: () => guest.closed.then(() => undefined) }
  }
  if (!/\/67890\/sessions|\$SESSION|\/usage/.test(command)) return { env: {}, done: () => Promise.resolve() }
  const client = await visit(command.includes('$SESSION') ? '12345' : '67890')
  return { env: { SESSION: client.started['sessionId'] as string }, done: () => leave(client) }
}

test('each call of docs/REST.md has the answer that the page shows', async () => {
  await leave(await visit('12345'))
  await gateway.publish({ appId, to: '12345', body: 'Hello' })
  await call('/users/67890', 'PUT')

  const examples = [...guide.matchAll(/^```sh\n(.*?)^```$(?:\n\n```json\n(.*?)^```$)?/gms)]
  assert.ok(examples.length >= 17)
  for (const [, command = '', shown] of examples) {
    const { env, done } = await prepare(command)
    const { stdout } = await promisify(execFile)('bash', ['-ec', command.replace('curl', 'curl -sS')], {
      env: { ...process.env, ...env, APP: app, TOKEN: await createAppToken({ appId, secret }) },
    })
    await done()
    const answer = stdout === '' ? undefined : (JSON.parse(stdout) as unknown)
    const expected = shown === undefined ? undefined : (JSON.parse(shown) as unknown)
    assert.ok(
      matches(expected, answer),
      `${command}\nanswered ${stdout}\nThe page shows ${shown ?? 'nothing'}`,
    )
  }
})

test('a revoked session ends and asks its source for no other token, as docs/REST.md and docs/OIDC.md say', async () => {
  for (const page of [guide, await readFile(new URL('../../../docs/OIDC.md', import.meta.url), 'utf8')])
    assert.match(page.replaceAll(/\s+/g, ' '), /does not ask `token-url` and does not start again by itself/)
  let asks = 0
  const session = new ChatSession({
    endpoint: address,
    appId,
    WebSocket,
    tokenFetcher: () => {
      asks += 1
      return tokenFor('carol')
    },
  })
  const states: string[] = []
  const ended = new Promise<void>((resolve) =>
    session.addEventListener('state', ({ detail }) => {
      states.push(detail.state)
      if (detail.state === 'ended') resolve()
    }),
  )
  await session.start()
  // The time of the revocation is after the token's `iat`, which is ahead.
  await call(`/users/carol/sessions?issuedBefore=${Math.floor(Date.now() / 1000) + 20}`, 'DELETE')
  await ended
  assert.deepEqual([states, session.error?.code, asks], [['starting', 'active', 'ended'], 'revoked', 1])
})

test('docs/REST.md has every code, with its status', () => {
  for (const [code, status] of Object.entries(errorStatus))
    assert.match(guide, new RegExp(`^\\| ${status} +\\| [^|]*\`${code}\``, 'm'), code)
})
