import assert from 'node:assert/strict'
import { it, mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createPosts } from '../../../../src/session/transports/stream/posts.js'

/** The answers of a proxy that is busy, and the most milliseconds until a post is repeated after them. */
const waits: [retryAfter: string | undefined, longest: number][] = [
  [undefined, 500],
  ['1', 1_000],
  ['Wed, 21 Oct 2037 07:28:00 GMT', 500],
  ['soon', 500],
  ['2592000', 60_000],
]

for (const [retryAfter, longest] of waits)
  void it(`a post is repeated after a pause when the answer says Retry-After: ${retryAfter}`, async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
    const fetching = mock.method(globalThis, 'fetch', () =>
      Promise.resolve(new Response('', { status: 503, headers })),
    )
    const life = new AbortController()
    const onLost = (): never => assert.fail('The stream counts as lost.')
    try {
      const posts = createPosts('http://127.0.0.1/v1/session/frames', onLost, life.signal)
      posts.begin('stream')
      posts.send('{}')
      // Nothing but a timer stands between the answer and the next post.
      await turn()
      mock.timers.tick(249)
      await turn()
      assert.equal(fetching.mock.callCount(), 1)
      mock.timers.tick(longest)
      await turn()
      assert.equal(fetching.mock.callCount(), 2)
    } finally {
      life.abort()
      fetching.mock.restore()
      mock.timers.reset()
    }
  })
