import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startClient, startAs, outcomeOf } from '../../../support/raw-client.js'
import { startOf } from '../../../support/starts.js'
import { field, onBothEngines, restOf, statusAndCode } from '../../../support/rest/rest-calls.js'

// Pings are further apart than a test waits: only the engine's event can end a session.
for (const { url, on } of await onBothEngines({}, { pingInterval: 300 })) {
  const rest = restOf(url)

  test(`logs a user out everywhere without a ping, until the revocation is lifted ${on}`, async () => {
    const start = await startOf('out')
    const clients = [await startClient(url, start), await startClient(url, start)]
    const answer = await rest('DELETE', '/users/out/sessions')
    assert.equal(answer.status, 200)
    for (const client of clients) assert.equal((await client.end()).code, 4410)
    assert.equal(await outcomeOf(url, start), 'unauthenticated')
    assert.equal(field(await rest('GET', '/users/out'), 'revokedBefore'), field(answer, 'revokedBefore'))
    assert.equal((await rest('DELETE', '/users/out/revocation')).status, 204)
    assert.equal(await outcomeOf(url, start), 'started')
    assert.equal((await rest('DELETE', '/users/out/revocation')).status, 204)
  })

  test(`issuedBefore takes the place of now, inclusive and up to 30 s ahead, and never decreases ${on}`, async () => {
    const start = await startOf('before')
    const issuedAt = Math.floor(Date.now() / 1000)
    const past = issuedAt - 3600
    const client = await startClient(url, start)
    const early = await rest('DELETE', `/users/before/sessions?issuedBefore=${past}`)
    assert.equal(field(early, 'revokedBefore'), past * 1000)
    assert.equal(await outcomeOf(url, start), 'started')
    const ahead = issuedAt + 20
    const late = await rest('DELETE', `/users/before/sessions?issuedBefore=${ahead}`)
    assert.equal(field(late, 'revokedBefore'), ahead * 1000)
    assert.equal((await client.end()).code, 4410)
    const again = await rest('DELETE', `/users/before/sessions?issuedBefore=${past}.5`)
    assert.equal(field(again, 'revokedBefore'), ahead * 1000)
    for (const bad of [issuedAt + 60, Date.now(), 'now', '-1', '', '1e9', ' 1', '1&issuedBefore=2'])
      assert.deepEqual(
        statusAndCode(await rest('DELETE', `/users/before/sessions?issuedBefore=${bad}`)),
        [400, 'bad-request'],
        String(bad),
      )
  })

  test(`mode=reauth asks live clients for another token ${on}`, async () => {
    const client = await startAs(url, 'again')
    const answer = await rest('DELETE', '/users/again/sessions?mode=reauth')
    assert.equal(field(answer, 'within'), 10)
    const renewed = await client.next('renewed')
    assert.equal(renewed['reauth'], true)
    client.close()
    assert.deepEqual(statusAndCode(await rest('DELETE', '/users/again/sessions?mode=soft')), [
      400,
      'bad-request',
    ])
    // A misspelt parameter must not log out harder than the caller meant.
    const misspelt = await rest('DELETE', '/users/again/sessions?mod=reauth')
    assert.deepEqual(statusAndCode(misspelt), [400, 'bad-request'])
  })

  test(`lists a user's sessions in pages, and ends one of them ${on}`, async () => {
    assert.deepEqual(statusAndCode(await rest('GET', '/users/many/sessions')), [404, 'unknown-user'])
    const start = await startOf('many', { client: 'test/1' })
    const clients = [
      await startClient(url, start),
      await startClient(url, start),
      await startClient(url, start),
    ]
    const first = await rest('GET', '/users/many/sessions?limit=2')
    const page = field(first, 'sessions') as Record<string, unknown>[]
    assert.equal(page.length, 2)
    const { id, tokenId, issuedAt, expiresAt, startedAt, lastSeenAt, node, ...others } = page[0] ?? {}
    assert.deepEqual(others, {
      state: 'active',
      hidden: false,
      way: 'token',
      origin: null,
      address: '127.0.0.1',
      client: 'test/1',
      rtt: null,
    })
    for (const value of [id, tokenId, node]) assert.equal(typeof value, 'string')
    for (const value of [issuedAt, expiresAt, startedAt, lastSeenAt]) assert.equal(typeof value, 'number')
    // The session that the cursor names ends between the pages.
    const last = page[1]?.['id'] as string
    assert.equal((await rest('DELETE', `/users/many/sessions/${last}`)).status, 204)
    const rest2 = await rest('GET', `/users/many/sessions?cursor=${field(first, 'next') as string}`)
    const more = field(rest2, 'sessions') as Record<string, unknown>[]
    assert.equal(more.length, 1)
    assert.ok(!page.some((session) => session['id'] === more[0]?.['id']))
    assert.equal(field(rest2, 'next'), undefined)
    const gone = await rest('DELETE', `/users/many/sessions/${last}`)
    assert.deepEqual(statusAndCode(gone), [404, 'not-found'])
    const ended = clients.find(({ started }) => started['sessionId'] === last)
    assert.equal((await ended?.end())?.code, 4410)
  })
}
