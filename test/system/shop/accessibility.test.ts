import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible } from '../../support/browsers/axe.js'
import { newContext } from '../../support/browsers/browser.js'
import { customerIn, startShop, type ShopSite } from '../../support/sites/shop.js'
import { untilState } from '../../support/sites/page-state.js'

const phone = { width: 360, height: 640 }
const desktop = { width: 1200, height: 800 }

const check = async (page: Page, what: string): Promise<void> => {
  await page.setViewportSize(phone)
  await assertAccessible(page, `${what}, on a phone`)
  await page.setViewportSize(desktop)
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), desktop.width, what)
}

/** The chat window with an open conversation. */
const checkWindow = async (site: ShopSite, page: Page): Promise<void> => {
  await page.goto(`${site.url}/window`)
  await untilState(page, 'active')
  await page.evaluate(`document.querySelector('chat-window').show('nora')`)
  await page.getByLabel('Message', { exact: true }).pressSequentially('Is it there?')
  await page.keyboard.press('Enter')
  await page.getByRole('img', { name: 'Sent' }).waitFor()
  await check(page, 'the window')
}

test('every page passes axe in light and dark, and fits a phone and a desktop', async () => {
  const site = await startShop()
  const visitor = await (await newContext()).newPage()
  for (const path of ['/', '/products/mug', '/login', '/cart', '/help', '/nowhere']) {
    await visitor.goto(site.url + path)
    await check(visitor, path)
  }
  const { page } = await customerIn(site)
  await page.goto(`${site.url}/products/notebook`)
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByRole('link', { name: 'Cart 1' }).waitFor()
  for (const path of ['/', '/products/notebook', '/cart', '/help', '/about', '/messages', '/account']) {
    await page.goto(site.url + path)
    await untilState(page, 'active')
    await check(page, `${path}, logged in`)
  }
  await checkWindow(site, page)
  await page.goto(`${site.url}/account`)
  await page.getByRole('button', { name: 'Log out and stay here' }).click()
  await page.getByText('You are logged out').waitFor()
  await check(page, 'logged out without leaving the page')
})
