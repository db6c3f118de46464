import assert from 'node:assert/strict'
import type { Engine } from '../engine.js'
import { isUnavailable, type SuiteContext } from './kit.js'

/** A part of the suite: questions of one engine to another. */
export const nodesSuite = ({ describe, on, onTwo }: SuiteContext): void => {
  describe('questions to other engines', () => {
    on('have the answer null for a name that no engine has', async (engine) => {
      assert.match(engine.node(), /^[\w-]{1,64}$/)
      for (const name of ['nobody', '', 'due', 'a b', '*', '\0', 'x'.repeat(10_000)])
        assert.equal(await engine.askNode(name, 'question'), null, name)
    })

    /** As `onTwo`. The second engine answers. */
    const onAnswering = (
      name: string,
      answer: (question: string) => Promise<string>,
      body: (one: Engine, two: Engine) => Promise<void>,
    ): void =>
      onTwo(name, async (one, two) => {
        const life = new AbortController()
        two.answerNodes(answer, life.signal)
        try {
          await body(one, two)
        } finally {
          life.abort()
        }
      })

    const echo = (question: string): Promise<string> => Promise.resolve(`answer to ${question}`)

    onAnswering('reach the engine that they name, each with its own answer', echo, async (one, two) => {
      assert.notEqual(one.node(), two.node())
      const questions = ['1', '{"text":"ü 😀 \u2028 \\"}', 'x'.repeat(200_000)]
      const answers = await Promise.all(questions.map((question) => one.askNode(two.node(), question)))
      assert.deepEqual(
        answers,
        questions.map((question) => `answer to ${question}`),
      )
    })

    onAnswering(
      'reject if the other engine fails to answer',
      () => Promise.reject(new Error('thrown by an answer of the suite')),
      async (one, two) => {
        await assert.rejects(one.askNode(two.node(), 'question'), isUnavailable)
      },
    )

    onAnswering('have the answer null once the other engine is closed', echo, async (one, two) => {
      const node = two.node()
      assert.equal(await one.askNode(node, '1'), 'answer to 1')
      await two.close()
      assert.equal(await one.askNode(node, '2'), null)
      await two.open()
      assert.equal(await one.askNode(node, '3'), 'answer to 3')
    })
  })
}
