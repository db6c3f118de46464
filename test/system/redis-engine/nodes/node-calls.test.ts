import assert from 'node:assert/strict'
import { it } from 'node:test'
import { redisEngines } from '../../../support/redis/engines.js'
import { standalone } from '../../../support/redis/server.js'
import { until } from '../../../support/until.js'

const server = await standalone()

it('closes without the answers of other nodes, which may take long', async () => {
  const engines = redisEngines(() => ({ type: 'single', url: server.url }))
  const [one, two] = [engines.createWith('closes:'), engines.createWith('closes:')]
  await Promise.all([one.open(), two.open()])
  try {
    let isAsked = false
    two.answerNodes(() => {
      isAsked = true
      return new Promise(() => undefined)
    }, new AbortController().signal)
    const rejected = assert.rejects(
      one.askNode(two.node(), 'question'),
      /closed before the other gateway answered/,
    )
    await until('the question has come', () => isAsked)
    await one.close()
    await rejected
  } finally {
    await two.close()
  }
})
