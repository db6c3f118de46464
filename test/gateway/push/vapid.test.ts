import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mock, test } from 'node:test'
import { decodeJwt } from 'jose'
import { createAppPush } from '../../../src/gateway/apps/vapid.js'
import type { AppSettings } from '../../../src/gateway/config/parse.js'
import { appId } from '../../support/tokens.js'

const HOUR = 3_600_000

void test('a push service gets a new header after the clock was corrected, forwards or back', async () => {
  const start = 1_800_000_000_000
  mock.timers.enable({ apis: ['Date'], now: start })
  const settings = { appId, push: { subject: 'mailto:ops@example.com' } } as unknown as AppSettings
  const push = createAppPush(settings, randomBytes(32))
  const secondsLeft = async (): Promise<number> => {
    const header = (await push?.authorization('https://push.test')) ?? ''
    return (decodeJwt(/t=([^,]+)/.exec(header)?.[1] ?? '').exp ?? 0) - Date.now() / 1_000
  }
  assert.equal(await secondsLeft(), 43_200)
  mock.timers.setTime(start + HOUR)
  assert.equal(await secondsLeft(), 39_600, 'the header is used again')
  for (const now of [start + 20 * HOUR, start - 20 * HOUR]) {
    mock.timers.setTime(now)
    assert.equal(await secondsLeft(), 43_200)
  }
  mock.timers.reset()
})
