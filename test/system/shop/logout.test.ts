import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { WebSocket } from 'ws'
import { ChatSession } from '../../../src/session/index.js'
import { customerIn, logIn, startShop, type ShopSite } from '../../support/sites/shop.js'
import { newContext } from '../../support/browsers/browser.js'
import { until } from '../../support/until.js'
import { APP } from '../../support/sites/shop-gateway.js'
import { chatOf, complaintsOf, stateOf, untilBooted, untilState } from '../../support/sites/page-state.js'

const logOut = async (page: Page, { url }: ShopSite, button: 'Log out' | 'Log out and stay here') => {
  await page.goto(`${url}/account`)
  await untilState(page, 'active')
  await page.getByRole('button', { name: button, exact: true }).click()
  await page.getByRole('link', { name: 'Log in', exact: true }).waitFor()
}

test('logging out with a page load ends the session', async () => {
  const site = await startShop()
  const { context, page } = await customerIn(site)
  const [cookie] = await context.cookies()
  await logOut(page, site, 'Log out')
  await until('open connections', site.gateway.open, 0)
  await untilBooted(page)
  assert.equal(await stateOf(page), 'idle')
  assert.deepEqual(await context.cookies(), [])
  const copied = { cookie: `${cookie?.name}=${cookie?.value}` }
  assert.equal((await fetch(`${site.url}/chat-token`, { headers: copied })).status, 401)
})

test('a log-out that stays on the page ends the session in the page and at the gateway', async () => {
  const site = await startShop()
  const { page } = await customerIn(site)
  const complaints = complaintsOf(page)
  await page.goto(`${site.url}/products/mug`)
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByRole('link', { name: 'Cart 1' }).waitFor()
  await page.getByRole('link', { name: 'Alice Moreau' }).click()
  await page.waitForURL('**/account')
  await untilState(page, 'active')
  await page.evaluate(() => (document.title = 'the same page'))
  await page.getByRole('button', { name: 'Log out and stay here' }).click()
  await page.getByText('You are logged out').waitFor()
  await until('open connections', site.gateway.open, 0)
  assert.equal(await page.title(), 'the same page')
  await untilState(page, 'ended')
  // The error is not compared: it is the gateway's `revoked`, or null if the page's own end came first.
  const { state, id, user } = await chatOf(page)
  assert.deepEqual({ state, id, user }, { state: 'ended', id: null, user: undefined })
  await page.locator('.chat-state', { hasText: 'chat: ended' }).waitFor()
  assert.equal(await page.getByText('Alice Moreau').count(), 0)
  await page.getByRole('link', { name: 'Cart', exact: true }).waitFor()
  assert.equal((await page.request.get(`${site.url}/chat-token`)).status(), 401)
  // If the gateway's end came first, the console says `revoked`.
  assert.deepEqual(
    complaints.filter((text) => !text.startsWith('<chat-session> revoked: ')),
    [],
  )
})

test('a log-out that fails shows an error, and the customer stays logged in', async () => {
  const site = await startShop()
  const { page } = await customerIn(site)
  await page.goto(`${site.url}/account`)
  await untilState(page, 'active')
  await page.route('**/logout', (route) => route.abort())
  await page.getByRole('button', { name: 'Log out and stay here' }).click()
  await page.getByRole('alert').getByText('That did not work').waitFor()
  assert.equal(await stateOf(page), 'active')
})

for (const button of ['Log out', 'Log out and stay here'] as const)
  test(`the back button after “${button}” does not bring the session back`, async () => {
    const site = await startShop()
    const { page } = await customerIn(site)
    await logOut(page, site, button)
    await until('open connections', site.gateway.open, 0)
    const tried = site.gateway.tried()
    await page.goBack()
    await page.getByRole('link', { name: 'Log in', exact: true }).waitFor()
    await untilBooted(page)
    assert.equal(await stateOf(page), 'idle')
    // The gateway's next connection belongs to the next log-in.
    await logIn(page, site, 'Chiyo Tanaka')
    await untilState(page, 'active')
    assert.equal(site.gateway.tried(), tried + 1)
    assert.equal((await chatOf(page)).user, 'chiyo')
  })

test('a page from the back/forward cache reloads when it is shown again', async () => {
  // The test's browser has no back/forward cache, so the test dispatches the event.
  const site = await startShop()
  const { context, page } = await customerIn(site)
  const other = await context.newPage()
  await other.goto(site.url)
  await logOut(other, site, 'Log out')
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
  await page.getByRole('link', { name: 'Log in', exact: true }).waitFor()
  await untilBooted(page)
  assert.equal(await stateOf(page), 'idle')
  await until('open connections', site.gateway.open, 0)
})

test('after a log-out, no other page of the browser shows the customer’s name, messages or cart', async () => {
  const site = await startShop()
  const { context, page } = await customerIn(site)
  await site.gateway.gateway.publish({ appId: APP, from: 'nora', to: 'alice', body: 'It can be replaced.' })
  const paths = ['/about', '/products/mug', '/messages', '/help', '/account']
  const others: Page[] = []
  for (const path of paths) {
    const other = await context.newPage()
    await other.goto(site.url + path)
    await other.getByRole('link', { name: 'Alice Moreau' }).waitFor()
    await untilState(other, 'active')
    others.push(other)
  }
  await others[1]?.getByText('It can be replaced.').waitFor()
  await others[2]?.getByText('It can be replaced.').waitFor()
  await logOut(page, site, 'Log out')
  for (const [index, other] of others.entries()) {
    await other.getByRole('link', { name: 'Log in', exact: true }).waitFor()
    const text = await other.locator('body').innerText()
    for (const word of ['Alice', 'alice', 'It can be replaced.'])
      assert.ok(!text.includes(word), `${word} on ${paths[index]}`)
  }
})

test('a customer whose sessions the shop ends, but who is logged in, keeps the name', async () => {
  const site = await startShop()
  const { page } = await customerIn(site)
  const asked = page.waitForResponse('**/chat-token')
  await site.gateway.gateway.client(APP).endUserSessions({ user: 'alice' })
  assert.equal((await asked).status(), 200)
  await untilState(page, 'ended')
  await page.getByRole('link', { name: 'Alice Moreau' }).waitFor()
})

test('a log-out ends the sessions of another browser, and leaves those of other customers alone', async () => {
  const site = await startShop()
  const [{ page }, { page: elsewhere }, { page: bilal }] = [
    await customerIn(site),
    await customerIn(site),
    await customerIn(site, 'Bilal Khan'),
  ]
  await logOut(page, site, 'Log out')
  await untilState(elsewhere, 'ended')
  assert.equal((await chatOf(elsewhere)).error, 'revoked')
  assert.equal(await stateOf(bilal), 'active')
})

test('a token that was copied before the log-out is refused from then on', async () => {
  const site = await startShop()
  const { page } = await customerIn(site)
  await page.goto(`${site.url}/account`)
  const token = await page.locator('chat-session').getAttribute('token')
  const startResult = async (): Promise<string> => {
    const session = new ChatSession({
      endpoint: site.gateway.url,
      appId: APP,
      token,
      WebSocket,
    })
    const result = await session.start()
    await session.end()
    return result.succeeded ? 'started' : result.error.code
  }
  assert.equal(await startResult(), 'started', 'it is valid before the log-out')
  await page.getByRole('button', { name: 'Log out', exact: true }).click()
  await page.getByRole('link', { name: 'Log in', exact: true }).waitFor()
  assert.equal(await startResult(), 'unauthenticated')
})

test('a customer can log out of the shop while the gateway is down', async () => {
  const site = await startShop(undefined, () => Promise.resolve('http://127.0.0.1:1'))
  const context = await newContext()
  const post = (path: string, form = {}) =>
    context.request.post(site.url + path, { form, headers: { origin: site.url }, maxRedirects: 0 })
  await post('/login', { customer: 'alice' })
  assert.equal((await post('/logout')).status(), 303)
  assert.equal((await context.request.get(`${site.url}/chat-token`)).status(), 401)
})

test('a product page says whether the seller is online, and nothing while the gateway is down', async () => {
  const site = await startShop()
  const { page } = await customerIn(site)
  const presence = page.locator('[data-presence]')
  await page.goto(`${site.url}/products/mug`)
  assert.equal(await presence.getAttribute('data-presence'), 'offline')
  await customerIn(site, 'Nora Lind')
  await page.reload()
  assert.equal(await presence.getAttribute('data-presence'), 'online')
})
