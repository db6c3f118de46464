import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openClient } from '../support/raw-client.js'
import { startGateway } from '../support/gateway.js'
import { startOf } from '../support/starts.js'
import { tokenFor } from '../support/tokens.js'

test('repeated refusals are one line for each reason, and their number in another', async () => {
  const { url, gateway, lines } = await startGateway()
  const wrong = await tokenFor('ada', { secret: 'not the secret of the app' })
  const starts = [
    ...Array.from({ length: 30 }, () => ({ type: 'start', appId: 'missing', guest: true })),
    ...(await Promise.all(Array.from({ length: 5 }, () => startOf('ada', { token: 'nonsense' })))),
    // These starts are refused with the same code for another reason.
    ...(await Promise.all(Array.from({ length: 3 }, () => startOf('ada', { token: wrong })))),
  ]
  for (const start of starts) await openClient(url, { start }).end()
  const refusals = (): unknown[][] =>
    lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'start refused')
      .map(({ code, why, repeated }) => [code, why, repeated])
  const form = 'The token is not three parts of canonical base64url.'
  const secret =
    "No secret of the app matches the token's signature: 'npx chat-session check-token' says what it was signed with."
  assert.deepEqual(refusals(), [
    ['unknown-app', undefined, undefined],
    ['unauthenticated', form, undefined],
    ['unauthenticated', secret, undefined],
  ])
  await gateway.close()
  assert.deepEqual(refusals().slice(3), [
    ['unknown-app', undefined, 29],
    ['unauthenticated', form, 4],
    ['unauthenticated', secret, 2],
  ])
})
