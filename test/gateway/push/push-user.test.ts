import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { App } from '../../../src/gateway/apps/app.js'
import { lossFoundIn } from '../../../src/gateway/push/loss.js'
import { pushToUser, type PushContext } from '../../../src/gateway/push/push-user.js'

void test('after the clock was set back, a page of before the restart delays a push no longer than it may take to return', async () => {
  const pingInterval = 25_000
  // The clock was a day ahead when the gateway started.
  const createdAt = Date.now() + 86_400_000
  const delays: (number | null)[] = []
  const engine = {
    sessions: () => [{ state: 'detached', hidden: false, lastSeenAt: Date.now() }],
    messagesBefore: () => ({ messages: [], inbox: { epoch: 'e', offset: 1, readOffset: 0, unread: 1 } }),
    pushDevices: () => [{}],
    endPushes: (_user: unknown, _outcomes: unknown, _through: number, dueIn: number | null) =>
      void delays.push(dueIn),
  }
  const context = { engine, settings: { pingInterval }, createdAt } as unknown as PushContext
  await pushToUser(context, { push: { settings: {} } } as unknown as App, { appId: 'app', userId: 'ada' })
  assert.deepEqual(delays, [lossFoundIn(pingInterval)])
})
