import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calls } from '../../../../src/gateway/rest/calls/calls.js'
import { startClient, startAs } from '../../../support/raw-client.js'
import { startOf, guestStart } from '../../../support/starts.js'
import { field, onBothEngines, restOf, statusAndCode } from '../../../support/rest/rest-calls.js'

for (const { url, on } of await onBothEngines()) {
  const rest = restOf(url)

  test(`PUT creates a user, and replaces the vouched profile as a whole ${on}`, async () => {
    const created = await rest('PUT', '/users/put', { name: 'Ann', role: 'seller', unknown: 1 })
    assert.deepEqual([created.status, created.body], [201, { id: 'put', name: 'Ann', role: 'seller' }])
    const replaced = await rest('PUT', '/users/put', { name: 'Anna' })
    assert.deepEqual([replaced.status, replaced.body], [200, { id: 'put', name: 'Anna' }])
    for (const body of [
      { name: 1 },
      [],
      null,
      'x',
      { photoUrl: 'http://x' },
      { custom: { a: 1 } },
      { name: '\ud800' },
    ])
      assert.deepEqual(statusAndCode(await rest('PUT', '/users/put', body)), [400, 'bad-request'])
  })

  test(`a connected client receives the profile of a PUT ${on}`, async () => {
    const client = await startAs(url, 'seen')
    await rest('PUT', '/users/seen', { name: 'Seen' })
    assert.deepEqual((await client.next('user'))['user'], { id: 'seen', name: 'Seen' })
  })

  test(`GET answers the profile, presence and inbox of a user ${on}`, async () => {
    assert.deepEqual(statusAndCode(await rest('GET', '/users/got')), [404, 'unknown-user'])
    const client = await startAs(url, 'got', { user: { name: 'Got' } })
    await rest('POST', '/users/got/messages', { body: 'Hello' })
    const { status, body } = await rest('GET', '/users/got')
    const { inbox, lastSeenAt, ...others } = body as Record<string, unknown>
    assert.equal(status, 200)
    assert.ok(Math.abs(Number(lastSeenAt) - Date.now()) < 60_000)
    assert.deepEqual(inbox, { epoch: client.started['epoch'], offset: 1, readOffset: 0, unread: 1 })
    const user = { id: 'got', name: 'Got' }
    assert.deepEqual(others, { user, online: true, sessions: 1, revokedBefore: null })
    client.send({ type: 'end' })
    await client.closed
    assert.equal(field(await rest('GET', '/users/got'), 'online'), false)
  })

  test(`users:status answers in the order of the request ${on}`, async () => {
    const client = await startAs(url, 'here')
    const { body } = await rest('POST', '/users:status', { users: ['never', 'here', 'never'] })
    const users = field({ body } as never, 'users') as Record<string, unknown>[]
    assert.deepEqual(
      users.map(({ id, online, sessions, unread }) => [id, online, sessions, unread]),
      [
        ['never', false, 0, 0],
        ['here', true, 1, 0],
        ['never', false, 0, 0],
      ],
    )
    client.close()
    assert.equal((await rest('POST', '/users%3Astatus', { users: [] })).status, 200)
    const many = Array.from({ length: 101 }, (_, index) => `${index}`)
    for (const list of [many, [1.5], [true], [''], ['.'], 'ann', undefined])
      assert.deepEqual(statusAndCode(await rest('POST', '/users:status', { users: list })), [
        400,
        'bad-request',
      ])
  })

  test(`the list of users goes on after users are deleted and created between its pages ${on}`, async () => {
    const ids = ['page/1', 'page%2', 'page 3', 'päge4', 'page:5', 'page+6']
    for (const id of ids) await rest('PUT', `/users/${encodeURIComponent(id)}`, {})
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const answer = await rest('GET', `/users?limit=2${cursor ? `&cursor=${cursor}` : ''}`)
      const users = field(answer, 'users') as { id: string }[]
      assert.ok(users.length <= 2)
      seen.push(...users.map(({ id }) => id))
      cursor = field(answer, 'next') as string | undefined
      // The row that the cursor names is deleted, and a row before it is added.
      const last = users.at(-1)
      if (cursor && last) await rest('DELETE', `/users/${encodeURIComponent(last.id)}`)
      await rest('PUT', '/users/%20first', {})
    } while (cursor)
    for (const id of ids) assert.equal(seen.filter((each) => each === id).length, 1, id)
    assert.deepEqual(statusAndCode(await rest('GET', '/users?cursor=eA')), [400, 'bad-request'])
    assert.deepEqual(statusAndCode(await rest('GET', '/users?limit=0')), [400, 'bad-request'])
    assert.deepEqual(statusAndCode(await rest('GET', '/users?limit=101')), [400, 'bad-request'])
  })

  test(`DELETE ends the sessions and forgets the user and the inbox ${on}`, async () => {
    const start = await startOf('gone')
    const client = await startClient(url, start)
    await rest('POST', '/users/gone/messages', { body: 'Old' })
    const answer = await rest('DELETE', '/users/gone')
    assert.equal(answer.status, 200)
    assert.ok(Math.abs((field(answer, 'revokedBefore') as number) - Date.now()) < 60_000)
    assert.equal((await client.end()).code, 4410)
    assert.deepEqual(statusAndCode(await rest('GET', '/users/gone')), [404, 'unknown-user'])
    await rest('PUT', '/users/gone', {})
    const again = await rest('GET', '/users/gone')
    assert.notEqual(field(again, 'inbox', 'epoch'), client.started['epoch'])
    assert.equal(field(again, 'revokedBefore'), field(answer, 'revokedBefore'))
    assert.equal((await rest('DELETE', '/users/never-came')).status, 200)
  })

  test(`a deletion revokes what was issued up to now, whatever earlier time it names, and says so ${on}`, async () => {
    const before = Date.now()
    const answer = await rest('DELETE', '/users/early?issuedBefore=1000000000')
    assert.ok((field(answer, 'revokedBefore') as number) >= before)
    const { description = '' } = calls.find(({ id }) => id === 'deleteUser') ?? {}
    assert.match(description, /an earlier `issuedBefore` counts as now/)
  })

  test(`no call makes a guest, and the calls about an existing guest work ${on}`, async () => {
    assert.deepEqual(statusAndCode(await rest('PUT', '/users/guest:new', {})), [404, 'unknown-user'])
    const toGuest = await rest('POST', '/users/guest%3Anew/messages', { body: 'x' })
    assert.deepEqual(statusAndCode(toGuest), [404, 'unknown-user'])
    const asGuest = await rest('POST', '/users/ann/messages', { from: 'guest:new', body: 'x' })
    assert.deepEqual(statusAndCode(asGuest), [404, 'unknown-user'])
    assert.deepEqual(statusAndCode(await rest('GET', '/users/guest:new')), [404, 'unknown-user'])

    const client = await startClient(url, { ...guestStart, userId: 'gil' })
    assert.equal((await rest('POST', '/users/guest:gil/messages', { body: 'Hello' })).status, 201)
    assert.equal((await client.next('message'))['body'], 'Hello')
    assert.equal((await rest('PUT', '/users/guest%3Agil', { name: 'Gil' })).status, 200)
    assert.equal(field(await rest('GET', '/users/guest:gil'), 'user', 'name'), 'Gil')
    assert.equal((await rest('DELETE', '/users/guest:gil/sessions')).status, 200)
    assert.equal((await client.end()).code, 4410)
  })

  test(`usage has the counts and the limit of each ${on}`, async () => {
    const { status, body } = await rest('GET', '/usage')
    assert.equal(status, 200)
    const usage = body as Record<string, Record<string, unknown>>
    assert.deepEqual(Object.keys(usage['limits'] ?? {}), ['users', 'guests', 'inboxes', 'bytes', 'sessions'])
    assert.equal(usage['limits']?.['guests'], 100_000)
    assert.ok(Number(usage['users']) > 0 && Number(usage['bytes']) > 0)
  })
}
