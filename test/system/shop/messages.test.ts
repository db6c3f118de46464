import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { assertAccessible } from '../../support/browsers/axe.js'
import { newContext } from '../../support/browsers/browser.js'
import { APP } from '../../support/sites/shop-gateway.js'
import { startProxy, type Proxy } from '../../support/network/proxy.js'
import { ask, customerIn, logIn, message, startShop, write, writeUnsent } from '../../support/sites/shop.js'
import { until } from '../../support/until.js'
import { chatOf, complaintsOf, untilState } from '../../support/sites/page-state.js'

const NORA = 'Nora Lind'

const badge = (page: Page): Locator => page.locator('header chat-unread')

/** Waits until the header shows the number of unread messages. */
const untilUnread = (page: Page, count: number): Promise<void> =>
  until(
    `unread in ${page.url()}`,
    async () => ((await badge(page).isVisible()) ? badge(page).textContent() : 'none'),
    count ? String(count) : 'none',
  )

test('a customer and the seller write to each other about a product, and pages show messages as text', async () => {
  const site = await startShop()
  const [{ page: alice }, { page: nora, context }] = [await customerIn(site), await customerIn(site, NORA)]
  const complaints = [complaintsOf(alice), complaintsOf(nora)]
  const devtools = await context.newCDPSession(nora)
  await devtools.send('Emulation.setLocaleOverride', { locale: 'de-DE' })
  const { id } = await chatOf(nora)
  const question = `<img src=x onerror="document.title='broken'"> <b>Does it</b> break?`
  await ask(alice, site, 'mug', question)

  // The badge appears without a reload, on pages without messages, and stays on the next page.
  await untilUnread(nora, 1)
  await nora.goto(`${site.url}/about`)
  await untilUnread(nora, 1)
  await nora.getByRole('link', { name: 'Messages' }).click()
  await nora.locator('[data-new]').getByText('1 new').waitFor()
  await nora.setViewportSize({ width: 360, height: 640 })
  await assertAccessible(nora, 'the list of messages')
  await nora.getByRole('link', { name: 'Alice Moreau, Harbour mug' }).click()
  await message(nora, question).waitFor()
  assert.equal(await nora.locator('[data-messages] :is(img, b)').count(), 0)
  // The server drew the time in UTC, until the page's script knows better. A message of today has no date.
  const time = message(nora, question).locator('time')
  await until('whether the time is that of the browser', async () =>
    /^\d\d:\d\d$/.test(await time.innerText()),
  )
  assert.match((await time.getAttribute('title')) ?? '', /\d{4}/)
  await untilUnread(nora, 0)
  assert.match((await message(nora, question).getAttribute('class')) ?? '', /theirs/)
  assert.equal((await chatOf(nora)).id, id, 'one session over all of these pages')

  await write(nora, 'Only if it falls.')
  await message(nora, 'Only if it falls.').getByText('You').waitFor()
  await message(alice, 'Only if it falls.').getByText(NORA).waitFor()
  await untilUnread(alice, 0)
  await alice.getByLabel('Write to').fill('Thank you!')
  await alice.getByLabel('Write to').press('Enter')
  await message(nora, 'Thank you!').waitFor()
  await message(alice, 'Thank you!').waitFor()
  for (const page of [alice, nora]) {
    assert.deepEqual(await page.locator('[data-messages] .text').allInnerTexts(), [
      question,
      'Only if it falls.',
      'Thank you!',
    ])
    assert.doesNotMatch(await page.title(), /broken/)
    await page.setViewportSize({ width: 360, height: 640 })
    await assertAccessible(page, page.url())
  }
  await alice.getByRole('link', { name: 'Messages' }).click()
  await alice.getByText('You: Thank you!').waitFor()
  assert.deepEqual(complaints, [[], []])
})

test('a thread has all messages of one customer, and reading it marks no message of another customer as read', async () => {
  const site = await startShop()
  const [{ page: alice }, { page: bilal }, { page: nora }] = [
    await customerIn(site),
    await customerIn(site, 'Bilal Khan'),
    await customerIn(site, NORA),
  ]
  await ask(bilal, site, 'lamp', 'Is it warm?')
  await ask(alice, site, 'lamp', 'How bright is it?')
  await ask(bilal, site, 'mug', 'Does it break?')
  await ask(alice, site, 'mug', 'How large is it?')
  await message(alice, 'How bright').getByText('You on Desk lamp').waitFor()
  await untilUnread(nora, 4)
  const list = nora.locator('[data-list] li')
  /** Returns the names and counts of the list. */
  const listed = async (): Promise<string> =>
    (
      await list.evaluateAll((items) =>
        items.map((item) =>
          ['link', 'new'].map((what) => item.querySelector(`[data-${what}]:not([hidden])`)?.textContent),
        ),
      )
    )
      .map(([name, unread = 'read']) => `${name}: ${unread}`)
      .join('; ')
  await nora.goto(`${site.url}/messages`)
  await until('the list', listed, 'Alice Moreau, Harbour mug: 2 new; Bilal Khan, Harbour mug: 2 new')
  // The newest of Alice's is the newest of all.
  await list.first().getByRole('link').click()
  await message(nora, 'How large is it?').waitFor()
  await message(nora, 'How bright').getByText('Alice Moreau on Desk lamp').waitFor()
  assert.equal(await message(nora, 'Is it warm?').count(), 0)
  await untilUnread(nora, 2)
  await nora.goto(`${site.url}/messages`)
  await until('the list', listed, 'Alice Moreau, Harbour mug: read; Bilal Khan, Harbour mug: 2 new')
  // What is older than the mark of Alice stays unread, and what comes meanwhile is counted.
  await ask(bilal, site, 'mug', 'And is it blue?')
  await until('the list', listed, 'Bilal Khan, Harbour mug: 3 new; Alice Moreau, Harbour mug: read')
  const { page: elsewhere } = await customerIn(site, NORA)
  await elsewhere.goto(`${site.url}/messages/bilal/mug`)
  for (const page of [elsewhere, nora]) await untilUnread(page, 0)
  await until('the list', listed, 'Bilal Khan, Harbour mug: read; Alice Moreau, Harbour mug: read')
})

test('the list asks for no messages, and marks those of people whom the shop does not know as read', async () => {
  const site = await startShop()
  const [{ page: alice }, { page: nora }] = [await customerIn(site), await customerIn(site, NORA)]
  await ask(alice, site, 'mug', 'How large is it?')
  const { gateway } = site.gateway
  for (const from of ['mallory', undefined])
    await gateway.client(APP).sendMessage({ user: 'nora', body: { from, body: 'Buy this' } })
  await untilUnread(nora, 3)
  const sent: string[] = []
  nora.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(String(payload))))
  await nora.goto(`${site.url}/messages`)
  await nora.locator('[data-new]').getByText('1 new').waitFor()
  await untilUnread(nora, 1)
  assert.equal(await nora.locator('[data-list] li').count(), 1)
  const types = new Set(sent.map((text) => (JSON.parse(text) as { type: string }).type))
  assert.deepEqual([types.has('peers'), types.has('history')], [true, false])
})

test('a message that is sent after a log-out goes to the shop, which shows its text and asks for the log-in', async () => {
  const site = await startShop(3)
  const { page: alice, context } = await customerIn(site)
  await alice.goto(`${site.url}/products/mug`)
  await alice.getByText('No messages yet.').waitFor()
  await context.request.post(`${site.url}/logout`, { headers: { origin: site.url } })
  await untilState(alice, 'ended')
  await write(alice, 'Is it blue?')
  await alice.getByRole('heading', { name: 'Your message was not sent' }).waitFor()
  await alice.getByText('Is it blue?').waitFor()
  await assertAccessible(alice, 'a message that was not sent')
})

test('what a page of one customer sends is not a message of the next customer of the browser', async () => {
  const site = await startShop()
  const { page: alice, context } = await customerIn(site)
  await alice.goto(`${site.url}/products/mug`)
  await alice.getByText('No messages yet.').waitFor()
  await context.request.post(`${site.url}/logout`, { headers: { origin: site.url } })
  await untilState(alice, 'ended')
  await logIn(await context.newPage(), site, 'Bilal Khan')
  await write(alice, 'Is it blue?')
  await alice.getByRole('heading', { name: 'Your message was not sent' }).waitFor()
  await alice.getByText('Is it blue?').waitFor()
})

test('what the page of a visitor sends is a message of the customer who has logged in since', async () => {
  const site = await startShop()
  const context = await newContext()
  const visitor = await context.newPage()
  await visitor.goto(`${site.url}/products/mug`)
  await untilState(visitor, 'active')
  const alice = await context.newPage()
  await logIn(alice, site)
  await untilState(visitor, 'ended')
  await write(visitor, 'Is it blue?')
  await alice.goto(`${site.url}/products/mug`)
  await message(alice, 'Is it blue?').getByText('You').waitFor()
})

test('a visitor whom the gateway refuses reads that only customers can write', async () => {
  const site = await startShop()
  const page = await (await newContext()).newPage()
  await page.routeWebSocket(/\/v1\/session/, (socket) => socket.close({ code: 4403 }))
  await page.goto(`${site.url}/products/mug`)
  const notice = page.getByText('You can’t write without an account here. Log in first.')
  await notice.waitFor()
  // The session can fail before the script of the thread runs.
  await page.route('**/public/thread.js', async (route) => {
    await untilState(page, 'failed')
    await route.continue()
  })
  await page.reload({ waitUntil: 'commit' })
  await notice.waitFor()
})

test('messages that can no longer be sent stay in the thread, and the first one is in the form again', async () => {
  let proxy: Proxy | undefined
  const site = await startShop(undefined, async (url) => (proxy = await startProxy(url)).url)
  const { page: alice } = await customerIn(site)
  await alice.goto(`${site.url}/products/mug`)
  await untilState(alice, 'active')
  assert.ok(proxy)
  await writeUnsent(alice, proxy, 'Is it blue?')
  await write(alice, 'Is it large?')
  await alice.getByText('Sending…').nth(1).waitFor()
  await site.gateway.gateway.client(APP).endUserSessions({ user: 'alice' })
  await untilState(alice, 'ended')
  await alice.locator('.failed').filter({ hasText: 'Is it large?' }).getByText('Not sent.').waitFor()
  assert.equal(await alice.locator('.unsent').count(), 1)
  assert.equal(await alice.getByLabel('Write to').inputValue(), 'Is it blue?')
})

test('Enter sends neither a text without a word nor one that Safari is still composing', async () => {
  const site = await startShop()
  const { page: alice } = await customerIn(site)
  await alice.goto(`${site.url}/products/mug`)
  await untilState(alice, 'active')
  const field = alice.getByLabel('Write to')
  await field.fill(' \n')
  await field.press('Enter')
  await field.fill('にほん')
  await field.dispatchEvent('keydown', { key: 'Enter', keyCode: 229 })
  assert.equal(await field.inputValue(), 'にほん')
  await field.press('Enter')
  await message(alice, 'にほん').waitFor()
  assert.equal(await alice.locator('[data-messages] li').count(), 1)
})

test('a message that the gateway refuses is in the form again, with the reason', async () => {
  const site = await startShop()
  const { page: alice } = await customerIn(site)
  await alice.goto(`${site.url}/products/mug`)
  await untilState(alice, 'active')
  const field = alice.getByLabel('Write to')
  // Each of these characters has three bytes.
  await field.evaluate((node: HTMLTextAreaElement) => node.removeAttribute('maxlength'))
  await write(alice, '語'.repeat(6_000))
  await alice.getByText('Not sent. It is too long.').waitFor()
  assert.equal((await field.inputValue()).length, 6_000)
  await write(alice, 'Is it blue?')
  await message(alice, 'Is it blue?').waitFor()
})

test('odd data in messages does not hide the good messages from the seller', async () => {
  const site = await startShop()
  const [{ page: bilal }, { page: nora }] = [
    await customerIn(site, 'Bilal Khan'),
    await customerIn(site, NORA),
  ]
  const complaints = complaintsOf(nora)
  let depth: Record<string, unknown> = {}
  for (let n = 0; n < 25; n += 1) depth = { product: depth }
  const noText = [
    null,
    7,
    true,
    ['mug'],
    { toString: 1, valueOf: 1 },
    depth,
    'x'.repeat(16_000),
    'nora',
    'bilal',
  ]
  const oddData = [
    ...noText.map((product) => ({ product })),
    ...noText.map((key) => ({ product: 'mug', key })),
    { product: 'mug', key: '__proto__' },
    {},
  ]
  await bilal.evaluate(
    async (all) => {
      const element = document.querySelector<ChatSessionElement>('chat-session')
      if (!element) throw new Error('There is no element.')
      await Promise.all(all.map((data, n) => element.send({ to: 'nora', body: `odd ${n}.`, data })))
      await element.send({ to: 'nora', data: { product: 'lamp' } })
    },
    oddData as Record<string, unknown>[],
  )
  await ask(bilal, site, 'mug', 'Is it blue?')
  await nora.goto(`${site.url}/messages`)
  await nora.getByText('Is it blue?').waitFor()
  assert.deepEqual(await nora.locator('[data-link]').allInnerTexts(), ['Bilal Khan, Harbour mug'])
  await nora.goto(`${site.url}/messages/bilal/mug`)
  await message(nora, 'Is it blue?').waitFor()
  await until('odd messages', () => message(nora, 'odd').count(), oddData.length)
  await nora.getByText('Bilal Khan on Desk lamp').waitFor()
  await untilUnread(nora, 0)
  assert.deepEqual(complaints, [])
})

test('large messages of one customer do not hide the messages of another customer from the seller', async () => {
  const site = await startShop()
  const [{ page: alice }, { page: bilal }] = [await customerIn(site), await customerIn(site, 'Bilal Khan')]
  await ask(alice, site, 'mug', 'How large is it?')
  await bilal.evaluate(async () => {
    const element = document.querySelector<ChatSessionElement>('chat-session')
    for (let n = 0; n < 8; n += 1)
      await element?.send({ to: 'nora', body: 'x'.repeat(16_000), data: { product: 'lamp' } })
  })
  const { page: nora } = await customerIn(site, NORA)
  await nora.goto(`${site.url}/messages`)
  await nora.getByText('8 new').waitFor()
  await nora.getByRole('link', { name: 'Alice Moreau, Harbour mug' }).click()
  await message(nora, 'How large is it?').waitFor()
  await nora.getByRole('button', { name: 'Show older messages' }).waitFor({ state: 'hidden' })
})

test('without JavaScript the shop works, shows the messages, and sends those of its form', async () => {
  const site = await startShop()
  const { context, page: alice } = await customerIn(site)
  await ask(alice, site, 'lamp', '<b>Is it bright?</b>')
  const { page: nora } = await customerIn(site, NORA)
  await nora.goto(`${site.url}/messages/alice/lamp`)
  await write(nora, 'As bright as you like.')
  await message(alice, 'As bright as you like.').waitFor()
  const bare = await context.browser()?.newContext({
    javaScriptEnabled: false,
    storageState: await context.storageState(),
  })
  assert.ok(bare)
  const page = await bare.newPage()
  await page.goto(site.url)
  await page.getByRole('link', { name: 'Desk lamp' }).click()
  await page.getByText('€84.00').waitFor()
  const shown = page.getByRole('log').getByRole('listitem')
  assert.deepEqual(await shown.locator('.text').allTextContents(), [
    '<b>Is it bright?</b>',
    'As bright as you like.',
  ])
  assert.deepEqual(await shown.locator('[data-status]').allTextContents(), ['You', 'Nora Lind'])
  await write(page, 'Very kind.\nReally.')
  await shown.getByText('Very kind.').waitFor()
  assert.equal(await shown.locator('.text').last().textContent(), 'Very kind.\nReally.')
  await message(alice, 'Very kind.').getByText('You').waitFor()
  await message(nora, 'Very kind.').getByText('Alice Moreau').waitFor()
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByRole('link', { name: 'Cart 1' }).waitFor()
  await bare.close()
})

test('a thread that the server drew goes on live from there, with the same elements', async () => {
  const site = await startShop()
  const { page: alice } = await customerIn(site)
  await ask(alice, site, 'mug', 'Is it blue?')
  const { page: nora } = await customerIn(site, NORA)
  await nora.addInitScript(() => {
    document.addEventListener('DOMContentLoaded', () =>
      Object.assign(window, { drawn: document.querySelector('[data-messages] > li') }),
    )
  })
  await nora.goto(`${site.url}/messages/alice/mug`)
  const html = await (await nora.request.get(`${site.url}/messages/alice/mug`)).text()
  assert.match(html, /since="[^"/]+\/1"/)
  await write(nora, 'Yes.')
  await message(alice, 'Yes.').waitFor()
  await write(alice, 'Good.')
  await message(nora, 'Good.').waitFor()
  const first = message(nora, 'Is it blue?')
  assert.equal(await first.evaluate((item) => item === (window as { drawn?: unknown }).drawn), true)
  assert.equal(await nora.getByRole('log').getByRole('listitem').count(), 3)
})

test('only the seller can open the thread of a customer, and visitors are sent to the log-in', async () => {
  const site = await startShop()
  const { page } = await customerIn(site)
  assert.equal((await page.goto(`${site.url}/messages/alice/mug`))?.status(), 404)
  const visitor = await (await newContext()).newPage()
  await visitor.goto(`${site.url}/messages`)
  assert.equal(new URL(visitor.url()).pathname, '/login')
  await logIn(visitor, site, NORA)
  await visitor.goto(`${site.url}/products/mug`)
  await visitor.getByText('Customers’ questions are in your').waitFor()
  assert.equal((await visitor.goto(`${site.url}/messages/unknown/mug`))?.status(), 404)
})

test('a visitor asks without an account, logs in, and finds the question; the seller answers the visitor', async () => {
  const site = await startShop()
  const { page: nora } = await customerIn(site, NORA)
  const context = await newContext()
  const page = await context.newPage()
  const complaints = [complaintsOf(page), complaintsOf(nora)]
  await page.goto(`${site.url}/products/mug`)
  await write(page, 'Does it break?')
  await message(page, 'Does it break?').getByText('You').waitFor()

  await nora.getByRole('link', { name: 'Messages' }).click()
  await nora.getByRole('link', { name: 'A visitor, Harbour mug' }).click()
  await message(nora, 'Does it break?').getByText('A visitor').waitFor()

  await logIn(page, site)
  await untilState(page, 'active')
  await page.goto(`${site.url}/products/mug`)
  await message(page, 'Does it break?').getByText('You').waitFor()
  assert.equal(await page.locator('[data-messages] li').count(), 1)
  assert.equal(await page.evaluate(() => localStorage.length), 0)

  // The seller's page is still that of the visitor.
  await write(nora, 'Only if it falls.')
  await message(page, 'Only if it falls.').getByText(NORA).waitFor()
  await nora.getByRole('link', { name: 'Messages' }).first().click()
  await nora.getByRole('link', { name: 'Alice Moreau, Harbour mug' }).waitFor()
  assert.deepEqual(complaints, [[], []])
})
