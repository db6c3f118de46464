import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startProxy } from '../support/network/proxy.js'
import { newSession, nextEvent, reaches } from '../support/clients/client-sessions.js'
import { startGateway } from '../support/gateway.js'
import { tokenFor } from '../support/tokens.js'

const CROWD = 200

test('many sessions that are cut at once reconnect at random times in the gateway’s window, and are resumed', async () => {
  const gateway = await startGateway()
  const proxy = await startProxy(gateway.url)
  const sessions = await Promise.all(
    Array.from({ length: CROWD }, async (_, number) => {
      const user = `user-${number}`
      return newSession({ endpoint: proxy.url, token: await tokenFor(user) })
    }),
  )
  // The gateway names the window in `started`: it is 0 for the first 100 sessions, and grows with each after them.
  for (const session of sessions) assert.ok((await session.start()).succeeded)
  const ids = sessions.map(({ sessionId }) => sessionId)
  const waits = sessions
    .slice(CROWD / 2 + 1)
    .map((session) => nextEvent(session, 'state', ({ detail }) => detail.retryAt !== null))
  const cutAt = Date.now()
  proxy.cut()
  const times = (await Promise.all(waits)).map(({ detail }) => detail.retryAt ?? 0)
  assert.ok(Math.max(...times) - Math.min(...times) > 200, 'the reconnects are spread')
  assert.ok(
    new Set(times.map((time) => Math.floor((time - cutAt) / 50))).size > 5,
    'the reconnects are not in one group',
  )
  await Promise.all(sessions.map((session) => reaches(session, 'active')))
  assert.deepEqual(
    sessions.map(({ sessionId }) => sessionId),
    ids,
  )
})
