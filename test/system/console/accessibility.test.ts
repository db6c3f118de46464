import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { assertAccessible } from '../../support/browsers/axe.js'
import { tokenFor } from '../../support/tokens.js'
import { key, secretOf, startEndpoint } from '../../support/network/webhook-endpoint.js'
import { itOnConsole as it, type ConsoleSite } from './console-site.js'

const endpoint = await startEndpoint((response) => response.writeHead(410).end())
const app = { webhooks: { url: endpoint.url, secrets: [secretOf(key)] } }

/** Checks the page on a desktop and on a phone, and that each control is large enough for touch and within the window. */
const assertUsable = async ({ page }: ConsoleSite, what: string): Promise<void> => {
  await page.setViewportSize({ width: 1280, height: 740 })
  await assertAccessible(page, `${what}, a desktop`)
  await page.setViewportSize({ width: 360, height: 740 })
  await assertAccessible(page, `${what}, a phone`)
  const boxes = await page.locator('button, nav a, input, select, textarea').evaluateAll((all) =>
    all.map((one) => ({
      name: one.textContent.trim() || one.id,
      box: one.getBoundingClientRect().toJSON() as DOMRect,
    })),
  )
  for (const { name, box } of boxes) {
    assert.ok(box.height >= 44, `${what}: ${name} is ${box.height} px high`)
    assert.ok(box.left >= 0 && box.right <= 360, `${what}: ${name} is within the window`)
  }
}

describe('the console: accessibility', () => {
  it(
    'has no violation of axe on any page, in light and dark mode, on a phone and a desktop',
    async (site) => {
      const { page, logIn, open, start } = site
      const client = await start('ada')
      const left = await start('a user with a long id that is made of many words and has no end')
      left.send({ type: 'end' })
      await assertUsable(site, 'log-in')
      await logIn()
      await page.locator('figure').first().waitFor()
      await assertUsable(site, 'overview')
      await open('/apps/app/sessions')
      await page.locator('.rows > li').first().waitFor()
      await page.getByText('ended', { exact: true }).first().waitFor()
      await assertUsable(site, 'sessions')
      await open('/apps/app/users')
      await page.locator('.rows > li').first().waitFor()
      await assertUsable(site, 'users')
      await open('/apps/app/users/ada')
      await page.getByRole('button', { name: 'Watch frames' }).click()
      client.send({ type: 'send', id: '1', to: 'ada', body: 'hello' })
      await page.getByRole('group', { name: 'Frames' }).waitFor()
      await assertUsable(site, 'user')
      await page.getByRole('button', { name: 'Log out everywhere' }).click()
      await assertUsable(site, 'question')
      await page.keyboard.press('Escape')
      await open('/apps/app/webhooks')
      await page.getByText('given up').first().waitFor()
      await assertUsable(site, 'webhooks')
      await open('/token')
      await page.getByLabel('Token', { exact: true }).fill(await tokenFor('ada'))
      await page.getByRole('button', { name: 'Check' }).click()
      await page.getByText('The token is good').waitFor()
      await assertUsable(site, 'token')
    },
    { app },
  )

  it('can be used without a mouse, and moves the focus to the heading of a page that is opened', async (site) => {
    const { page, start } = site
    await start('ada')
    const focused = () =>
      page.evaluate(() => document.activeElement?.textContent.trim() || document.activeElement?.id)
    await page.keyboard.press('Tab')
    assert.equal(await focused(), 'admin-token')
    await page.keyboard.type('the admin token of a test, 32 bytes')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    const link = page.getByRole('link', { name: 'Users', exact: true })
    await link.focus()
    await page.keyboard.press('Enter')
    await page.locator('h1:focus', { hasText: 'Users of app' }).waitFor()
    await page.locator('.rows > li').waitFor()
    assert.equal(await page.title(), 'Users · chat-session console')
    const seen: (string | undefined)[] = []
    for (let press = 0; press < 10 && seen.at(-1) !== 'ada'; press++) {
      await page.keyboard.press('Tab')
      const focus = await page.evaluate(() => {
        const one = document.activeElement
        return { html: one?.outerHTML.slice(0, 80), outline: one && getComputedStyle(one).outlineStyle }
      })
      assert.notEqual(focus.outline, 'none', focus.html)
      seen.push(await focused())
    }
    assert.deepEqual(seen, ['user-id', 'Open', 'ada'])
    await page.keyboard.press('Enter')
    await page.locator('h1:focus', { hasText: 'ada' }).waitFor()
  })
})
