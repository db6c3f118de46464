// What the tests of server-rendered pages share: pages that are followed from link to link, and sessions that outlast them.
import { strict as assert } from 'node:assert'
import type { Page } from 'playwright-core'
import { until } from '../support/until.js'
import type { FrameworkPages } from '../../demo/frameworks/server/pages.mjs'
import { activeId, press, untilSaid, visit, type Visit } from './harness.js'

/** Follows a link to the page of that heading. */
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
  await page.getByText('Nobody is logged in').waitFor()
}

/** Has the server's answer to `path` wait until `release` is called. */
export const holdPage = async (page: Page, path: string): Promise<{ release: () => void }> => {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  await page.route(`**${path}`, async (route) => {
    await released
    await route.continue()
  })
  return { release }
}

/** A page of alice's whose session is active, and its id; all its scripts have run, so that a link is theirs. */
export const openActive = async (
  pages: FrameworkPages,
  path: string,
): Promise<{ visited: Visit; page: Page; id: string }> => {
  const visited = await visit(pages, path, { user: 'alice' })
  const { page } = visited
  const id = await activeId(page)
  // The last of its scripts writes that.
  await untilSaid(page, 'State', 'active')
  await page.waitForLoadState('domcontentloaded')
  await mark(page)
  return { visited, page, id }
}

/** Has a page say whether it is still the document that it was. */
const mark = (page: Page): Promise<unknown> => page.evaluate(() => Object.assign(window, { marked: true }))
export const isMarked = (page: Page): Promise<boolean> => page.evaluate(() => 'marked' in window)

/** Nothing told that the session was let go, and no other connection was tried. */
export const assertUndisturbed = async (
  { page, sent, connections, received, complaints }: Visit,
  id: string,
): Promise<void> => {
  await untilSaid(page, 'State', 'active')
  assert.equal(await isMarked(page), true, 'the document is the same')
  assert.equal(connections(), 1)
  assert.ok(!sent.includes('end'))
  // A tag that comes with a page says whose session it joins.
  assert.deepEqual([...new Set(await received())], [`started ${id}`])
  assert.deepEqual(complaints(), [])
}

/**
 * The session has ended, for the gateway too, and nobody has another. Its end is told where the tag is that had it, which is
 * no more in the document.
 */
export const assertEnded = async ({ page, sent }: Visit): Promise<void> => {
  await until('the last frame', () => sent.at(-1), 'end')
  await untilSaid(page, 'State', 'idle')
}
