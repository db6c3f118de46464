import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from '../../../src/gateway/metrics/metrics.js'

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

test('readers at the same time see every gauge, also those that wait for an answer of the engine', async () => {
  const metrics = createMetrics()
  metrics.onScrape(async () => {
    metrics.users.reset()
    await turns(2)
    metrics.users.set({ app: 'app' }, 7)
  })
  metrics.onScrape(() => turns(2))
  const texts: Promise<string>[] = []
  const all: ReturnType<typeof metrics.collect>[] = []
  for (let n = 0; n < 3; n++) {
    texts.push(metrics.scrape())
    all.push(metrics.collect())
    await turns(3)
  }
  for (const text of await Promise.all(texts)) assert.match(text, /^chat_session_users\{app="app"\} 7$/m)
  for (const collected of await Promise.all(all)) {
    const users = collected.find(({ name }) => name === 'chat_session_users')
    assert.deepEqual(
      users?.values.map(({ value }) => value),
      [7],
    )
  }
})

test('a reader whose gauges can’t be set fails, and the next one does not', async () => {
  const metrics = createMetrics()
  let failures = 1
  metrics.onScrape(() => {
    if (failures-- > 0) throw new Error('no answer')
  })
  await assert.rejects(metrics.collect(), /no answer/)
  assert.match(await metrics.scrape(), /chat_session_sockets/)
})
