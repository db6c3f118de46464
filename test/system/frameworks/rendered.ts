// Helpers of the tests of server-rendered pages: links, forms, and checks of the session.
import { strict as assert } from 'node:assert'
import type { Page } from 'playwright-core'
import { until } from '../../support/until.js'
import type { FrameworkPages } from '../../../demo/frameworks/server/pages.mjs'
import { activeId, press, untilShown, visit, type Visit } from './harness.js'

/** Clicks the link to the page with that heading. */
export const follow = async (page: Page, name: string): Promise<void> => {
  await page.getByRole('link', { name, exact: true }).click()
  await untilTitled(page, name)
}

export const untilTitled = (page: Page, name: string): Promise<void> =>
  page.getByRole('heading', { name, exact: true }).waitFor()

/** Logs in with the page's form. */
export const logIn = async (page: Page, name: 'Alice' | 'Bob'): Promise<void> => {
  await press(page, name)
  await page.getByText(`Logged in as ${name.toLowerCase()}`).waitFor()
}

/** Logs out with the page's form. */
export const logOut = async (page: Page): Promise<void> => {
  await press(page, 'Log out')
  await page.getByText('Not logged in').waitFor()
}

/** Delays the server's response for `path` until `release` is called. */
export const holdPage = async (page: Page, path: string): Promise<{ release: () => void }> => {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  await page.route(`**${path}`, async (route) => {
    await released
    await route.continue()
  })
  return { release }
}

/** Opens a page as alice. Resolves when its session is active and its scripts have run, so that they handle links. */
export const openActive = async (
  pages: FrameworkPages,
  path: string,
): Promise<{ visited: Visit; page: Page; id: string }> => {
  const visited = await visit(pages, path, { user: 'alice' })
  const { page } = visited
  const id = await activeId(page)
  // The last script of the page writes it.
  await untilShown(page, 'State', 'active')
  await page.waitForLoadState('domcontentloaded')
  await mark(page)
  return { visited, page, id }
}

/** Marks the document, so that `isMarked` is false after a page load. */
const mark = (page: Page): Promise<unknown> => page.evaluate(() => Object.assign(window, { marked: true }))
export const isMarked = (page: Page): Promise<boolean> => page.evaluate(() => 'marked' in window)

/** Fails if the session ended or changed, or if another connection was tried. */
export const assertUndisturbed = async (
  { page, sent, connections, received, complaints }: Visit,
  id: string,
): Promise<void> => {
  await untilShown(page, 'State', 'active')
  assert.equal(await isMarked(page), true, 'the document is the same')
  assert.equal(connections(), 1)
  assert.ok(!sent.includes('end'))
  // A tag of a new page fires `session-started` for the session that it joins.
  assert.deepEqual([...new Set(await received())], [`started ${id}`])
  assert.deepEqual(complaints(), [])
}

/** Waits until the session has ended, for the gateway too. The page gets no `session-ended`: its tag has left the document. */
export const assertEnded = async ({ page, sent }: Visit): Promise<void> => {
  await until('the last frame', () => sent.at(-1), 'end')
  await untilShown(page, 'State', 'idle')
}
