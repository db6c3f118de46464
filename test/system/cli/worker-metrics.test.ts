import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from '../../../src/gateway/index.js'
import { ROLE } from '../../../src/cli/workers/messages.js'
import { connectToPrimary } from '../../../src/cli/workers/worker.js'

test('a worker whose metrics can’t be read logs why, and answers without them', async () => {
  process.env[ROLE] = 'plain'
  const lines: string[] = []
  const log = createLog({ destination: { write: (line) => void lines.push(line) } })
  const answered = new Promise((resolve) => {
    process.send = (message: { type: string }) => message.type === 'connected' || (resolve(message), true)
  })
  const primary = connectToPrimary(log)
  primary?.metrics(() => Promise.reject(new Error('The test lets this fail.')))
  process.emit('message', { type: 'collect', id: 7 }, undefined)
  assert.deepEqual(await answered, { type: 'collected', id: 7, metrics: [] })
  assert.match(lines.join(), /The test lets this fail/)
})
