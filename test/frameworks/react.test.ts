import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { until } from '../support/until.js'
import { untilState } from '../e2e/site.js'
import {
  activeId,
  holdRegistration,
  press,
  register,
  send,
  startPages,
  tick,
  untilRead,
  untilBound,
  untilSaid,
  visit,
} from './harness.js'
import { testFramework, testServerRendering } from './harness-suite.js'
import { testSnippet } from './harness-snippets.js'

const react = { name: 'react', title: 'React' }
await testFramework(react)
await testServerRendering(react)
testSnippet({ ...react, mark: 'tsx', checker: ['typescript/bin/tsc', '--project'] })

/** What the listeners of /react-hydration received, by how they were added. */
const waysIn = (page: Page): Promise<string[]> => page.evaluate<string[]>('ways')

test('React: what on… is given is not listened to after hydration: a new function from the next render, the same one never', async () => {
  const pages = await startPages()
  const { page, complaints } = await visit(pages, '/react-hydration', { user: 'alice' })
  await activeId(page)
  const tell = (body: string): Promise<unknown> => pages.publish({ to: 'alice', from: 'bob', body })
  await tell('one')
  await until('listeners told', async () => (await waysIn(page)).length, 1)
  assert.deepEqual(await waysIn(page), ['addEventListener'])

  await press(page, 'Render')
  await untilSaid(page, 'Renders', '1')
  await tell('two')
  await until('listeners told', async () => (await waysIn(page)).length, 3)
  assert.deepEqual((await waysIn(page)).slice(1).sort(), [
    'addEventListener',
    'onsession-unread, a function of the render',
  ])
  assert.deepEqual(complaints(), [])
})

test('React: a property that is set while hydrating waits for a render: an effect sets it in time', async () => {
  const pages = await startPages()
  const { page } = await visit(pages, '/react-hydration', { user: 'alice' })
  await activeId(page)
  const set = (): Promise<unknown> =>
    page.evaluate(() => {
      const element = document.querySelector('chat-session')
      return [element?.user, typeof element?.tokenFetcher]
    })
  await until('what is set', async () => JSON.stringify(await set()), '[null,"function"]')
  await press(page, 'Render')
  await until('what is set', async () => JSON.stringify(await set()), '[{"role":"customer"},"function"]')
})

test('React: a prop that is taken away is undefined on the element, and the session goes on', async () => {
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

test('React: an inline function is asked for the next token, and a session outlives many of them', async () => {
  const pages = await startPages({ tokenLife: 10 })
  const { page, received, sent, connections } = await visit(pages, '/react', { user: 'alice' })
  const id = await activeId(page)
  await until('tokens sent', () => sent.filter((type) => type === 'token').length >= 3, true)
  assert.equal(await activeId(page), id)
  assert.deepEqual(await received(), [`started ${id}`])
  assert.equal(connections(), 1)
})

test('React: on a page that it renders itself, properties and on… are there before the element boots', async () => {
  const pages = await startPages()
  const { page, complaints } = await visit(pages, '/react-late', { user: 'alice' })
  await until('what on… was told', () => page.evaluate('window.told?.join()'), 'starting,active')
  await untilBound(page, { attributes: 'active user-id', properties: 'active' })
  assert.deepEqual(complaints(), [])
})

test('React: before the element is registered, names in camel case are lost, and attributes count', async () => {
  const pages = await startPages()
  const { page } = await visit(pages, '/react-late', {
    user: 'alice',
    prepare: holdRegistration,
  })
  await register(page)
  await untilState(page, 'active')
  await untilBound(page, { attributes: 'active user-id', properties: 'idle userid' })
})
