// A refused start reveals nothing about the users of the app.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSignature } from '../../../src/tokens/index.js'
import { openClient, startClient } from '../../support/raw-client.js'
import { startGateway } from '../../support/gateway.js'
import { startOf } from '../../support/starts.js'
import { tokenFor } from '../../support/tokens.js'

const { url, gateway } = await startGateway({ authenticate: () => Promise.resolve({ ok: false }) })

// A user with a session, and a user who has a message and never connected.
const known = await startClient(url, await startOf('known', { user: { name: 'Known' } }))
await gateway.publish({ appId: 'app', to: 'written to', body: 'Hello' })

const USERS = ['known', 'written to', 'unknown']

const credentials: Record<string, (userId: string) => Promise<object>> = {
  'a token of another secret': async (userId) => ({ token: await tokenFor(userId, { secret: 'wrong' }) }),
  'a token of another secret that has expired': async (userId) => ({
    token: await tokenFor(userId, { secret: 'wrong', expiresIn: 0.001 }),
  }),
  'a token of another app': async (userId) => ({ token: await tokenFor(userId, { appId: 'other' }) }),
  'a token that is none': (userId) => Promise.resolve({ token: userId }),
  'a signature of another secret': async (userId) => ({
    userId,
    signature: await createSignature(userId, 'wrong'),
  }),
  'a signature that is none': (userId) => Promise.resolve({ userId, signature: 'x' }),
  'auth params that the app refuses': (userId) => Promise.resolve({ userId, authParams: { password: 'x' } }),
}

/** Returns everything that the client of a refused start receives. */
const refusalOf = async (start: object): Promise<unknown> => {
  const client = openClient(url, { start: { type: 'start', ...start } })
  const { code, reason } = await client.end()
  return { frames: client.frames, code, reason }
}

for (const [what, make] of Object.entries(credentials))
  test(`a start with ${what} is refused in the same words for every user, known or not`, async () => {
    const [first, ...others] = await Promise.all(
      USERS.map(async (userId) => refusalOf({ appId: 'app', ...(await make(userId)) })),
    )
    for (const other of others) assert.deepEqual(other, first)
    assert.match(JSON.stringify(first), /"code":4101/)
  })

test('a start for an unknown app is refused in the same words, whatever its credentials', async () => {
  const starts = await Promise.all([
    ...Object.values(credentials).map((make) => make('known')),
    tokenFor('known').then((token) => ({ token })),
    Promise.resolve({ guest: true }),
  ])
  const [first, ...others] = await Promise.all(starts.map((start) => refusalOf({ appId: 'none', ...start })))
  for (const other of others) assert.deepEqual(other, first)
  assert.match(JSON.stringify(first), /"code":4404/)
})

test("a session that is given another user's token is refused in the same words, whether that user is known or not", async () => {
  const refusals = []
  for (const userId of ['written to', 'unknown']) {
    known.send({ type: 'token', token: await tokenFor(userId) })
    refusals.push(await known.next('refused'))
  }
  assert.deepEqual(refusals[0], refusals[1])
})
