import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { customerIn, startShop } from './shop-site.js'
import { newContext } from '../support/browser.js'
import { untilState } from './site.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const looks = [
  { name: 'a desktop', width: 1200, height: 800 },
  { name: 'a phone', width: 360, height: 640 },
]

const problemsOf = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

const check = async (page: Page, what: string): Promise<void> => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    assert.deepEqual(await problemsOf(page), [], `${what}, ${colorScheme}`)
  }
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  assert.equal(content, window, `${what} is as wide as the window`)
}

for (const { name, ...size } of looks)
  test(`every page can be read by everybody and fits on ${name}, in light and dark`, async () => {
    const site = await startShop()
    const visitor = await (await newContext()).newPage()
    await visitor.setViewportSize(size)
    for (const path of ['/', '/login', '/cart', '/help', '/nowhere']) {
      await visitor.goto(site.url + path)
      await check(visitor, path)
    }
    const { page } = await customerIn(site)
    await page.setViewportSize(size)
    await page.goto(`${site.url}/products/notebook`)
    await page.getByRole('button', { name: 'Put it in the cart' }).click()
    for (const path of ['/', '/products/notebook', '/cart', '/help', '/about', '/account']) {
      await page.goto(site.url + path)
      await untilState(page, 'active')
      await check(page, `${path}, logged in`)
    }
    await page.getByRole('button', { name: 'Log out and stay here' }).click()
    await page.getByText('You are logged out').waitFor()
    await check(page, 'logged out without leaving the page')
  })
