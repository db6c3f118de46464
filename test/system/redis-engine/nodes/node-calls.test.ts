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

it('takes no answer to a question of the opening before for the answer to its own', async () => {
  const engines = redisEngines(() => ({ type: 'single', url: server.url }))
  const [one, two] = [engines.createWith('reopens:'), engines.createWith('reopens:')]
  await Promise.all([one.open(), two.open()])
  try {
    const answers: ((answer: string) => void)[] = []
    two.answerNodes(() => new Promise((resolve) => answers.push(resolve)), new AbortController().signal)
    const ask = (): Promise<string | null> => one.askNode(two.node(), 'question')
    const rejected = assert.rejects(ask())
    await until('the question has come', () => answers.length, 1)
    await one.close()
    await rejected
    await one.open()
    const answer = ask()
    await until('the second question has come', () => answers.length, 2)
    answers[0]?.('to the first')
    answers[1]?.('to the second')
    assert.equal(await answer, 'to the second')
  } finally {
    await Promise.all([one.close(), two.close()])
  }
})
