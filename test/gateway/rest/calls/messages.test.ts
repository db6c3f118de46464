import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAs } from '../../../support/raw-client.js'
import { pageTests } from '../../../support/rest/page-tests.js'
import {
  field,
  onBothEngines,
  restOf,
  statusAndCode,
  type RestAnswer,
} from '../../../support/rest/rest-calls.js'

const offsetsIn = (answer: RestAnswer): unknown[] =>
  (field(answer, 'messages') as { offset: number }[]).map(({ offset }) => offset)

for (const { url, on } of await onBothEngines({ unknownRecipients: false })) {
  const rest = restOf(url)

  pageTests(on, url)

  test(`a message is stored once for each id, and creates its recipient and sender ${on}`, async () => {
    const message = { id: '1', from: 'new/sender', body: 'Hello', data: { constructor: 'kept' } }
    const sent = await rest('POST', '/users/new%20one/messages', message)
    assert.equal(sent.status, 201)
    assert.equal(field(sent, 'offset'), 1)
    const again = await rest('POST', '/users/new%20one/messages', message)
    assert.deepEqual([again.status, again.body], [200, sent.body])
    const other = await rest('POST', '/users/new%20one/messages', { ...message, body: 'Other' })
    assert.deepEqual(statusAndCode(other), [409, 'conflict'])
    for (const user of ['new%20one', 'new%2Fsender']) {
      const [stored] = field(await rest('GET', `/users/${user}/messages`), 'messages') as Record<
        string,
        unknown
      >[]
      assert.deepEqual(
        [stored?.['from'], stored?.['body'], stored?.['data']],
        ['new/sender', 'Hello', message.data],
      )
    }
  })

  test(`a message without an id gets one, and a bad message is refused ${on}`, async () => {
    const sent = await rest('POST', '/users/ann/messages', { data: {} })
    assert.match(field(sent, 'id') as string, /^[\da-f-]{36}$/)
    const bad = [{}, { body: 1 }, { body: 'x', id: '' }, { body: 'x', from: '' }, { data: [] }, [], null]
    for (const body of bad)
      assert.deepEqual(statusAndCode(await rest('POST', '/users/ann/messages', body)), [400, 'bad-request'])
    const large = await rest('POST', '/users/ann/messages', { body: 'x'.repeat(16_385) })
    assert.deepEqual(statusAndCode(large), [413, 'too-large'])
  })

  test(`a message to several users has a result for each, and can be repeated ${on}`, async () => {
    const many = Array.from({ length: 996 }, (_, index) => `crowd ${index}`)
    const to = [...many, '', 'guest:nobody', '..', 'crowd 0']
    const first = await rest('POST', '/messages', { to, id: 'news', body: 'News' })
    assert.equal(first.status, 200)
    const results = field(first, 'results') as Record<string, unknown>[]
    assert.deepEqual(
      results.map(({ user }) => user),
      to,
    )
    assert.ok(results.slice(0, 996).every(({ offset }) => offset === 1))
    assert.deepEqual(
      results.slice(996).map(({ problem }) => (problem as { code?: string } | undefined)?.code),
      ['bad-request', 'unknown-user', 'bad-request', undefined],
    )
    assert.deepEqual(results.at(-1), results[0])
    assert.deepEqual((await rest('POST', '/messages', { to, id: 'news', body: 'News' })).body, first.body)
    const conflict = await rest('POST', '/messages', {
      to: ['crowd 1', 'crowd new'],
      id: 'news',
      body: 'Others',
    })
    const [refused, stored] = field(conflict, 'results') as Record<string, unknown>[]
    assert.deepEqual([(refused?.['problem'] as { code: string }).code, stored?.['offset']], ['conflict', 1])
    for (const body of [
      { to: [...to, 'x'], body: 'x' },
      { to: 'ann', body: 'x' },
      { to: ['ann'] },
      { body: 'x' },
    ])
      assert.deepEqual(statusAndCode(await rest('POST', '/messages', body)), [400, 'bad-request'])
    assert.deepEqual((await rest('POST', '/messages', { to: [], body: 'x' })).body, { results: [] })
  })

  test(`pages of messages lead to older ones, or with 'after' to newer ones ${on}`, async () => {
    assert.deepEqual(statusAndCode(await rest('GET', '/users/reader/messages')), [404, 'unknown-user'])
    for (let index = 1; index <= 7; index++)
      await rest('POST', '/users/reader/messages', { body: `${index}` })
    const read = (query: string): Promise<RestAnswer> => rest('GET', `/users/reader/messages?limit=3${query}`)
    const next = async (answer: RestAnswer): Promise<RestAnswer> =>
      read(`&cursor=${field(answer, 'next') as string}`)

    const newest = await read('')
    assert.deepEqual(offsetsIn(newest), [5, 6, 7])
    await rest('POST', '/users/reader/messages', { body: '8' })
    const older = await next(newest)
    assert.deepEqual(offsetsIn(older), [2, 3, 4])
    const oldest = await next(older)
    assert.deepEqual([offsetsIn(oldest), field(oldest, 'next')], [[1], undefined])

    const from = await read('&after=2')
    assert.deepEqual(offsetsIn(from), [3, 4, 5])
    const then = await next(from)
    assert.deepEqual([offsetsIn(then), field(then, 'next')], [[6, 7, 8], undefined])
    assert.deepEqual(offsetsIn(await read('&before=3')), [1, 2])
    assert.deepEqual(offsetsIn(await read('&after=100')), [])
    assert.deepEqual(offsetsIn(await read('&before=1')), [])
    for (const query of ['&after=1&before=3', '&after=-1', '&after=x', `&after=1&cursor=x`])
      assert.deepEqual(statusAndCode(await read(query)), [400, 'bad-request'])

    await rest('DELETE', '/users/reader')
    await rest('POST', '/users/reader/messages', { body: 'new' })
    assert.deepEqual(statusAndCode(await next(newest)), [409, 'conflict'])
  })

  test(`a page that would be larger than 1 MB is cut ${on}`, async () => {
    const body = '\u0001'.repeat(9_000)
    for (let index = 0; index < 30; index++) await rest('POST', '/users/large/messages', { body })
    const answer = await rest('GET', '/users/large/messages?limit=100')
    const offsets = offsetsIn(answer) as number[]
    assert.ok(offsets.length < 30 && offsets.at(-1) === 30)
    const older = await rest(
      'GET',
      `/users/large/messages?limit=100&cursor=${field(answer, 'next') as string}`,
    )
    assert.deepEqual(
      [...(offsetsIn(older) as number[]), ...offsets],
      Array.from({ length: 30 }, (_, i) => i + 1),
    )
  })

  test(`read marks messages, and a live session is told ${on}`, async () => {
    const client = await startAs(url, 'marks')
    for (const id of ['1', '2', '3']) await rest('POST', '/users/marks/messages', { id, body: id })
    const epoch = client.started['epoch']
    const marked = await rest('POST', '/users/marks/read', { epoch, offset: 2 })
    assert.deepEqual([marked.status, marked.body], [200, { epoch, offset: 3, readOffset: 2, unread: 1 }])
    assert.equal((await client.next('unread'))['readOffset'], 2)
    const back = await rest('POST', '/users/marks/read', { epoch, offset: 1 })
    assert.equal(field(back, 'readOffset'), 2)
    assert.deepEqual(statusAndCode(await rest('POST', '/users/marks/read', { epoch: 'x', offset: 1 })), [
      409,
      'conflict',
    ])
    assert.deepEqual(statusAndCode(await rest('POST', '/users/marks/read', { epoch, offset: -1 })), [
      400,
      'bad-request',
    ])
    assert.deepEqual(statusAndCode(await rest('POST', '/users/nobody/read', { epoch: 'x', offset: 1 })), [
      404,
      'unknown-user',
    ])
  })
}
