/** How `<chat-window>` looks to users who have set something: less motion, few colors, large text. And in little room. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import { startSiteGateway } from '../../support/sites/element-page.js'
import { open, ready, sessionOf, tagFor, write } from '../../support/sites/window-page.js'
import { until } from '../../support/until.js'

const context = await newContext()
const viewport = '<meta name="viewport" content="width=device-width">'

/** A window with a conversation, an unread message in another one, and the focus in the field. */
const withConversations = async (name: string, attributes = ''): Promise<Page> => {
  const gateway = await startSiteGateway()
  const [ann, cy] = [await sessionOf(gateway, `${name}-ann`), await sessionOf(gateway, `${name}-cy`)]
  await ann.send({ to: `${name}-bob`, body: 'Hello' })
  const { page } = await open({
    context,
    gateway,
    body: `${viewport}${await tagFor(`${name}-bob`)}<chat-window ${attributes}></chat-window>`,
  })
  await ready(page)
  if (attributes === 'launcher') await page.getByRole('button', { name: 'Messages' }).click()
  await page.getByRole('button', { name: `${name}-ann` }).click()
  await write(page, 'Hello, Ann')
  await cy.send({ to: `${name}-bob`, body: 'Unread' })
  return page
}

/** The animations of the window that take time, and that are not over. */
const motions = (page: Page): Promise<string[]> =>
  page.locator('chat-window').evaluate(({ shadowRoot }) =>
    (shadowRoot?.getAnimations() ?? []).flatMap((animation) => {
      const { duration } = animation.effect?.getComputedTiming() ?? {}
      return duration === 0 ? [] : [(animation as CSSAnimation).animationName]
    }),
  )

test('nothing moves for a user who wants less motion: not while it loads, not offline, not when a launcher opens', async () => {
  const less = await newContext()
  const gateway = await startSiteGateway()
  const { page } = await open({
    context: less,
    gateway,
    body: `${await tagFor('still-bob')}<chat-window launcher></chat-window>`,
    prepare: async (page) => {
      await page.emulateMedia({ reducedMotion: 'reduce' })
      await page.routeWebSocket('**/*', () => undefined)
    },
  })
  await page.getByRole('button', { name: 'Messages' }).click()
  await page.locator('.skeleton').waitFor()
  await until(
    'the shapes are seen',
    () => page.locator('.skeleton').evaluate((each) => getComputedStyle(each).opacity),
    '1',
  )
  assert.deepEqual(await motions(page), [], 'loading')
  await page.unrouteAll()
  await less.setOffline(true)
  await page.locator('[part=banner]').waitFor()
  assert.deepEqual(await motions(page), [], 'offline')
  await page.emulateMedia({ reducedMotion: 'no-preference' })
  await until('without that they move', async () => (await motions(page)).includes('pulse'))
})

test('where the system has few colors, bubbles, unread marks, who is online and the focus are seen', async () => {
  const page = await withConversations('few')
  await page.emulateMedia({ forcedColors: 'active' })
  await page.locator('[part=unread]').waitFor()
  await page.locator('[part=presence]').first().waitFor()
  // The system gives all edges and outlines a color, transparent ones too, and takes backgrounds away.
  const isSetOff = (selector: string): Promise<boolean> =>
    page
      .locator(selector)
      .first()
      .evaluate((each) => {
        const { borderTopStyle, outlineStyle, forcedColorAdjust } = getComputedStyle(each)
        return borderTopStyle !== 'none' || outlineStyle !== 'none' || forcedColorAdjust === 'none'
      })
  for (const what of ['own', 'other'])
    assert.equal(await isSetOff(`[part~=${what}] [part=bubble]`), true, `the bubble of ${what}`)
  for (const part of ['unread', 'presence', 'search'])
    assert.equal(await isSetOff(`[part=${part}]`), true, part)
  for (const part of ['input', 'send', 'search', 'conversation', 'log']) {
    await page.locator(`[part=${part}]`).first().focus()
    await page.keyboard.press('Shift')
    const ring = part === 'input' ? '.field' : `[part=${part}]`
    assert.equal(await isSetOff(ring), true, `the focus in ${part}`)
  }
})

/** What stands out of the window, or of its own box, and what would have to be scrolled sideways. */
const cutOff = (page: Page): Promise<string[]> =>
  page.locator('chat-window').evaluate(({ shadowRoot }) => {
    const all = (selector: string): Element[] => [...(shadowRoot?.querySelectorAll(selector) ?? [])]
    const width = document.documentElement.clientWidth
    const nameOf = (each: Element): string => each.getAttribute('part') ?? each.className
    const wide = [document.documentElement, ...all('.frame, .rows, .log, .list, .thread, .bubble')]
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
      .map((each) => `${nameOf(each)} scrolls`)
    const out = all('button, input, textarea, .bubble, .name, .unread, .banner, .hint')
      .filter((each) => each.checkVisibility() && !each.matches('.hidden'))
      .filter((each) => {
        const { left, right, width: own } = each.getBoundingClientRect()
        return left < 0 || right > width || own === 0
      })
      .map((each) => `${nameOf(each)} is cut off`)
    return [...wide, ...out]
  })

/** A word, an address and a name that are longer than any line. */
const LONG = `https://example.com/${'long'.repeat(40)} ${'Donaudampfschifffahrt'.repeat(8)}`

for (const [what, width, size] of [
  ['280 pixels', 280, 100],
  ['360 pixels, with text twice as large', 360, 200],
  ['1100 pixels, with text twice as large', 1100, 200],
] as const)
  test(`in ${what}, nothing is cut off, and nothing scrolls sideways`, async () => {
    const gateway = await startSiteGateway()
    const long = `long-${'ann'.repeat(30)}`
    const ann = await sessionOf(gateway, long)
    for (const body of ['Hello', LONG]) await ann.send({ to: 'long-bob', body })
    for (const attributes of ['', 'launcher']) {
      const { page } = await open({
        context,
        gateway,
        body: `${viewport}<style>html { font-size: ${size}% } body { margin: 0 }</style>
          ${await tagFor('long-bob')}<chat-window ${attributes}></chat-window>`,
      })
      await page.setViewportSize({ width, height: 640 })
      await ready(page)
      assert.deepEqual(await cutOff(page), [], 'closed, or the list')
      if (attributes) await page.getByRole('button', { name: 'Messages' }).click()
      await page.locator('[part=conversation]').waitFor()
      assert.deepEqual(await cutOff(page), [], 'the list')
      await page.locator('[part=conversation]').click()
      await write(page, attributes ? 'In a launcher' : 'In a window')
      await page.locator('[part~=other]').nth(1).waitFor()
      assert.deepEqual(await cutOff(page), [], 'the thread')
      const ems = await page
        .locator('.peer [part=name]')
        .evaluate((each) => each.clientWidth / parseFloat(getComputedStyle(each).fontSize))
      assert.ok(ems > 2.5, `of the name ${ems} em are seen`)
      const log = await page.locator('[part=log]').evaluate((each) => each.clientHeight)
      assert.ok(log > 100, `${log} pixels are left for the messages`)
      await page.close()
    }
  })
