import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { until } from '../../support/until.js'
import { untilState } from '../../support/sites/page-state.js'
import { testDocumented, testFramework, testServerRendering } from './harness-suite.js'
import { testSnippet } from './harness-snippets.js'
import { rendererOf, startPages, untilBound, untilShown, visit } from './harness.js'

const svelte = { name: 'svelte', title: 'Svelte' }
await testFramework(svelte)
await testDocumented(svelte)
await testServerRendering(svelte)
testSnippet({
  ...svelte,
  mark: 'svelte',
  checker: ['svelte-check/bin/svelte-check', '--fail-on-warnings', '--tsconfig'],
})

test('Svelte: userId is a property of a registered element, user-id an attribute', async () => {
  const pages = await startPages()
  const { page, complaints } = await visit(pages, '/svelte-bindings', { user: 'alice' })
  await untilState(page, 'active')
  await untilBound(page, { kebab: 'active user-id', camel: 'active' })
  assert.deepEqual(complaints(), [])
})

test('Svelte: a server renders an object and a function as text, and an attachment sets them in the browser', async () => {
  const { render } = await rendererOf('svelte-values')
  const html = await render({ endpoint: '', appId: 'app', user: null, token: null })
  assert.match(html, /user="\[object Object\]" tokenfetcher="async \(\) =>/)

  const pages = await startPages()
  const { page } = await visit(pages, '/svelte', { user: 'alice' })
  const set = (): Promise<unknown> =>
    page.evaluate(() => {
      const element = document.querySelector('chat-session')
      return [element?.user, typeof element?.tokenFetcher]
    })
  await until('properties', async () => JSON.stringify(await set()), '[{"role":"customer"},"function"]')
})

test('Svelte: hydration adds the listeners of the template', async () => {
  const pages = await startPages()
  const { page } = await visit(pages, '/svelte', { user: 'alice' })
  await untilShown(page, 'Last event', 'session-state')
})
