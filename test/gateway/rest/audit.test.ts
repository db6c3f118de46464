// The audit log has a line for each REST call that changes something.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway, testApp } from '../../support/gateway.js'
import { secret, tokenFor } from '../../support/tokens.js'
import { restOf } from '../../support/rest/rest-calls.js'

const { url, lines } = await startGateway({ limits: { restPerSecond: 1_000 } })
const rest = restOf(url)

const takeAudited = (): Record<string, unknown>[] =>
  lines
    .splice(0)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ audit }) => audit)

test('each call that changes something has one line: who, what, whom, when and with which result', async () => {
  await rest('PUT', '/users/ad%C3%A4%2F1', { name: 'Ada' })
  await rest('GET', '/users/ad%C3%A4%2F1')
  await rest('DELETE', '/users/nobody/sessions/none')
  await rest('DELETE', '/tokens/id-1')
  await restOf(url, { key: 'another secret of a test, which is wrong' })('PUT', '/users/ada', { name: 'Ada' })
  const audited = takeAudited()
  assert.deepEqual(
    audited.map(({ what, whom, result }) => ({ what, whom, result })),
    [
      { what: 'putUser', whom: { appId: 'app', userId: 'adä/1' }, result: 201 },
      { what: 'endSession', whom: { appId: 'app', userId: 'nobody', sessionId: 'none' }, result: 404 },
      { what: 'revokeToken', whom: { appId: 'app', tokenId: 'id-1' }, result: 204 },
    ],
  )
  for (const { who, time } of audited) {
    const { by, appId, tokenId, address } = who as Record<string, unknown>
    assert.deepEqual([by, appId, typeof tokenId, address], ['app-token', 'app', 'string', '127.0.0.1'])
    assert.ok(Date.parse(String(time)) > 0)
  }
})

test('a flood of refused calls has one line for each call and result, and their number in another', async () => {
  const apps = { app: testApp({ limits: { restPerSecond: 10 } }), other: { environment: 'test' as const } }
  const flooded = await startGateway({}, { apps })
  const call = restOf(flooded.url)
  const statuses = await Promise.all(
    Array.from({ length: 60 }, (_, index) => call('DELETE', `/v1/apps/other/users/user-${index}`)),
  )
  const limited = statuses.filter(({ status }) => status === 429).length
  assert.ok(limited > 0 && limited < 60)
  await restOf(flooded.url, { key: 'another secret of a test, which is wrong' })('DELETE', '/users/ada')
  const audited = () =>
    flooded.lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ audit }) => audit)
  assert.deepEqual(new Set(audited().map(({ result }) => result)), new Set([403, 429]))
  assert.equal(audited().length, 2)
  const refused = audited().find(({ result }) => result === 403)?.['whom'] as { appId: string }
  assert.equal(refused.appId, 'other')
  await flooded.gateway.close()
  const counted = new Map(audited().map(({ result, repeated }) => [result, repeated]))
  assert.deepEqual([counted.get(403), counted.get(429)], [60 - limited - 1, limited - 1])
  assert.equal(audited().length, 4)
})

test('no line of the log has a secret, a token or a body, even if a token stands in place of its id', async () => {
  const token = await tokenFor('ada')
  await rest('PUT', '/users/ada', { name: 'the name', custom: { field: 'the custom field' } })
  await rest('POST', '/users/ada/messages', { body: 'the body', data: { field: 'the data' } })
  await rest('DELETE', `/tokens/${token}`)
  await rest('DELETE', '/users/ada/sessions?mode=reauth')
  const text = lines.splice(0).join('')
  for (const what of ['putUser', 'sendMessage', 'revokeToken', 'endUserSessions'])
    assert.ok(text.includes(what), what)
  for (const hidden of [
    secret,
    token,
    token.split('.')[2] ?? '',
    'eyJ',
    'the name',
    'the custom',
    'the body',
    'the data',
  ])
    assert.ok(!text.includes(hidden), hidden)
})
