import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient } from '../support/raw-client.js'
import { runGateway, startOf } from './support.js'

test('repeated refusals are one line, and their number in another', async () => {
  const { url, gateway, lines } = await runGateway()
  const starts = [
    ...Array.from({ length: 30 }, () => ({ type: 'start', appId: 'missing', guest: true })),
    ...(await Promise.all(Array.from({ length: 5 }, () => startOf('ada', { token: 'nonsense' })))),
  ]
  for (const start of starts) await openClient(url, { start }).end()
  const refusals = (): Record<string, unknown>[] =>
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'start refused')
  assert.deepEqual(
    refusals().map(({ code, repeated }) => [code, repeated]),
    [
      ['unknown-app', undefined],
      ['unauthenticated', undefined],
    ],
  )
  await gateway.close()
  assert.deepEqual(
    refusals()
      .slice(2)
      .map(({ code, repeated }) => [code, repeated]),
    [
      ['unknown-app', 29],
      ['unauthenticated', 4],
    ],
  )
})
