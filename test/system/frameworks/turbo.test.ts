import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { until } from '../../support/until.js'
import { stateOf, untilBooted, untilState } from '../../support/sites/page-state.js'
import { activeId, startPages, untilRead, untilShown } from './harness.js'
import { assertEnded, assertUndisturbed, follow, holdPage, openActive, untilTitled } from './rendered.js'
import { testRenderedPages } from './rendered-suite.js'

const pages = await startPages()

/** Whether a preview from Turbo's cache is shown. */
const isPreview = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.hasAttribute('data-turbo-preview'))

/** The session of the tag inside the frame. */
const frameSession = (page: Page): Promise<string | null | undefined> =>
  page.evaluate(() => document.querySelector<ChatSessionElement>('turbo-frame chat-session')?.sessionId)

const open = (path: string) => openActive(pages, path)

testRenderedPages('Turbo', pages, '/turbo')

test('Turbo: no session starts in a preview, and the session outlives it', async () => {
  const { visited, page, id } = await open('/turbo')
  await page.evaluate(() =>
    Object.assign(window, { session: document.querySelector<ChatSessionElement>('chat-session')?.session }),
  )
  await follow(page, 'Two')
  const { release } = await holdPage(page, '/turbo')
  await follow(page, 'One')
  assert.equal(await isPreview(page), true)
  await untilBooted(page)
  assert.equal(await stateOf(page), 'idle')
  // When this message is received, a removed tag would have ended the session.
  const unread = (): Promise<number> => page.evaluate<number>('session.unread')
  const before = await unread()
  await pages.say('alice', 'during the preview')
  await until('unread messages', unread, before + 1)
  release()
  await untilState(page, 'active')
  assert.equal(await isPreview(page), false)
  // The next page gets the message from `history()`.
  await untilRead(page, 'bob: during the preview')
  await assertUndisturbed(visited, id)
})

test('Turbo: a session ends with the preview if the page after it has no user', async () => {
  const { visited, page } = await open('/turbo')
  await follow(page, 'Two')
  await page.request.post(`${pages.url}/logout`, { headers: { origin: pages.url } })
  const { release } = await holdPage(page, '/turbo')
  await follow(page, 'One')
  assert.equal(await isPreview(page), true)
  release()
  await page.getByText('Not logged in').waitFor()
  await assertEnded(visited)
  assert.equal(visited.connections(), 1)
})

test('Turbo: a refresh that morphs leaves the tag and its session as they are', async () => {
  const { visited, page, id } = await open('/turbo/morph')
  await page.evaluate(() => Object.assign(document.querySelector('chat-session') ?? {}, { same: true }))
  const served = page.getByLabel('Served')
  const before = (await served.textContent()) ?? ''
  await page.getByRole('link', { name: 'Refresh' }).click()
  await until('a fresh page', async () => (await served.textContent()) !== before, true)
  assert.equal(await page.evaluate(() => 'same' in (document.querySelector('chat-session') ?? {})), true)
  await pages.say('alice', 'after the refresh')
  await untilRead(page, 'bob: after the refresh')
  await assertUndisturbed(visited, id)
})

test('Turbo: a frame with a tag of its own shares the page’s session after each navigation', async () => {
  const started = pages.startedFor('alice')
  const { visited, page, id } = await open('/turbo/frames')
  for (const step of ['2', '1']) {
    await page.getByRole('link', { name: 'Next' }).click()
    await page.getByText(`Step ${step}`).waitFor()
    await until('its session', () => frameSession(page), id)
  }
  await pages.say('alice', 'once')
  await untilRead(page, 'bob: once')
  await assertUndisturbed(visited, id)
  assert.equal(pages.startedFor('alice'), started + 1)
})

test('Turbo: after a log-out by another request Turbo’s cache still has pages of the user, until it is cleared', async () => {
  const { page } = await open('/turbo')
  await page.request.post(`${pages.url}/logout`, { headers: { origin: pages.url } })
  await follow(page, 'Two')
  await page.getByText('Not logged in').waitFor()
  await page.goBack()
  await page.getByText('Logged in as alice').waitFor()
  await activeId(page)
  await page.goForward()
  await page.getByText('Not logged in').waitFor()
  await untilShown(page, 'State', 'idle')

  await page.evaluate('Turbo.cache.clear()')
  await page.goBack()
  await untilTitled(page, 'One')
  await page.getByText('Not logged in').waitFor()
  await untilShown(page, 'State', 'idle')
})

test('Turbo: a cached page with an expired token does not end the session if there is a token-url', async () => {
  // The token lasts long enough for a slow machine to open a page with it.
  const tokenLife = 15
  const brief = await startPages({ tokenLife })
  const { visited, page, id } = await openActive(brief, '/turbo')
  const expiry = Date.now() + tokenLife * 1_000
  await follow(page, 'Two')
  await until('the first token expired', () => Date.now() > expiry, true)
  await page.goBack()
  await untilTitled(page, 'One')
  await brief.say('alice', 'still there')
  await untilRead(page, 'bob: still there')
  await assertUndisturbed(visited, id)
})
