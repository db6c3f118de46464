import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { untilState } from '../../support/sites/page-state.js'
import { testDocumented, testFramework, testServerRendering } from './harness-suite.js'
import { testSnippet } from './harness-snippets.js'
import { startPages, untilBound, untilShown, visit } from './harness.js'

const vue = { name: 'vue', title: 'Vue' }
await testFramework(vue)
await testDocumented(vue)
await testServerRendering(vue)
testSnippet({ ...vue, mark: 'vue', checker: ['vue-tsc/bin/vue-tsc.js', '--project'] })

test('Vue: :user-id is an attribute, :userId a property of a registered element, and .prop needs camel case', async () => {
  const pages = await startPages()
  const { page, complaints } = await visit(pages, '/vue-bindings', { user: 'alice' })
  await untilState(page, 'active')
  await untilBound(page, {
    kebab: 'active user-id',
    camel: 'active',
    'camel-prop': 'active',
    'kebab-prop': 'idle',
  })
  assert.deepEqual(complaints(), [])
})

test('Vue: hydration sets the object and the function of the template', async () => {
  const pages = await startPages()
  const { page } = await visit(pages, '/vue', { user: 'alice' })
  await untilShown(page, 'State', 'active')
  assert.deepEqual(
    await page.evaluate(() => {
      const element = document.querySelector('chat-session')
      return [element?.user, typeof element?.tokenFetcher]
    }),
    [{ role: 'customer' }, 'function'],
  )
})
