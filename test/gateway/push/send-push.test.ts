import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { test } from 'node:test'
import type { PushDevice } from '../../../src/engine/index.js'
import type { AppPush } from '../../../src/gateway/apps/vapid.js'
import { sendPush } from '../../../src/gateway/push/send-push.js'

const DAY = 86_400_000

const keys = { p256dh: createECDH('prime256v1').generateKeys('base64url'), auth: '' }

/** Sends a push that became due `ago` milliseconds ago, for the time after `failures`, to a service that answers 503. */
const failedPush = (ago: number, { after = 5_000, failures = 0, retryAfter = '' } = {}) => {
  const device = { endpoint: 'https://push.test/', keys, failures } as PushDevice
  const requests = { post: () => Promise.resolve({ status: 503, retryAfter }) }
  const push = {
    settings: { after, hosts: ['push.test'] },
    authorization: () => Promise.resolve(''),
    topic: () => '',
  } as unknown as AppPush
  const user = { appId: 'app', userId: 'ada' }
  return sendPush({ requests, meter: (send: () => unknown) => send() } as never, push, device, {
    ...{ user, from: null, sentAt: Date.now() - after - ago, text: '' },
  })
}

test('a push is tried again for a day after it was due, however long that is after its message', async () => {
  for (const after of [5_000, DAY]) {
    assert.equal((await failedPush(0, { after })).result, 'failed')
    assert.equal((await failedPush(DAY, { after })).result, 'given-up')
  }
})

test('`Retry-After` lengthens a pause, and shortens none', async () => {
  for (const [retryAfter, pause] of [
    ['', 2_000],
    ['0', 2_000],
    ['60', 60_000],
  ] as const)
    assert.equal((await failedPush(0, { failures: 1, retryAfter })).retryIn, pause)
})
