import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { newContext } from '../../support/browsers/browser.js'
import { customerIn, logIn, startShop } from '../../support/sites/shop.js'
import { complaintsOf, stateOf, untilBooted, untilState } from '../../support/sites/page-state.js'
import { startServer } from '../../support/network/http-server.js'

const pages = ['/', '/products/mug', '/cart', '/help', '/about', '/login', '/account', '/messages']

test('a visitor who is not logged in has the tag on every page, and only the page of a product connects', async () => {
  const site = await startShop()
  const page = await (await newContext()).newPage()
  const complaints = complaintsOf(page)
  for (const path of pages.filter((path) => !path.startsWith('/products/'))) {
    await page.goto(site.url + path)
    await untilBooted(page)
    assert.equal(await stateOf(page), 'idle', path)
    assert.equal(await page.locator('.chat-state').isVisible(), false, path)
  }
  // The gateway's first connection is made after the log-in.
  await logIn(page, site)
  await untilState(page, 'active')
  assert.equal(site.gateway.tried(), 1)
  assert.equal(site.tokensAsked(), 0)
  assert.deepEqual(complaints, [])

  const visitor = await (await newContext()).newPage()
  await visitor.goto(`${site.url}/products/mug`)
  await untilState(visitor, 'active')
})

test('the cart lasts over pages and over the log-in, and a product can be removed', async () => {
  const site = await startShop()
  const page = await (await newContext()).newPage()
  await page.goto(`${site.url}/products/mug`)
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByRole('cell', { name: '€19.00' }).first().waitFor()
  await logIn(page, site, 'Bilal Khan')
  await page.getByRole('link', { name: 'Cart 1' }).click()
  await page.getByRole('button', { name: 'Remove Harbour mug' }).click()
  await page.getByText('Your cart is empty').waitFor()
})

test('a customer who logs in while another one still is gets a cart of their own', async () => {
  const site = await startShop()
  const { page } = await customerIn(site)
  await page.goto(`${site.url}/products/mug`)
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByRole('link', { name: 'Cart 1' }).waitFor()
  await logIn(page, site, 'Bilal Khan')
  await page.getByRole('link', { name: 'Cart', exact: true }).waitFor()
})

test('a page of another origin cannot log a customer in or out, or fill the cart', async () => {
  const site = await startShop()
  const { context, page } = await customerIn(site)
  // Another port is another origin of the same site. SameSite alone would send the cookie with its requests.
  const forms = ['/logout', '/login', '/cart'].map(
    (path) =>
      `<form method="post" action="${site.url}${path}"><input name="customer" value="bilal"><input name="product" value="mug"><button>${path}</button></form>`,
  )
  const evil = await startServer((_, response) =>
    response.setHeader('content-type', 'text/html').end(forms.join('')),
  )
  const elsewhere = await context.newPage()
  for (const path of ['/logout', '/login', '/cart']) {
    await elsewhere.goto(evil.url)
    const answer = elsewhere.waitForResponse(site.url + path)
    await elsewhere.getByRole('button', { name: path }).click()
    assert.equal((await answer).status(), 403, path)
  }
  await page.goto(`${site.url}/cart`)
  await page.getByRole('link', { name: 'Alice Moreau' }).waitFor()
  await page.getByText('Your cart is empty').waitFor()
})

test('the cookie is HttpOnly and SameSite, and a log-in replaces it', async () => {
  const site = await startShop()
  const context = await newContext()
  const page = await context.newPage()
  await page.goto(`${site.url}/products/mug`)
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByRole('link', { name: 'Cart 1' }).waitFor()
  const [before] = await context.cookies()
  await logIn(page, site)
  const [cookie, ...others] = await context.cookies()
  assert.deepEqual(others, [])
  assert.equal(cookie?.httpOnly, true)
  assert.equal(cookie.sameSite, 'Lax')
  assert.equal(cookie.name, before?.name)
  assert.notEqual(cookie.value, before?.value)
})

test('pages are never cached, and only the customer gets a token', async () => {
  const site = await startShop()
  const { context } = await customerIn(site)
  const mine = await context.request.get(`${site.url}/chat-token`)
  assert.match(((await mine.json()) as { token: string }).token, /^[\w-]+\.[\w-]+\.[\w-]+$/)
  assert.equal(mine.headers()['cache-control'], 'no-store')
  assert.equal(mine.headers()['access-control-allow-origin'], undefined)
  const visitor = await fetch(`${site.url}/chat-token`)
  assert.equal(visitor.status, 401)
  assert.doesNotMatch(await visitor.text(), /token/)
  for (const path of pages) {
    const { headers } = await fetch(site.url + path, { redirect: 'manual' })
    assert.equal(headers.get('cache-control'), 'no-store', path)
    assert.match(
      headers.get('content-security-policy') ?? '',
      /^default-src 'none'; script-src 'self' http:\S+;/,
    )
    assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe/)
  }
})

test('the shop answers 404 for unknown pages and 400 for unknown customers and products', async () => {
  const site = await startShop()
  const post = (path: string, body: string): Promise<Response> =>
    fetch(site.url + path, {
      method: 'POST',
      body: new URLSearchParams(body),
      headers: { origin: site.url },
      redirect: 'manual',
    })
  assert.equal((await fetch(`${site.url}/products/nothing`)).status, 404)
  assert.equal((await fetch(`${site.url}/nowhere`)).status, 404)
  assert.equal((await post('/login', 'customer=mallory')).status, 400)
  assert.equal((await post('/cart', 'product=nothing')).status, 400)
  assert.equal((await post('/login', 'customer=alice')).status, 303)
})

test('the shop reads no form that is larger than the longest message', async () => {
  const site = await startShop()
  const answerTo = async (body: string): Promise<number> => {
    const headers = { origin: site.url }
    const form = new URLSearchParams({ body })
    return (await fetch(`${site.url}/messages`, { method: 'POST', body: form, headers })).status
  }
  assert.equal(await answerTo('語'.repeat(4_000)), 401)
  assert.equal(await answerTo('x'.repeat(50_000)), 413)
})
