import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { createLog } from '../../../src/gateway/log.js'
import { authorizeSend } from '../../../src/gateway/messages/client-sends.js'

test('a call of `authorizeSend` that never ends refuses its message as unavailable, and the log says so', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const lines: string[] = []
  const log = createLog({ level: 'error', destination: { write: (line: string) => void lines.push(line) } })
  const settings = { appId: 'app', authorizeSend: () => new Promise<boolean>(() => undefined) }
  const refusal = authorizeSend({ settings }, log, { from: 'ada', to: 'bob' })
  mock.timers.tick(10_000)
  assert.deepEqual(await refusal, { allowed: false, refusal: ['unavailable'] })
  assert.match(lines.join(''), /authorizeSend took too long/)
})
