import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { createToken } from 'chat-session/tokens'
import { Hono } from 'hono'
import { csrf } from 'hono/csrf'
import { customerOf, personOf, productOf, seller } from './goods.mjs'
import { layout } from './layout.mjs'
import * as pages from './pages.mjs'
import { createSessions } from './sessions.mjs'

const root = fileURLToPath(new URL('.', import.meta.url))

/** A cart is no warehouse. */
const MOST_PIECES = 99

/** Nothing runs or loads but the shop's own files and the gateway's script; the chat connects to the gateway. */
const policyOf = (/** @type {string} */ gateway) =>
  [
    "default-src 'none'",
    `script-src 'self' ${gateway}`,
    `connect-src 'self' ${gateway.replace(/^http/, 'ws')}`,
    "style-src 'self'",
    "img-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/**
 * A shop whose pages come from a server, with log-in and log-out, and a chat session for whoever is logged in.
 * @param {import('./shop.d.mts').ShopOptions} options
 */
export const createShop = ({ gateway, secret, appId = 'shop', tokenLife = 300 }) => {
  const shop = new Hono()
  const sessions = createSessions()
  const headers = {
    'content-security-policy': policyOf(gateway),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
  }

  /** The chat's proof of who the customer is. It lives for minutes, so a copy of it is worth little. */
  const tokenFor = (/** @type {import('./goods.mjs').Customer} */ { id, name, email }) =>
    createToken({ appId, userId: id, secret, expiresIn: tokenLife, user: { name, email } })

  const visitorOf = (/** @type {import('hono').Context} */ context) =>
    personOf(sessions.read(context).customerId)

  /** @param {import('hono').Context} context @param {import('./layout.mjs').Page} page */
  const show = async (context, page, /** @type {200 | 400 | 404} */ status = 200) => {
    const { customerId, cart } = sessions.read(context)
    const customer = personOf(customerId)
    const token = customer && (await tokenFor(customer))
    const pieces = [...cart.values()].reduce((sum, number) => sum + number, 0)
    return context.html(layout({ gateway, appId }, { customer, token, pieces }, page), status)
  }

  // A file is the same for everybody; a page, and whatever else is answered, is for one visitor at one moment.
  shop.use('*', async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(headers)) context.header(name, value)
    const isFile = context.req.path.startsWith('/public/')
    context.header('cache-control', isFile ? 'no-cache' : 'no-store')
  })
  // What changes something has to come from the shop's own pages (Sec-Fetch-Site, Origin).
  shop.use('*', csrf())
  shop.get('/public/*', serveStatic({ root }))

  shop.get('/', (context) => show(context, pages.home()))
  shop.get('/about', (context) => show(context, pages.about()))
  shop.get('/login', (context) => show(context, pages.login()))
  shop.get('/help', (context) => show(context, pages.help(!!sessions.read(context).customerId)))
  shop.get('/cart', (context) => show(context, pages.cart(sessions.read(context).cart)))
  shop.get('/products/:id', (context) => {
    const found = productOf(context.req.param('id'))
    return found ? show(context, pages.product(found, visitorOf(context))) : context.notFound()
  })
  shop.get('/messages', (context) => {
    const person = visitorOf(context)
    return person ? show(context, pages.messages(person)) : context.redirect('/login', 303)
  })
  shop.get('/messages/:customer/:product', (context) => {
    const customer = customerOf(context.req.param('customer'))
    const product = productOf(context.req.param('product'))
    if (!customer || !product || visitorOf(context) !== seller) return context.notFound()
    return show(context, pages.conversation(customer, product))
  })
  shop.get('/account', (context) => {
    const customer = visitorOf(context)
    return customer ? show(context, pages.account(customer)) : context.redirect('/login', 303)
  })

  shop.get('/chat-token', async (context) => {
    const customer = visitorOf(context)
    return customer
      ? context.json({ token: await tokenFor(customer) })
      : context.json({ code: 'signed-out' }, 401)
  })

  shop.post('/login', async (context) => {
    const customer = personOf((await context.req.parseBody()).customer)
    if (!customer) return show(context, pages.problem('Who is that?', 'The shop has no such customer.'), 400)
    sessions.logIn(context, customer.id)
    return context.redirect('/', 303)
  })
  shop.post('/logout', (context) => {
    sessions.logOut(context)
    const byScript = context.req.header('accept') === 'application/json'
    return byScript ? context.body(null, 204) : context.redirect('/', 303)
  })
  shop.post('/cart', async (context) => {
    const found = productOf(String((await context.req.parseBody()).product))
    if (!found) return show(context, pages.problem('What is that?', 'The shop has no such product.'), 400)
    const { cart } = sessions.open(context)
    cart.set(found.id, Math.min(MOST_PIECES, (cart.get(found.id) ?? 0) + 1))
    return context.redirect('/cart', 303)
  })
  shop.post('/cart/remove', async (context) => {
    sessions.read(context).cart.delete(String((await context.req.parseBody()).product))
    return context.redirect('/cart', 303)
  })

  shop.notFound((context) =>
    show(context, pages.problem('There is no such page', 'Perhaps it was sold.'), 404),
  )
  return shop
}
