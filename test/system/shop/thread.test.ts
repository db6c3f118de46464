import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { startProxy, type Proxy } from '../../support/network/proxy.js'
import {
  ask,
  customerIn,
  message,
  startShop,
  write,
  writeUnsent,
  type ShopSite,
} from '../../support/sites/shop.js'
import { untilState } from '../../support/sites/page-state.js'
import { APP } from '../../support/sites/shop-gateway.js'
import { until } from '../../support/until.js'

const NORA = 'Nora Lind'

/** A shop whose pages connect to the gateway through a proxy. */
const startShopBehindProxy = async (): Promise<{ site: ShopSite; proxy: Proxy }> => {
  let proxy: Proxy | undefined
  const site = await startShop(undefined, async (url) => (proxy = await startProxy(url)).url)
  assert.ok(proxy)
  return { site, proxy }
}

const selectedText = (page: Page): Promise<string> => page.evaluate(() => String(getSelection()))

test('the focus and the selection in a thread stay when a message arrives', async () => {
  const { site, proxy } = await startShopBehindProxy()
  const { page: alice } = await customerIn(site)
  await ask(alice, site, 'mug', 'How large is it?')
  const { page: nora } = await customerIn(site, NORA)
  await nora.goto(`${site.url}/messages/alice/mug`)
  await message(nora, 'How large is it?').waitFor()
  await writeUnsent(alice, proxy, 'Is it blue?')

  await message(alice, 'How large').locator('.text').selectText()
  const log = alice.getByRole('log')
  await log.focus()
  proxy.flow()
  await write(nora, 'A third of a litre.')
  await message(alice, 'A third of a litre.').waitFor()

  assert.equal(await selectedText(alice), 'How large is it?')
  assert.equal(await log.evaluate((node) => node === document.activeElement), true)
})

test('a message keeps its element and its selection when it becomes a stored one', async () => {
  const { site, proxy } = await startShopBehindProxy()
  const { page: alice } = await customerIn(site)
  await alice.goto(`${site.url}/products/mug`)
  await untilState(alice, 'active')
  await writeUnsent(alice, proxy, 'Is it blue?')
  await alice.locator('.unsent .text').selectText()
  proxy.flow()
  await message(alice, 'Is it blue?').waitFor()
  assert.equal(await selectedText(alice), 'Is it blue?')
})

test('older messages that a reader asks for are in sight, and the keyboard is at them', async () => {
  const site = await startShop()
  const { page: nora } = await customerIn(site, NORA)
  const client = site.gateway.gateway.client(APP)
  for (let n = 1; n <= 110; n += 1)
    await client.sendMessage({ user: 'nora', body: { from: 'alice', body: `Number ${n}.` } })
  await nora.goto(`${site.url}/messages/alice/mug`)
  await nora.getByRole('button', { name: 'Show older messages' }).press('Enter')
  await message(nora, 'Number 10.').waitFor()
  const log = nora.locator('[data-log]')
  const isInSight = (): Promise<boolean> =>
    log.evaluate((node) => {
      const [{ top, bottom }, tenth] = [node.getBoundingClientRect(), node.querySelectorAll('li')[9]]
      const place = tenth?.getBoundingClientRect()
      return !!place && place.top >= top && place.bottom <= bottom
    })
  await until('whether the newest of the older ones is in sight', isInSight, true)
  assert.equal(await log.evaluate((node) => node === document.activeElement), true)
})

test('a conversation of the window opens although a message changes it while the mouse is down', async () => {
  const site = await startShop()
  const { page: alice } = await customerIn(site)
  await ask(alice, site, 'mug', 'How large is it?')
  const { page: nora } = await customerIn(site, NORA)
  await nora.goto(`${site.url}/window`)
  const last = nora.locator('.preview')
  await last.getByText('How large').hover()
  await nora.mouse.down()
  await ask(alice, site, 'mug', 'And how heavy?')
  await last.getByText('And how heavy?').waitFor()
  await nora.mouse.up()
  await nora.getByRole('log', { name: 'Alice Moreau' }).waitFor()
})

test('the list of threads keeps the focus on a link when another thread moves to the top', async () => {
  const site = await startShop()
  const [{ page: alice }, { page: bilal }, { page: nora }] = [
    await customerIn(site),
    await customerIn(site, 'Bilal Khan'),
    await customerIn(site, NORA),
  ]
  await ask(bilal, site, 'lamp', 'How bright is it?')
  await ask(alice, site, 'mug', 'How large is it?')
  await nora.goto(`${site.url}/messages`)
  const links = nora.locator('[data-link]')
  await until('threads', () => links.count(), 2)

  const mug = nora.getByRole('link', { name: 'Harbour mug' })
  await mug.focus()
  await ask(bilal, site, 'lamp', 'And how warm?')
  await until('the first thread', () => links.first().textContent(), 'Bilal Khan, Desk lamp')
  assert.equal(await mug.evaluate((link) => link === document.activeElement), true)

  await ask(alice, site, 'mug', 'And how heavy?')
  await until('the first thread', () => links.first().textContent(), 'Alice Moreau, Harbour mug')
  assert.equal(await mug.evaluate((link) => link === document.activeElement), true, 'it moved itself')
})

test('an open thread follows new messages, unless the reader has scrolled back', async () => {
  const site = await startShop()
  const [{ page: alice }, { page: nora }] = [await customerIn(site), await customerIn(site, NORA)]
  await nora.goto(`${site.url}/messages/alice/mug`)
  await ask(alice, site, 'mug', 'One.\n'.repeat(40))
  const log = nora.locator('[data-log]')
  const toEnd = (): Promise<number> =>
    log.evaluate((node) => Math.round(node.scrollHeight - node.clientHeight - node.scrollTop))
  await message(nora, 'One.').waitFor()
  await until('the height below the visible part', toEnd, 0)

  await log.evaluate((node) => node.scrollTo(0, 0))
  await write(alice, 'Two.')
  await message(nora, 'Two.').waitFor()
  assert.equal(await log.evaluate((node) => node.scrollTop), 0)

  await write(nora, 'Three.')
  await message(nora, 'Three.').waitFor()
  await until('the height below the visible part', toEnd, 0)

  await nora.reload()
  await untilState(nora, 'active')
  await until('the height below the visible part of a thread that the server drew', toEnd, 0)
  await write(alice, 'Four.')
  await message(nora, 'Four.').waitFor()
  await until('the height below the visible part', toEnd, 0)
})
