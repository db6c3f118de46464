import assert from 'node:assert/strict'
import { mock, test, type TestContext } from 'node:test'
import { createPostSends, type PostSends } from '../../src/session/post-sends.js'
import type { LeftSend } from '../../src/session/storage/outbox.js'

const by = { appId: 'app', userId: 'ada', token: 'a.b.c', signature: undefined }

const sendsOf = (count: number, body = 'x'): LeftSend[] =>
  Array.from({ length: count }, (_, n) => ({ type: 'send', id: `${n}`, to: 'bob', body, writtenAt: 1 }))

/** Returns the function, and the ids of the messages in each of its posts. */
const recorded = (t: TestContext, proof = {}): { post: PostSends; posted: string[][] } => {
  const posted: string[][] = []
  const fetch = mock.method(globalThis, 'fetch', (url: string, { body, ...init }: RequestInit) => {
    assert.equal(url, 'http://gateway.test/v1/session/send')
    assert.deepEqual(init, { method: 'POST', keepalive: true, credentials: 'omit' })
    assert.ok(Buffer.byteLength(body as string) <= 61_440)
    posted.push((JSON.parse(body as string) as { sends: LeftSend[] }).sends.map(({ id }) => id))
    return Promise.reject(new TypeError('The page is gone.'))
  })
  t.after(() => fetch.mock.restore())
  return { post: createPostSends('http://gateway.test', { ...by, ...proof }), posted }
}

const idsOf = (sends: LeftSend[]): string[] => sends.map(({ id }) => id)

test('a page that is left posts what waits, and then what its listeners send', (t) => {
  const { post, posted } = recorded(t)
  const sends = sendsOf(20)
  for (const count of [2, 3, 3]) post(sends.slice(0, count))
  assert.deepEqual(posted, [['0', '1'], ['2']])
})

for (const [what, sends, fitting] of [
  ['the first 16 messages', sendsOf(20), 16],
  ['no more than 60 kB', sendsOf(5, 'é'.repeat(7_500)), 4],
] as const)
  test(`a post takes ${what}, and no later message overtakes the others`, (t) => {
    const { post, posted } = recorded(t)
    post(sends)
    post([...sends, ...sendsOf(1)])
    assert.deepEqual(posted, [idsOf(sends.slice(0, fitting))])
  })

test('without a token and a signature nothing is posted', (t) => {
  const { post, posted } = recorded(t, { token: undefined })
  post(sendsOf(1))
  assert.deepEqual(posted, [])
})
