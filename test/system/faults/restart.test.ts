import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { ChatSession } from '../../../src/session/index.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'
import { appId, tokenFor } from '../../support/tokens.js'

const SESSIONS = 1_000
/** Milliseconds in which all sessions must reach a state. */
const LIMIT = 180_000

const untilAll = async (sessions: ChatSession[], state: string): Promise<void> => {
  const deadline = Date.now() + LIMIT
  while (!sessions.every((session) => session.state === state)) {
    const others = sessions.filter((session) => session.state !== state)
    assert.ok(
      Date.now() < deadline,
      `${others.length} are not ${state}, one is ${others[0]?.state}: ${String(others[0]?.error)}`,
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const)
  test(`${SESSIONS} live sessions are resumed after a ${signal} and a restart of the gateway`, async () => {
    const gateway = await gatewayProcess({ drainTime: 10 })
    await gateway.start()
    const sessions: ChatSession[] = []
    // If the test fails, a session that has not ended would keep the process of this file running.
    after(() => Promise.all(sessions.map((session) => session.end())))
    for (let index = 0; index < SESSIONS; index++) {
      const token = await tokenFor(`user-${index}`)
      sessions.push(new ChatSession({ endpoint: gateway.endpoint, appId, token, WebSocket }))
    }
    let ended = 0
    for (const session of sessions)
      session.addEventListener('state', ({ detail }) => (ended += Number(detail.state === 'ended')))
    for (let index = 0; index < SESSIONS; index += 50)
      await Promise.all(sessions.slice(index, index + 50).map((session) => session.start()))
    await untilAll(sessions, 'active')
    const ids = sessions.map(({ sessionId }) => sessionId)

    assert.equal(await gateway.stop(signal), signal === 'SIGTERM' ? 0 : null)
    await untilAll(sessions, 'reconnecting')
    await gateway.start()
    await untilAll(sessions, 'active')

    assert.deepEqual(
      sessions.map(({ sessionId }) => sessionId),
      ids,
      'they are the same sessions',
    )
    assert.equal(ended, 0, 'none ended')
    await Promise.all(sessions.map((session) => session.end()))
    assert.equal(await gateway.stop('SIGTERM'), 0)
  })
