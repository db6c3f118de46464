import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { untilBooted, untilState } from '../../support/sites/page-state.js'
import { assertAccessible } from '../../support/browsers/axe.js'
import { press, startPages, visit } from './harness.js'

const pages = await startPages()

const phone = { width: 360, height: 640 }
const desktop = { width: 1200, height: 800 }

/** Every page of each demo. The first page has a log-in. */
const demos: [title: string, first: string, ...more: string[]][] = [
  ['React', '/react', '/react-hydration', '/react-late'],
  ['Vue', '/vue', '/vue-bindings'],
  ['Svelte', '/svelte', '/svelte-bindings'],
  ['Angular', '/angular', '/angular-bindings'],
  ['plain HTML', '/plain', '/plain/two', '/plain/strict', '/plain/frame', '/plain/late'],
  [
    'Turbo',
    '/turbo',
    '/turbo/two',
    '/turbo/frames',
    '/turbo/morph',
    '/turbo/permanent',
    '/turbo/permanent/two',
  ],
  ['htmx', '/htmx', '/htmx/two', '/htmx/morph', '/htmx/preserved'],
]

/** This word is wider than a phone. */
const long = 'far'.repeat(60)

/** Waits until a page has its session, and shows a message if it has a list of messages. */
const settle = async (page: Page, path: string): Promise<void> => {
  if (path === '/plain/frame') {
    await page.frameLocator('iframe').getByText('active', { exact: true }).waitFor()
    return
  }
  if (path === '/plain/late') await press(page, 'Load the script')
  await untilState(page, 'active')
  if ((await page.getByRole('list', { name: 'Messages' }).count()) === 0) return
  await pages.say('alice', long)
  await page.getByRole('list', { name: 'Messages' }).getByText(`bob: ${long}`).last().waitFor()
}

/** Returns the fields without a visible label. For axe an invisible `aria-label` would be enough. */
const unlabelled = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLInputElement>('input:not([type=hidden])')]
      .filter(({ labels }) => !labels?.[0]?.innerText.trim())
      .map(({ outerHTML }) => outerHTML),
  )

const check = async (page: Page, what: string): Promise<void> => {
  await page.setViewportSize(phone)
  await assertAccessible(page, `${what}, on a phone`)
  await page.setViewportSize(desktop)
  await assertAccessible(page, `${what}, on a desktop`)
  assert.equal(
    await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme),
    'light dark',
    `${what} has a light and a dark mode`,
  )
  assert.deepEqual(await unlabelled(page), [], `${what}, fields without a label`)
}

for (const [title, first, ...more] of demos)
  test(`${title}: no page has a violation of axe, in light and dark mode, and each fits a phone and a desktop`, async () => {
    const visitor = await visit(pages, first)
    await visitor.page.getByText('Not logged in').waitFor()
    await untilBooted(visitor.page)
    await check(visitor.page, `${first}, logged out`)
    assert.deepEqual(visitor.complaints(), [])
    for (const path of [first, ...more]) {
      const { page, complaints } = await visit(pages, path, { user: 'alice' })
      await settle(page, path)
      await check(page, path)
      assert.deepEqual(complaints(), [], path)
    }
  })
