/** What people see of `<chat-window>` in each of its states, in words and for a screen reader. axe finds nothing in any of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible } from '../../support/browsers/axe.js'
import { newContext } from '../../support/browsers/browser.js'
import { attachGateway, startGateway } from '../../support/gateway.js'
import { startSiteGateway } from '../../support/sites/element-page.js'
import { open, ready, sessionOf, tagFor, write } from '../../support/sites/window-page.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const context = await newContext()

const is = (page: Page, state: string): Promise<boolean> =>
  page.locator('chat-window').evaluate((each, name) => each.matches(`:state(${name})`), state)

const untilIs = (page: Page, state: string): Promise<void> =>
  until(`the window is ${state}`, () => is(page, state))

/** Checks the page in light and dark, wide and as narrow as a window may be. */
const check = async (page: Page, what: string): Promise<void> => {
  for (const width of [1100, 280]) {
    await page.setViewportSize({ width, height: 700 })
    // What is just appearing has less contrast.
    await page.locator('chat-window').evaluate(({ shadowRoot }) => {
      for (const animation of shadowRoot?.getAnimations() ?? [])
        if (animation.effect?.getTiming().iterations !== Infinity) animation.finish()
    })
    await assertAccessible(page, `${what}, ${width} pixels wide`)
  }
}

/** A page is not checked for what its site has to give it. */
const pageAround = (content: string): string =>
  `<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
    <main><h1>Messages</h1>${content}</main>`

/** The keys of the texts that are not sent yet. */
const texts = (page: Page): Promise<string[]> =>
  page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('chat-window')))

const show = (page: Page, peer: string | null, name?: string): Promise<void> =>
  page
    .locator('chat-window')
    .evaluate(
      (each: HTMLElementTagNameMap['chat-window'], [peer, name]) => each.show(peer ?? null, { name }),
      [peer, name] as const,
    )

test('list, thread, pictures, files, the line “new” and somebody who types', async () => {
  const gateway = await startSiteGateway()
  const ann = await sessionOf(gateway, 'all-ann')
  const { page } = await open({
    context,
    gateway,
    body: pageAround(`${await tagFor('all-bob')}<chat-window></chat-window>`),
  })
  await ready(page)
  await check(page, 'nobody yet')
  await ann.send({ to: 'all-bob', body: 'See https://example.com/' })
  await page.getByRole('button', { name: 'all-ann' }).waitFor()
  await check(page, 'the list')
  const list = page.getByRole('list', { name: 'Messages' })
  await list.getByRole('button', { name: /^A? ?all-ann online .* 1 unread$/ }).waitFor()
  await page.getByRole('button', { name: 'all-ann' }).click()
  await write(page, 'I see')
  await page.locator('chat-window').evaluate((each) => each.shadowRoot?.querySelector('textarea')?.blur())
  const url = `${gateway}/nothing`
  await ann.send({
    to: 'all-bob',
    data: { image: { url: `${url}.png`, width: 40, height: 30, alt: 'A mug' } },
  })
  await ann.send({ to: 'all-bob', data: { file: { url: `${url}.pdf`, name: 'Bill.pdf', size: 2_000 } } })
  await page.getByRole('link', { name: 'Bill.pdf 2 kB' }).waitFor()
  await ann.signal('all-bob', 'typing', { ttl: 30_000 })
  await page.locator('[part=typing]').waitFor()
  await check(page, 'the thread')
  const log = await page.getByRole('log', { name: 'all-ann' }).ariaSnapshot()
  for (const line of ['link "https://example.com/"', 'link "A mug"', 'You:', 'img "Sent"', 'Today'])
    assert.ok(log.includes(line), `${line} in ${log}`)
})

test('a message that waits has a clock, and the connection’s loss a banner that goes', async () => {
  const gateway = await startSiteGateway()
  const own = await newContext()
  const { page } = await open({
    context: own,
    gateway,
    body: pageAround(`${await tagFor('off-bob')}<chat-window peer="off-ann"></chat-window>`),
  })
  await ready(page)
  assert.equal(await page.locator('[part=banner]').count(), 0)
  await own.setOffline(true)
  await untilIs(page, 'offline')
  assert.equal(await page.getByRole('status').filter({ hasText: 'No connection. Messages wait.' }).count(), 1)
  await page.getByLabel('Message', { exact: true }).fill('Later')
  await page.keyboard.press('Enter')
  await page.getByRole('img', { name: 'Waiting' }).waitFor()
  await check(page, 'offline')
  await own.setOffline(false)
  await page.getByRole('img', { name: 'Sent' }).waitFor()
  await untilIs(page, 'ready')
  assert.equal(await page.locator('[part=banner]').count(), 0)
})

test('a gateway that is away while the page loads is offline, and the window works when it is back', async () => {
  const { url, port, close } = await attachGateway()
  const served = await startSiteGateway()
  await close()
  const { page } = await open({
    context,
    gateway: served,
    body: pageAround(
      (await tagFor('away-bob')).replace('<chat-session', `<chat-session endpoint="${url}"`) +
        '<chat-window></chat-window>',
    ),
  })
  await untilIs(page, 'offline')
  await page.getByText('No connection. Messages wait.').waitFor()
  await check(page, 'the gateway is away')
  await attachGateway({}, {}, { port })
  await untilIs(page, 'ready')
})

test('what loads has shapes that come after 200 ms, and nothing for a screen reader', async () => {
  const { page } = await open({
    context,
    gateway: await startSiteGateway(),
    // A token that does not come.
    body: pageAround(
      '<chat-session app-id="app" user-id="load-bob" token-url="/token"></chat-session><chat-window></chat-window>',
    ),
    prepare: (page) => page.route('**/token', () => undefined),
  })
  await untilIs(page, 'loading')
  await page.locator('.skeleton').waitFor({ state: 'attached' })
  await check(page, 'loading')
  assert.equal(await page.locator('[part=banner]').count(), 0)
  // The shapes have no opacity until their animation begins.
  const [delay, from] = await page.locator('.skeleton').evaluate((each) => {
    const [animation] = each.getAnimations()
    animation?.pause()
    if (animation) animation.currentTime = 199
    return [animation?.effect?.getTiming().delay, getComputedStyle(each).opacity]
  })
  assert.deepEqual([delay, from], [200, '0'])
})

test('who was logged out everywhere reads so, sees nothing of the thread and no button that can’t work', async () => {
  const { url, gateway } = await startGateway()
  const ann = await sessionOf(url, 'out-ann')
  await ann.send({ to: 'out-bob', body: 'Only for Bob' })
  const { page } = await open({
    context,
    gateway: url,
    body: pageAround(`${await tagFor('out-bob')}<chat-window></chat-window>`),
  })
  await ready(page)
  await page.getByRole('button', { name: 'out-ann' }).click()
  await page.getByLabel('Message', { exact: true }).fill('Half a')
  await page.locator('[part~=message]').getByText('Only for Bob').waitFor()
  assert.equal((await texts(page)).length, 1)
  await gateway.client('app').endUserSessions({ user: 'out-bob' })
  await untilIs(page, 'logged-out')
  assert.equal(await page.getByRole('status').innerText(), 'You are logged out.\n\nLog in to write.')
  const shown = page.locator('chat-window')
  assert.doesNotMatch(await shown.evaluate((each) => each.shadowRoot?.textContent ?? ''), /Only for Bob/)
  assert.equal(await shown.getByRole('button').count(), 0)
  assert.deepEqual(await texts(page), [], 'no text is left')
  await check(page, 'logged out everywhere')
})

const refusals: [what: string, tag: string, sentence: string][] = [
  [
    'a token with another secret',
    `<chat-session app-id="app" token="${await tokenFor('why-bob', { secret: 'another secret of at least 32 bytes' })}"></chat-session>`,
    'Your log-in has expired.',
  ],
  ['a guest where there are none', '<chat-session app-id="app" guest></chat-session>', 'You have no access.'],
  [
    'an unknown app',
    `<chat-session app-id="nowhere" token="${await tokenFor('why-bob', { appId: 'nowhere' })}"></chat-session>`,
    'The chat is closed.',
  ],
]
test('who is refused reads why', async () => {
  const { url } = await startGateway({ guests: false })
  for (const [what, tag, sentence] of refusals) {
    const { page } = await open({
      context,
      gateway: url,
      body: pageAround(`${tag}<chat-window></chat-window>`),
    })
    await untilIs(page, 'logged-out')
    assert.match(await page.getByRole('status').innerText(), new RegExp(`^${sentence}`), what)
    await check(page, what)
    await page.close()
  }
})

test('a message to a user who was deleted says so, and what they wrote can still be read', async () => {
  const { url, gateway } = await startGateway({ unknownRecipients: false })
  const ann = await sessionOf(url, 'gone-ann')
  const bob = await sessionOf(url, 'gone-bob')
  await ann.send({ to: 'gone-bob', body: 'Bye' })
  await ann.end()
  await gateway.client('app').deleteUser({ user: 'gone-ann' })
  await bob.end()
  const { page } = await open({
    context,
    gateway: url,
    body: pageAround(`${await tagFor('gone-bob')}<chat-window></chat-window>`),
  })
  await ready(page)
  await page.getByRole('button', { name: 'gone-ann' }).click()
  await page.getByText('Bye', { exact: true }).last().waitFor()
  await page.getByLabel('Message', { exact: true }).fill('Are you there?')
  await page.keyboard.press('Enter')
  await page.getByText('Not sent: no such account.').waitFor()
  await check(page, 'a message that failed')
})

test('a message that failed is sent again by its button, once, and fails again as long as the reason lasts', async () => {
  const { url } = await startGateway({ unknownRecipients: false })
  const { page } = await open({
    context,
    gateway: url,
    body: pageAround(`${await tagFor('again-bob')}<chat-window peer="again-ann"></chat-window>`),
  })
  await ready(page)
  await page.getByLabel('Message', { exact: true }).fill('Are you there?')
  await page.keyboard.press('Enter')
  const reason = page.getByText('Not sent: no such account.')
  await reason.waitFor()
  const signs = (): Promise<(string | null)[]> =>
    page.locator('[part=status]').evaluateAll((all) => all.map((each) => each.ariaLabel))
  assert.deepEqual(await signs(), ['Not sent.'])
  const again = page.getByRole('button', { name: 'Try again' })
  // Each drawing has a new text, so the one of the second refusal is not that of the first.
  const first = await reason.elementHandle()
  await again.click()
  await until('it has failed again', () => first.evaluate(({ isConnected }) => isConnected), false)
  await reason.waitFor()
  assert.deepEqual(await signs(), ['Not sent.'], 'it is one message')
  const ann = await sessionOf(url, 'again-ann')
  const bodies: unknown[] = []
  ann.addEventListener('message', ({ detail: { message } }) => bodies.push(message.body))
  await again.click()
  await page.getByRole('img', { name: 'Sent', exact: true }).waitFor()
  assert.equal(await reason.count(), 0)
  await write(page, 'Good')
  await until('both are there', () => bodies.length, 2)
  assert.deepEqual(bodies, ['Are you there?', 'Good'])
})

test('after the loss of an inbox the window shows what is there now, and keeps what is not sent', async () => {
  const first = await attachGateway()
  const { page } = await open({
    context,
    gateway: first.url,
    body: pageAround(`${await tagFor('lost-bob')}<chat-window peer="lost-ann"></chat-window>`),
  })
  await ready(page)
  const ann = await sessionOf(first.url, 'lost-ann')
  await ann.send({ to: 'lost-bob', body: 'Before' })
  await page.locator('[part~=message]').getByText('Before').waitFor()
  await page.getByLabel('Message', { exact: true }).fill('Half a')
  await first.close()
  await untilIs(page, 'offline')
  // A memory engine has lost everything.
  const second = await attachGateway({}, {}, { port: first.port })
  await untilIs(page, 'ready')
  await until('the old messages are gone', () => page.locator('[part~=message]').count(), 0)
  assert.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'Half a')
  const again = await sessionOf(second.url, 'lost-ann')
  await again.send({ to: 'lost-bob', body: 'After' })
  await page.locator('[part~=message]').getByText('After').waitFor()
})

test('messages of the app’s backend are read, and there is no field to answer', async () => {
  const { url, gateway } = await startGateway()
  const { page } = await open({
    context,
    gateway: url,
    body: pageAround(`${await tagFor('note-bob')}<chat-window></chat-window>`),
  })
  await ready(page)
  await gateway.client('app').sendMessage({ user: 'note-bob', body: { body: 'Your order is on its way.' } })
  await page.getByRole('button', { name: 'Notices' }).click()
  await page.getByRole('log', { name: 'Notices' }).getByText('on its way').waitFor()
  assert.equal(await page.locator('[part=composer]').count(), 0)
  await check(page, 'the backend')
})

test('the launcher and what it opens, in light and dark, on a desktop and a phone', async () => {
  const gateway = await startSiteGateway()
  const ann = await sessionOf(gateway, 'fab-ann')
  await ann.send({ to: 'fab-bob', body: 'Hello' })
  const { page } = await open({
    context,
    gateway,
    body: pageAround(`${await tagFor('fab-bob')}<chat-window launcher></chat-window>`),
  })
  await ready(page)
  await page.getByRole('button', { name: 'Messages, 1 unread', expanded: false }).waitFor()
  await check(page, 'a closed launcher')
  await page.setViewportSize({ width: 1100, height: 700 })
  await page.getByRole('button', { name: 'Messages, 1 unread' }).click()
  await page.getByRole('dialog', { name: 'Messages' }).waitFor()
  await check(page, 'an open launcher')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Messages, 1 unread', expanded: false }).waitFor()
})

test('right to left the window is turned round, and as wide as the page', async () => {
  const gateway = await startSiteGateway()
  const ann = await sessionOf(gateway, 'rtl-ann')
  await ann.send({ to: 'rtl-bob', body: 'مرحبا' })
  const { page } = await open({
    context,
    gateway,
    lang: 'ar',
    body: pageAround(`${await tagFor('rtl-bob')}<chat-window></chat-window>`),
  })
  await ready(page)
  // A text of the other direction begins beside the photo, too, and its end is what is cut off.
  await ann.send({ to: 'rtl-bob', body: 'A text' })
  const preview = page.locator('[part=preview]').filter({ hasText: 'A text' })
  await preview.waitFor()
  assert.equal(await preview.evaluate((each) => getComputedStyle(each).direction), 'ltr')
  const gap = await preview.evaluate((each) => {
    const text = document.createRange()
    text.selectNodeContents(each)
    const rightOf = (drawn: Element | Range | null | undefined): number =>
      drawn?.getBoundingClientRect().right ?? NaN
    return rightOf(each.parentElement?.querySelector('[part=name]')) - rightOf(text)
  })
  assert.ok(Math.abs(gap) < 1, `${gap} pixels`)
  await show(page, 'rtl-ann')
  await page.locator('[part~=message]').nth(1).waitFor()
  const leftOf = (selector: string): Promise<number> =>
    page.locator(selector).evaluate((each) => each.getBoundingClientRect().left)
  assert.ok((await leftOf('[part=list]')) > (await leftOf('[part=thread]')))
  assert.ok((await leftOf('[part=input]')) > (await leftOf('[part=send]')))
  await check(page, 'right to left')
})
