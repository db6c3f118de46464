// A profile for which an app's backend vouches, with a wrong field: each way says which field it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../support/gateway.js'
import { openClient } from '../../support/raw-client.js'
import { field, restOf, statusAndCode } from '../../support/rest/rest-calls.js'
import { forge } from '../../support/forged-tokens.js'
import { appId, secret } from '../../support/tokens.js'

const user = { name: 'Ada', photoUrl: '/ada.png' }
const PROBLEM = "'photoUrl' must be an https URL, or be left out"

test('a token with a wrong field in its profile is refused with the name of the field, to the client and in the log', async () => {
  const { url, lines } = await startGateway()
  const now = Math.floor(Date.now() / 1_000)
  const claims = { tokenType: 'user', iss: appId, sub: 'ada', iat: now, exp: now + 60, user }
  const token = forge(claims, undefined, secret)
  const { frame } = await openClient(url, { start: { type: 'start', appId, token } }).end()
  assert.deepEqual(
    [frame['code'], frame['message']],
    ['unauthenticated', `The token's 'user' is not a profile: ${PROBLEM}.`],
  )
  const logged = lines.filter((line) => line.includes('start refused'))
  assert.deepEqual([logged.length, logged.join('').includes(PROBLEM)], [1, true])
})

test('an answer about auth params with a wrong field in its profile is refused in the same way', async () => {
  const { url, lines } = await startGateway({ authenticate: () => Promise.resolve({ ok: true, user }) })
  const start = { type: 'start', appId, userId: 'ada', authParams: {} }
  const { frame } = await openClient(url, { start }).end()
  assert.match(
    String(frame['message']),
    /answered with a 'user' that is no profile: 'photoUrl' must be an https/,
  )
  assert.ok(lines.some((line) => line.includes('start refused') && line.includes(PROBLEM)))
})

test('a call with a wrong field in a profile is a bad request that names the field', async () => {
  const { url } = await startGateway()
  const answer = await restOf(url)('PUT', '/users/ada', user)
  assert.deepEqual(statusAndCode(answer), [400, 'bad-request'])
  assert.equal(field(answer, 'title'), `The body is no profile: ${PROBLEM}.`)
})
