import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Lifecycle, type Opening } from '../../../src/engine/lifecycle.js'

it('begins an opening when the one before has closed', async () => {
  const happened: string[] = []
  let count = 0
  const lifecycle = new Lifecycle<number, Opening<number>>((previous) => {
    const number = ++count
    return {
      ready: previous.then(() => {
        happened.push(`open ${number}`)
        return number
      }),
      opened: undefined,
      async close() {
        await new Promise((resolve) => setImmediate(resolve))
        happened.push(`closed ${number}`)
      },
    }
  })
  await lifecycle.open()
  const closed = lifecycle.close()
  // The call waits until the next opening is ready.
  const opened = lifecycle.open()
  assert.equal(await lifecycle.use((number) => number), 2)
  await Promise.all([closed, opened])
  assert.deepEqual(happened, ['open 1', 'closed 1', 'open 2'])
})
