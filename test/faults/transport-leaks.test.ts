import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { within } from '../support/raw-client.js'
import { appId, tokenFor } from '../support/tokens.js'
import { until } from '../support/until.js'
import { connectionRound } from './connection-round.js'
import type { Resources } from './transport-leaks-gateway.js'
import { forkModule } from './runtime.js'

test('2,000 closed connections leave no session, socket or timer in the process of a gateway', async (context) => {
  const gateway = forkModule('transport-leaks-gateway.ts')
  const resources = async (): Promise<Resources> => {
    gateway.send('count')
    const [reply] = (await within(once(gateway, 'message'), 'reply of the gateway')) as [Resources]
    return reply
  }
  const { url, ...fresh } = await resources()
  const start = { type: 'start', appId, token: await tokenFor('ada') }
  const round = (): Promise<Resources> => connectionRound(url, [start], resources)
  const during = await round()
  context.diagnostic(JSON.stringify({ fresh, during }))
  assert.equal(during.sessions, 10)
  // A start deadline of each connection without a session. Heartbeats share a timer or two, and the engine's first jobs have ended theirs.
  assert.ok(during.timers >= fresh.timers + 10, `${during.timers} timers`)
  assert.ok(during.files >= fresh.files + 20, `${during.files} files`)
  for (let rounds = 1; rounds < 100; rounds += 1) await round()
  let now = await resources()
  await until('about as few resources as before', async () => {
    now = await resources()
    // Connections may have made a timer or opened a file that all of them use.
    return (
      now.sessions === 0 &&
      now.files < fresh.files + 10 &&
      now.timers < fresh.timers + 10 &&
      now.webSockets < 10
    )
  }).finally(() => context.diagnostic(JSON.stringify(now)))
})
