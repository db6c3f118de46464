import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { assertAccessible } from '../../support/browsers/axe.js'
import { itOnPlayground as it, type Playground } from '../../support/sites/playground-page.js'
import { until } from '../../support/until.js'

/** Brings the largest number of users into six states, and opens every part of a panel. */
const showEverything = async ({ add, panel }: Playground): Promise<void> => {
  const [active, reconnecting, guest] = [panel(0), panel(1), panel(2)]
  for (const { reaches } of [active, reconnecting, guest]) await reaches('active')
  const [failed, starting, idle] = [await add(), await add(), await add()]
  await idle.reaches('idle')
  await idle.at.getByText('More of the profile').click()
  await active.write('Bob Okafor', 'Hello Bob.')
  await reconnecting.write('Alice Moreau', 'Hello Alice.')
  await active.unread().waitFor()
  await active.logs(/session-message/)
  await active.at.locator('.log summary').first().click()
  await failed.start('wrong-token', 'failed')
  await starting.start('nothing', 'starting')
  await starting.open('Notify')
  await reconnecting.press('Offline')
  await reconnecting.reaches('reconnecting')
  await reconnecting.write('Alice Moreau', 'On its way.')
  await reconnecting.open('Code')
  await guest.press('Offline')
  await guest.reaches('reconnecting')
  await guest.write('Bob Okafor', 'Never sent.')
  await guest.press('end()')
  await guest.message('Never sent.').getByText('Not sent').waitFor()
}

describe('the playground: accessibility', () => {
  it('links to the page of error codes, which has no violation of axe', async ({ page }) => {
    await page.getByRole('link', { name: 'Error codes' }).click()
    await page.getByRole('heading', { name: 'Error codes' }).waitFor()
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 740 })
      await assertAccessible(page, `${width} px`)
    }
  })

  it('has no violation of axe in any state, in light and dark mode, on a phone and a desktop; it fits the window, and its buttons are large enough for touch', async (playground) => {
    const { page } = playground
    await page.setViewportSize({ width: 1280, height: 740 })
    await showEverything(playground)
    await assertAccessible(page, 'a desktop')
    assert.equal(
      await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
      'rgb(16, 20, 26)',
      'it has a dark mode',
    )
    await page.setViewportSize({ width: 360, height: 740 })
    const chips = page.getByRole('navigation', { name: 'Users' }).getByRole('link')
    assert.equal(await chips.count(), 6)
    let shown = 0
    for (const chip of await chips.all()) {
      await chip.click()
      await assertAccessible(page, `a phone, ${(await chip.textContent()) ?? ''}`)
      const controls = page.locator('button, a.chip, select, summary, input:not([type=checkbox])')
      const boxes = await controls.evaluateAll((all) =>
        all.map((control) => {
          const { left, right, height } = control.getBoundingClientRect()
          const scrolls = control.closest('[role=tablist]') !== null
          return {
            name: control.textContent.trim() || control.id,
            left,
            right,
            height,
            scrolls,
            small: control.matches('.small'),
          }
        }),
      )
      for (const { name, left, right, height, scrolls, small } of boxes) {
        if (height === 0) continue
        shown += 1
        // WCAG 2.2, 2.5.8: the small buttons have enough space around them.
        assert.ok(height >= (small ? 24 : 44), `${name} is ${height} px high`)
        assert.ok(scrolls || (left >= 0 && right <= 360), `${name} is within the window`)
      }
    }
    assert.ok(shown > 100)
  })

  for (const width of [320, 360, 390])
    it(`shows one user at a time on a phone of ${width} pixels, with a button for each`, async ({
      page,
      panel,
    }) => {
      await page.setViewportSize({ width, height: 740 })
      for (const index of [0, 1, 2])
        await page.locator('user-panel').nth(index).waitFor({ state: 'attached' })
      await panel(0).reaches('active')
      const visible = page.locator('user-panel:visible')
      const users = page.getByRole('navigation', { name: 'Users' })
      const isUncovered = (control: Element): boolean => {
        const { left, right, top, height } = control.getBoundingClientRect()
        return [left + 2, (left + right) / 2, right - 2].every((x) =>
          control.contains(document.elementFromPoint(x, top + height / 2)),
        )
      }
      for (const [index, name] of ['Alice', 'Bob', 'Visitor'].entries()) {
        const chip = users.getByRole('link', { name })
        assert.ok(await chip.evaluate(isUncovered), `${name} can be pressed`)
        await chip.click()
        await visible.getByRole('heading', { name }).waitFor()
        assert.equal(await visible.count(), 1)
        await panel(index).reaches('active')
        const tops = await visible
          .getByRole('group', { name: 'Network' })
          .getByRole('button')
          .evaluateAll((all) => all.map((each) => Math.round(each.getBoundingClientRect().top)))
        assert.equal(tops.length, 5)
        assert.equal(new Set(tops).size, 1, 'the choices of the network are in one row')
        const { height, across } = await page.evaluate(() => ({
          height: document.documentElement.scrollHeight,
          across: document.documentElement.scrollWidth,
        }))
        assert.ok(height < 2_200, `the page is ${height} px high`)
        assert.ok(across <= width, `the page is ${across} px wide`)
      }
      // The user who is not shown still receives.
      await panel(2).write('Alice Moreau', 'Hello Alice.')
      await users.getByRole('link', { name: 'Alice 1 unread' }).click()
      await panel(0).message('Hello Alice.').waitFor()
    })

  it('can be used without a mouse, and shows the focus', async ({ page, alone, reaches, at }) => {
    const focus = async (): Promise<{ name: string; outline: string }> =>
      page.evaluate(() => {
        let node = document.activeElement
        while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
        if (!node) return { name: '', outline: '' }
        return {
          name: node.id || node.textContent.trim() || node.getAttribute('name') || node.localName,
          outline: getComputedStyle(node).outlineStyle,
        }
      })
    await alone()
    const seen: string[] = []
    for (let press = 0; press < 40 && !seen.includes('Start the session'); press++) {
      await page.keyboard.press('Tab')
      const { name, outline } = await focus()
      assert.notEqual(outline, 'none', name)
      seen.push(name)
    }
    await page.keyboard.press('Enter')
    await reaches('active')
    for (const name of ['Offline', 'tab-Log-in', 'method', 'user-id', 'name'])
      assert.ok(seen.includes(name), `${name} among ${seen.join(', ')}`)
    await at.getByRole('tab', { name: 'Log-in' }).press('ArrowRight')
    assert.equal((await focus()).name, 'tab-Element')
    await at.getByRole('button', { name: 'end()' }).press('Space')
    await reaches('ended')
    await at.getByRole('tab', { name: 'Element' }).press('ArrowLeft')
    await at.getByRole('tab', { name: 'Log-in' }).press('ArrowLeft')
    await at.getByRole('tab', { name: 'Events' }).press('ArrowLeft')
    assert.equal((await focus()).name, 'tab-Code')
    await at.getByRole('tab', { name: 'HTML' }).press('ArrowRight')
    assert.equal((await focus()).name, 'tab-JavaScript')
    await page.getByRole('button', { name: 'Remove Alice Moreau' }).press('Enter')
    assert.equal((await focus()).name, 'Add a user')
  })

  it('announces each state to a screen reader, but not each tick of a countdown', async ({
    reaches,
    press,
    at,
  }) => {
    const status = at.locator('.state').getByRole('status')
    await reaches('active')
    assert.match(await status.innerText(), /active[^]*verified/)
    await press('Offline')
    await reaches('reconnecting')
    await at.locator('.state time').waitFor()
    assert.match(await status.innerText(), /reconnecting/)
    assert.doesNotMatch(await status.innerText(), /Next attempt/)
  })

  it('brings the state into view on a phone when a session is started', async ({ page, start, at }) => {
    await page.setViewportSize({ width: 375, height: 740 })
    await start('token')
    const state = at.locator('.state .name')
    const isInView = async (): Promise<boolean> => {
      const box = await state.boundingBox()
      return !!box && box.y >= 0 && box.y + box.height <= 740
    }
    await until('the state is in view', isInView, true)
  })
})
