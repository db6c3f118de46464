import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { calls } from '../../../src/gateway/rest/calls/calls.js'
import { openApiDocument } from '../../../src/gateway/rest/openapi.js'
import { profileFields, VERSION } from '../../../src/protocol/index.js'
import { lint } from '../../support/rest/openapi.mjs'
import { startClient } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'
import { until } from '../../support/until.js'
import { documented, seen } from '../../support/rest/rest-conformance.js'
import { field, restOf } from '../../support/rest/rest-calls.js'

const { url } = await startGateway({
  push: { subject: 'mailto:ops@example.com', url: 'https://www.example.com' },
})
const rest = restOf(url)

interface Document {
  openapi: string
  info: { version: string }
  paths: Record<string, Record<string, { operationId: string }>>
  components: { schemas: Record<string, { properties: Record<string, unknown> }> }
}
const document = openApiDocument() as unknown as Document

test('the document passes the linter', async () => {
  assert.deepEqual(await lint(JSON.stringify(document)), [])
})

test('the gateway serves the document, to anyone, with its own version', async () => {
  const response = await fetch(`${url}/v1/openapi.json`)
  assert.equal(response.headers.get('content-type'), 'application/json')
  assert.deepEqual(await response.json(), JSON.parse(JSON.stringify(document)))
  assert.deepEqual([document.openapi, document.info.version], ['3.1.0', VERSION])
})

test('the document and docs/REST.md have every call of the table', async () => {
  const ids = calls.map(({ id }) => id)
  const operations = Object.values(document.paths).flatMap((each) => Object.values(each))
  assert.deepEqual(operations.map(({ operationId }) => operationId).sort(), [...ids, 'getOpenApi'].sort())
  const guide = await readFile(new URL('../../../docs/REST.md', import.meta.url), 'utf8')
  for (const { id, method, path } of calls) {
    const written = `${method.toUpperCase()} ${path.replace('/v1/apps/{app}', '{app}')}`
    assert.ok(guide.includes(`\`${written}\``), `${id}: ${written}`)
  }
})

test('the profile in the document has the fields of a profile', () => {
  for (const [name, more] of [['Profile', []] as const, ['User', ['id']] as const])
    assert.deepEqual(
      Object.keys(document.components.schemas[name]?.properties ?? {}).sort(),
      [...Object.keys(profileFields), ...more].sort(),
    )
})

test('every successful answer is as the document says', async () => {
  const client = await startClient(url, await startOf('ann', { user: { name: 'Ann' } }))
  await startClient(url, await startOf('ann'))
  const message = { id: '1', from: 'bob', body: 'Hello', data: { deep: [1] } }
  await rest('PUT', '/users/new', { name: 'New', custom: { a: 'b' } })
  await rest('PUT', '/users/new', { photoUrl: 'https://www.example.com/a.png' })
  await rest('GET', '/users/ann')
  await rest('GET', '/users?limit=1')
  await rest('POST', '/users:status', { users: ['ann', 'nobody'] })
  await rest('POST', '/users/ann/adopt', { guest: 'guest:~nobody' })
  await rest('POST', '/users/ann/messages', message)
  await rest('POST', '/users/ann/messages', message)
  await rest('POST', '/messages', { to: ['ann', 'guest:no'], body: 'All' })
  await rest('POST', '/users/ann/signals', { name: 'typing' })
  await rest('GET', '/users/ann/messages?limit=1')
  const epoch = client.started['epoch']
  await rest('POST', '/users/ann/read', { epoch, offset: 1 })
  await rest('POST', '/users/ann/read', { epoch, offset: 1, with: null })
  await rest('GET', '/users/ann/messages?with=bob')
  await rest('GET', '/users/ann/peers?limit=1')
  const keys = { p256dh: createECDH('prime256v1').generateKeys('base64url'), auth: 'A'.repeat(22) }
  const endpoint = 'https://fcm.googleapis.com/send/1'
  client.send({ type: 'push', subscription: { endpoint, expirationTime: null, keys } })
  const subscriptions = async (): Promise<unknown[]> =>
    field(await rest('GET', '/users/ann/push'), 'subscriptions') as unknown[]
  await until('the device is stored', async () => (await subscriptions()).length, 1)
  const devices = await rest('GET', '/users/ann/push')
  await rest('DELETE', `/users/ann/push/${field(devices, 'subscriptions', 0, 'id') as string}`)
  const sessions = await rest('GET', '/users/ann/sessions?limit=1')
  await rest('DELETE', `/users/ann/sessions/${field(sessions, 'sessions', 0, 'id') as string}`)
  await rest('DELETE', '/users/ann/sessions?mode=reauth')
  await rest('GET', '/users/ann')
  await rest('DELETE', '/users/ann/revocation')
  await rest('DELETE', '/tokens/some')
  await rest('DELETE', '/sessions')
  await rest('DELETE', '/users/ann')
  await rest('GET', '/usage')
  await rest('GET', '/v1/openapi.json')
  const missing = documented.filter((answer) => !seen.has(answer))
  assert.deepEqual(missing, [])
})
