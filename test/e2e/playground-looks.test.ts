import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { describe } from 'node:test'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { itOnPlayground as it, type Playground } from './playground-page.js'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong, each with where it is. */
const violations = async (page: Page): Promise<string[]> => {
  // Evaluated by the debugger, which the page's policy does not hold back.
  await page.evaluate(axe)
  const results = await page.evaluate<AxeResults>('axe.run(document)')
  return results.violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${String(target)}`))
}

/** Ways into each state that the page can show. */
const states: Record<string, (playground: Playground) => Promise<void>> = {
  idle: ({ reaches }) => reaches('idle'),
  starting: ({ start }) => start('nothing', 'starting'),
  active: async ({ start, page }) => {
    await start('guest')
    await page.locator('event-log summary').first().click()
    await page.getByText('More of the profile').click()
    await page.getByRole('tab', { name: 'React' }).click()
  },
  reconnecting: async ({ start, press, reaches, page }) => {
    await start('token')
    await press('Break the network')
    await reaches('reconnecting')
    await page.locator('live-state time').waitFor()
  },
  ended: async ({ start, press, reaches }) => {
    await start('auth-params')
    await press('end()')
    await reaches('ended')
  },
  failed: ({ start }) => start('wrong-token', 'failed'),
}

const widths = [375, 1280]

describe('the playground: for everybody', () => {
  for (const [state, reach] of Object.entries(states))
    it(`has nothing in state ${state} that axe finds wrong, light or dark, on a phone or a desktop`, async (playground) => {
      const { page } = playground
      await reach(playground)
      for (const colorScheme of ['light', 'dark'] as const)
        for (const width of widths) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
          await page.setViewportSize({ width, height: 740 })
          assert.deepEqual(await violations(page), [], `${colorScheme}, ${width} px`)
        }
      assert.equal(
        await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
        'rgb(16, 20, 26)',
        'it is dark where that is liked',
      )
    })

  for (const [state, reach] of Object.entries(states))
    it(`fits a phone in state ${state}, and fingers find its buttons`, async (playground) => {
      const { page } = playground
      await page.setViewportSize({ width: 375, height: 740 })
      await reach(playground)
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 375)
      const controls = page.locator('button, select, summary, input:not([type=radio]), .apps label')
      let seen = 0
      for (const control of await controls.all()) {
        if (!(await control.isVisible())) continue
        seen += 1
        const name = await control.innerText()
        const { x, width, height } = (await control.boundingBox()) ?? { x: 0, width: 0, height: 0 }
        assert.ok(height >= 44, `${name} is ${height} px high`)
        assert.ok(x >= 0 && x + width <= 375, name)
      }
      assert.ok(seen > 15)
    })

  it('can be used without a mouse, and shows where the keyboard is', async ({ page, reaches }) => {
    const focus = async (): Promise<{ name: string; outline: string }> =>
      page.evaluate(() => {
        let at = document.activeElement
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
        const shown = at?.matches('[type=radio]') ? at.parentElement : at
        if (!at || !shown) return { name: '', outline: '' }
        return {
          name: at.id || at.textContent.trim() || at.getAttribute('name') || at.localName,
          outline: getComputedStyle(shown).outlineStyle,
        }
      })
    const seen: string[] = []
    for (let press = 0; press < 40 && !seen.includes('network'); press++) {
      await page.keyboard.press('Tab')
      const { name, outline } = await focus()
      assert.notEqual(outline, 'none', name)
      seen.push(name)
      if (name === 'Start the session') {
        await page.keyboard.press('Enter')
        await reaches('active')
      }
    }
    for (const name of ['way', 'user-id', 'name', 'Start the session', 'end', 'move', 'network'])
      assert.ok(seen.includes(name), `${name} among ${seen.join(', ')}`)
    await page.locator('#end').press('Space')
    await reaches('ended')
    await page.getByRole('tab', { name: 'HTML' }).press('ArrowRight')
    assert.equal((await focus()).name, 'tab-1')
    assert.equal(await page.getByRole('tab', { name: 'JavaScript' }).getAttribute('aria-selected'), 'true')
  })

  it('tells a screen reader of each state, but not of each tick of a countdown', async ({
    start,
    press,
    page,
  }) => {
    const told = page.locator('live-state').getByRole('status')
    await start('token')
    assert.match(await told.innerText(), /active[^]*verified/)
    await press('Break the network')
    await page.locator('live-state time').waitFor()
    assert.match(await told.innerText(), /reconnecting/)
    assert.doesNotMatch(await told.innerText(), /Next attempt/)
  })

  it('brings the state into view on a phone when a session is started', async ({ page, start }) => {
    await page.setViewportSize({ width: 375, height: 740 })
    await start('token')
    const box = await page.locator('live-state .name').boundingBox()
    assert.ok(box && box.y >= 0 && box.y + box.height <= 740)
  })
})
