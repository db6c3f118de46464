import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { calls } from '../../../src/gateway/rest/calls/calls.js'
import { openApiDocument } from '../../../src/gateway/rest/openapi.js'
import { profileFields, VERSION } from '../../../src/protocol/index.js'
import { lint } from '../../support/rest/openapi.mjs'
import { startAs } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { until } from '../../support/until.js'
import { documented, seen } from '../../support/rest/rest-conformance.js'
import { makeEveryCall } from '../../support/rest/every-call.js'
import { field, restOf } from '../../support/rest/rest-calls.js'
import { appId, secret } from '../../support/tokens.js'

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
  // Without users, and without the devices below.
  const empty = await startGateway()
  const call = restOf(empty.url)
  await makeEveryCall({ url: empty.url, appId, secret }, async (name, { body, ...params }) => {
    const { method, path } = calls.find(({ id }) => id === name) ?? assert.fail(name)
    const query = new URLSearchParams()
    let target = path.replace('/v1/apps/{app}', '')
    for (const [param, value] of Object.entries(params)) {
      if (!target.includes(`{${param}}`)) query.set(param, String(value))
      target = target.replace(`{${param}}`, encodeURIComponent(String(value)))
    }
    const answer = await call(method.toUpperCase(), `${target}?${query.toString()}`, body)
    const { title, ...error } = (answer.body ?? {}) as { title: string }
    return answer.status < 400 ? { answer: answer.body ?? null } : { error: { ...error, message: title } }
  })
  const client = await startAs(url, 'ann')
  const keys = { p256dh: createECDH('prime256v1').generateKeys('base64url'), auth: 'A'.repeat(22) }
  const endpoint = 'https://fcm.googleapis.com/send/1'
  client.send({ type: 'push', subscription: { endpoint, expirationTime: null, keys } })
  const deviceOf = async (): Promise<unknown> =>
    field(await rest('GET', '/users/ann/push'), 'subscriptions', 0, 'id')
  await until('the device is stored', async () => (await deviceOf()) !== undefined)
  await rest('DELETE', `/users/ann/push/${(await deviceOf()) as string}`)
  await rest('GET', '/v1/openapi.json')
  const missing = documented.filter((answer) => !seen.has(answer))
  assert.deepEqual(missing, [])
})
