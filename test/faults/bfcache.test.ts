// Pages that the browser keeps whole while another is shown, and shows again.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../src/element/chat-session.js'
import {
  activeId,
  messagesIn,
  sender,
  serveSite,
  startGateway,
  tokenFor,
  untilHeard,
  withToken,
  type Site,
} from '../e2e/session-site.js'
import { until, untilState } from '../e2e/site.js'
import { watch } from './lone-browser.js'

const context = await watch()

/** Tells of each page whether it came out of the cache, when it is shown. */
const noteShown = `window.shown = []; addEventListener('pageshow', ({ persisted }) => shown.push(persisted))`

const open = async ({ url }: Site): Promise<Page> => {
  const page = await context.newPage()
  await page.addInitScript(noteShown)
  await page.goto(url)
  return page
}

/** Goes back to `path`. The page must come out of the cache, or nothing here means anything. */
const goTo = async (page: Page, delta: 1 | -1, path: string): Promise<void> => {
  // Playwright's own `goBack` waits for a load that never comes.
  await page.evaluate((delta) => void setTimeout(() => history.go(delta)), delta)
  await until('the page that is shown', () => new URL(page.url()).pathname, path)
  // It may still be on its way.
  await until('the page came out of the cache', () => page.evaluate('shown.at(-1)').catch(String), true)
}

test('back and forth between pages in the cache is one session, and every message is heard once by the page shown', async () => {
  const gateway = await startGateway()
  const bob = await sender(gateway)
  const site = await serveSite(gateway, withToken('ada'))
  const page = await open(site)
  const id = await activeId(page)
  await page.goto(`${site.url}/next`)
  assert.equal(await activeId(page), id)
  await bob.send({ to: 'ada', body: 'on the next page' })
  await untilHeard(page, 'message on the next page')
  for (const [round, delta, path] of [
    ['one', -1, '/'],
    ['two', 1, '/next'],
    ['three', -1, '/'],
  ] as const) {
    await goTo(page, delta, path)
    assert.equal(await activeId(page), id)
    await bob.send({ to: 'ada', body: round })
    await untilHeard(page, `message ${round}`)
  }
  assert.deepEqual(site.views, ['/', '/next'])
  assert.deepEqual(await messagesIn(page), ['message one', 'message three'])
})

test('a message that comes while no page of the site is shown is there when the user goes back', async () => {
  const gateway = await startGateway()
  const bob = await sender(gateway)
  const site = await serveSite(gateway, withToken('ada'))
  const elsewhere = await serveSite(gateway, () => Promise.resolve(undefined))
  const page = await open(site)
  const id = await activeId(page)
  await page.goto(`${elsewhere.url}/elsewhere`)
  await bob.send({ to: 'ada', body: 'meanwhile' })
  await goTo(page, -1, '/')
  await untilHeard(page, 'message meanwhile')
  assert.equal(await activeId(page), id)
  assert.deepEqual(await messagesIn(page), ['message meanwhile'])
})

test('a page that is gone back to after logging out on the next one stays logged out', async () => {
  const gateway = await startGateway()
  const site = await serveSite(gateway, withToken('ada'))
  const page = await open(site)
  const id = await activeId(page)
  await page.goto(`${site.url}/next`)
  assert.equal(await activeId(page), id)
  await page.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.end())
  await goTo(page, -1, '/')
  await untilState(page, 'ended')
})

test('a page that is gone back to asks its token source first: whoever was signed out there stays out', async () => {
  const gateway = await startGateway()
  let isIn = true
  const site = await serveSite(
    gateway,
    async (path) =>
      path === '/plain' ? undefined : { token: await tokenFor('ada'), 'token-url': '/api/token' },
    () => ({ status: isIn ? 200 : 401 }),
  )
  const page = await open(site)
  await activeId(page)
  await page.goto(`${site.url}/plain`)
  isIn = false
  await goTo(page, -1, '/')
  await untilHeard(page, 'over: signed-out')
})
