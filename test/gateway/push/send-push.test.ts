import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { test } from 'node:test'
import type { PushDevice } from '../../../src/engine/index.js'
import type { AppPush } from '../../../src/gateway/apps/vapid.js'
import { sendPush } from '../../../src/gateway/push/send-push.js'

const DAY = 86_400_000

test('a push is tried again for a day after it was due, however long that is after its message', async () => {
  const keys = { p256dh: createECDH('prime256v1').generateKeys('base64url'), auth: '' }
  const device = { endpoint: 'https://push.test/', keys, failures: 0 } as PushDevice
  const requests = { post: () => Promise.resolve({ status: 503, retryAfter: undefined }) }
  const resultAfter = async (waited: number, after: number): Promise<string> => {
    const push = {
      settings: { after, hosts: ['push.test'] },
      authorization: () => Promise.resolve(''),
      topic: () => '',
    } as unknown as AppPush
    const user = { appId: 'app', userId: 'ada' }
    const sending = sendPush({ requests, meter: (send: () => unknown) => send() } as never, push, device, {
      ...{ user, from: null, sentAt: Date.now() - waited, text: '' },
    })
    return (await sending).result
  }
  assert.equal(await resultAfter(DAY, DAY), 'failed')
  assert.equal(await resultAfter(2 * DAY, DAY), 'given-up')
  assert.equal(await resultAfter(DAY, 5_000), 'failed')
  assert.equal(await resultAfter(DAY + 5_000, 5_000), 'given-up')
})
