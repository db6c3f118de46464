import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { createToken } from 'chat-session/tokens'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { csrf } from 'hono/csrf'
import { createChat } from './chat.mjs'
import { askerOf, personOf, productOf, seller } from './goods.mjs'
import { layout } from './layout.mjs'
import * as pages from './pages.mjs'
import { createSessions } from './sessions.mjs'

const root = fileURLToPath(new URL('.', import.meta.url))

/** The most characters of a message. */
const MAX_TEXT = 4_000

/** The most bytes of a form. A character of a message has at most nine, as three percent-encoded bytes. */
const MAX_FORM = 10 * MAX_TEXT

/** The most pieces of one product in a cart. */
const MAX_PIECES = 99

/** Returns the Content-Security-Policy. It allows the shop's own files, the gateway's script and connections to the gateway. */
const policyOf = (/** @type {string} */ gateway) =>
  [
    "default-src 'none'",
    `script-src 'self' ${gateway}`,
    `connect-src 'self' ${gateway} ${gateway.replace(/^http/, 'ws')}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "worker-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/**
 * Returns a shop that renders its pages on the server. A customer who is logged in has a chat session on every page.
 * @param {import('./shop.d.mts').ShopOptions} options
 */
export const createShop = ({ gateway, secret, appId = 'shop', tokenLife = 300, panel }) => {
  const shop = new Hono()
  const sessions = createSessions()
  const chat = createChat({ gateway, appId, secret })
  const headers = {
    'content-security-policy': policyOf(gateway),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
  }

  /** Returns a token for the customer's chat session. It expires after minutes, so a stolen copy is soon useless. */
  const tokenFor = (/** @type {import('./goods.mjs').Customer} */ { id, name, email }) =>
    createToken({ appId, userId: id, secret, expiresIn: tokenLife, user: { name, email } })

  const visitorOf = (/** @type {import('hono').Context} */ context) =>
    personOf(sessions.read(context).customerId)

  /** @param {import('hono').Context} context @param {import('./layout.mjs').Page} page */
  const show = async (context, page, /** @type {200 | 400 | 401 | 404 | 409 | 503} */ status = 200) => {
    const { customerId, cart } = sessions.read(context)
    const customer = personOf(customerId)
    const token = customer && (await tokenFor(customer))
    const pieces = [...cart.values()].reduce((sum, number) => sum + number, 0)
    return context.html(layout({ gateway, appId, panel }, { customer, token, pieces }, page), status)
  }

  // Files are the same for all visitors. Every other response is for one visitor and must not be cached.
  shop.use('*', async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(headers)) context.header(name, value)
    const isFile = context.req.path.startsWith('/public/')
    context.header('cache-control', isFile ? 'no-cache' : 'no-store')
  })
  // Only the shop's own pages may send POST requests (Sec-Fetch-Site, Origin).
  shop.use('*', csrf())
  // Forms are read into memory, also those of strangers.
  shop.use('*', bodyLimit({ maxSize: MAX_FORM }))
  shop.get('/public/*', serveStatic({ root }))
  // The service worker shows what the gateway pushes. The path decides that it is for the whole shop.
  shop.get('/worker.js', (context) =>
    context.body(`importScripts(${JSON.stringify(`${gateway}/v1/chat-session-worker.js`)})\n`, 200, {
      'content-type': 'text/javascript',
    }),
  )

  shop.get('/', (context) => show(context, pages.home()))
  shop.get('/about', (context) => show(context, pages.about()))
  shop.get('/login', (context) => show(context, pages.login()))
  shop.get('/help', (context) => show(context, pages.help(!!sessions.read(context).customerId)))
  shop.get('/cart', (context) => show(context, pages.cart(sessions.read(context).cart)))
  shop.get('/products/:id', async (context) => {
    const found = productOf(context.req.param('id'))
    if (!found) return context.notFound()
    const customer = visitorOf(context)
    const [sellerIsHere, inbox] =
      customer === seller
        ? []
        : await Promise.all([chat.isOnline(seller.id), customer && chat.messages(customer.id, seller.id)])
    return show(context, pages.product(found, customer, sellerIsHere, inbox))
  })
  shop.get('/messages', (context) => {
    const person = visitorOf(context)
    return person ? show(context, pages.messages(person)) : context.redirect('/login', 303)
  })
  shop.get('/window', (context) =>
    visitorOf(context) ? show(context, pages.conversations()) : context.redirect('/login', 303),
  )
  shop.get('/messages/:customer/:product', async (context) => {
    const customer = askerOf(context.req.param('customer'))
    const product = productOf(context.req.param('product'))
    if (!customer || !product || visitorOf(context) !== seller) return context.notFound()
    const [isHere, inbox] = await Promise.all([
      chat.isOnline(customer.id),
      chat.messages(seller.id, customer.id),
    ])
    return show(context, pages.conversation(customer, product, isHere, inbox))
  })
  // A form whose page has no live session: without scripts, before the session is there, or after it has ended.
  shop.post('/messages', async (context) => {
    const fields = await context.req.parseBody()
    // A browser sends a line break of a form as two characters. The same message by the page's session has one.
    const [id, to, body] = [fields.id, fields.to, fields.body].map((field) =>
      String(field ?? '').replaceAll('\r\n', '\n'),
    )
    const customer = visitorOf(context)
    const product = productOf(String(fields['data.product']))
    if (!customer)
      return show(context, pages.unsent(body, 'You are logged out. Log in, and send it again:'), 401)
    // A tab may be older than the log-in of another tab. A visitor's tab sends in the customer's name from then on.
    if (fields.from && fields.from !== customer.id)
      return show(
        context,
        pages.unsent(body, `You are ${customer.name} now, and were not on that page:`),
        409,
      )
    const other = customer === seller ? askerOf(to) : to === seller.id ? seller : undefined
    if (!other || !product || !id || !body.trim() || body.length > MAX_TEXT)
      return show(
        context,
        pages.problem(
          'No message',
          'The form lacks a recipient, a product or a text, or its text is too long.',
        ),
        400,
      )
    try {
      await chat.send({ id, from: customer.id, to, body, product: product.id })
    } catch (error) {
      console.warn(`shop: a message was not sent: ${error}`)
      return show(context, pages.unsent(body, 'The chat does not answer. Go back, and send it again:'), 503)
    }
    const path = customer === seller ? `/messages/${to}/${product.id}` : `/products/${product.id}`
    return context.redirect(path, 303)
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
    if (!customer)
      return show(context, pages.problem('Unknown customer', 'The shop has no such customer.'), 400)
    sessions.logIn(context, customer.id)
    return context.redirect('/', 303)
  })
  shop.post('/logout', async (context) => {
    const customer = visitorOf(context)
    sessions.logOut(context)
    // A gateway that is down does not keep the customer logged in: the chat sessions end when their tokens expire, after `tokenLife`.
    if (customer)
      await chat
        .logOutEverywhere(customer.id)
        .catch((error) => console.warn(`shop: chat sessions go on until their tokens expire: ${error}`))
    const byScript = context.req.header('accept') === 'application/json'
    return byScript ? context.body(null, 204) : context.redirect('/', 303)
  })
  shop.post('/cart', async (context) => {
    const found = productOf(String((await context.req.parseBody()).product))
    if (!found) return show(context, pages.problem('Unknown product', 'The shop has no such product.'), 400)
    const { cart } = sessions.open(context)
    cart.set(found.id, Math.min(MAX_PIECES, (cart.get(found.id) ?? 0) + 1))
    return context.redirect('/cart', 303)
  })
  shop.post('/cart/remove', async (context) => {
    sessions.read(context).cart.delete(String((await context.req.parseBody()).product))
    return context.redirect('/cart', 303)
  })

  shop.notFound((context) => show(context, pages.problem('Page not found', 'Perhaps it was sold.'), 404))
  return shop
}
