import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { until } from '../../support/until.js'
import {
  activeId,
  press,
  send,
  startPages,
  tick,
  untilRead,
  untilBound,
  untilShown,
  visit,
} from './harness.js'
import { testDocumented, testFramework, testServerRendering } from './harness-suite.js'
import { testSnippet } from './harness-snippets.js'

const react = { name: 'react', title: 'React' }
await testFramework(react)
await testDocumented(react)
await testServerRendering(react)
testSnippet({ ...react, mark: 'tsx', checker: ['typescript/bin/tsc', '--project'] })

/** Returns how each listener of /react-hydration that was called had been added. */
const waysIn = (page: Page): Promise<string[]> => page.evaluate<string[]>('ways')

test('React: hydration adds no on… listener: a new function is added at the next render, an unchanged function never', async () => {
  const pages = await startPages()
  const { page, complaints } = await visit(pages, '/react-hydration', { user: 'alice' })
  await activeId(page)
  await pages.say('alice', 'one')
  await until('called listeners', async () => (await waysIn(page)).length, 1)
  assert.deepEqual(await waysIn(page), ['addEventListener'])

  await press(page, 'Render')
  await untilShown(page, 'Renders', '1')
  await pages.say('alice', 'two')
  await until('called listeners', async () => (await waysIn(page)).length, 3)
  assert.deepEqual((await waysIn(page)).slice(1).sort(), [
    'addEventListener',
    'onsession-unread, a function of the render',
  ])
  assert.deepEqual(complaints(), [])
})

test('React: hydration sets no object property before the next render, and an effect sets a property in time', async () => {
  const pages = await startPages()
  const { page } = await visit(pages, '/react-hydration', { user: 'alice' })
  await activeId(page)
  const set = (): Promise<unknown> =>
    page.evaluate(() => {
      const element = document.querySelector('chat-session')
      return [element?.user, typeof element?.tokenFetcher]
    })
  await until('properties', async () => JSON.stringify(await set()), '[null,"function"]')
  await press(page, 'Render')
  await until('properties', async () => JSON.stringify(await set()), '[{"role":"customer"},"function"]')
})

test('React: a removed prop is undefined on the element, and the session goes on', async () => {
  const pages = await startPages()
  const { page, received, connections } = await visit(pages, '/react', { user: 'alice' })
  const id = await activeId(page)
  const fetcher = (): Promise<string> =>
    page.evaluate(() => typeof document.querySelector('chat-session')?.tokenFetcher)
  await until('the function', fetcher, 'function')
  await tick(page, 'Renews itself', false)
  await until('the function', fetcher, 'undefined')
  await send(page, 'bob', 'Still here')
  await untilRead(page, 'alice: Still here')
  assert.deepEqual(await received(), [`started ${id}`])
  assert.equal(connections(), 1)
})

test('React: an inline tokenFetcher is called for each token refresh, and the session goes on', async () => {
  const pages = await startPages({ tokenLife: 10 })
  const { page, received, sent, connections } = await visit(pages, '/react', { user: 'alice' })
  const id = await activeId(page)
  await until('tokens sent', () => sent.filter((type) => type === 'token').length >= 3, true)
  assert.equal(await activeId(page), id)
  assert.deepEqual(await received(), [`started ${id}`])
  assert.equal(connections(), 1)
})

test('React: on a page that is rendered in the browser, properties and on… are set before the element starts', async () => {
  const pages = await startPages()
  const { page, complaints } = await visit(pages, '/react-late', { user: 'alice' })
  await until('the states that on… received', () => page.evaluate('window.states?.join()'), 'starting,active')
  await untilBound(page, { attributes: 'active user-id', properties: 'active' })
  assert.deepEqual(complaints(), [])
})
