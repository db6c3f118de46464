import { createToken } from 'chat-session/tokens'
import { Hono } from 'hono'
import { csrf } from 'hono/csrf'
import { createVisitors } from './visitors.mjs'

/** The names of the users who can log in, by id. */
const users = new Map([
  ['alice', 'Alice'],
  ['bob', 'Bob'],
])

/**
 * Returns the path that a form redirects to, or undefined. A path on another site is refused.
 * @param {unknown} next
 */
const pathOf = (next) => (typeof next === 'string' && /^\/(\w[\w/-]*)?$/.test(next) ? next : undefined)

/**
 * Returns the routes for log-in, log-out and tokens, and `siteOf`, which returns the data for a page of the logged-in user.
 *
 * - `POST /login` with the form field `user` answers `{ user, token }`, or 400.
 * - `POST /logout` answers 204.
 * - With a path in the form field `next` they redirect to it.
 * - `GET /chat-token` answers `{ token }`, or 401 if no user is logged in.
 *
 * @param {{ endpoint: string, appId: string, secret: string, tokenLife: number }} options
 */
export const createBackend = ({ endpoint, appId, secret, tokenLife }) => {
  const visitors = createVisitors()
  const routes = new Hono()

  const tokenFor = (/** @type {string} */ userId) =>
    createToken({ appId, userId, secret, expiresIn: tokenLife })

  /** @returns {Promise<import('./pages.d.mts').Site>} */
  const siteOf = async (/** @type {import('hono').Context} */ context) => {
    const user = visitors.userOf(context)
    return { endpoint, appId, user, token: user && (await tokenFor(user)) }
  }

  routes.use('*', csrf())
  routes.use('*', async (context, next) => {
    await next()
    context.header('cache-control', 'no-store')
  })
  routes.post('/login', async (context) => {
    const { user, next } = await context.req.parseBody()
    if (typeof user !== 'string' || !users.has(user)) return context.json({ code: 'unknown-user' }, 400)
    visitors.logIn(context, user)
    const path = pathOf(next)
    if (path) return context.redirect(path, 303)
    return context.json({ user, token: await tokenFor(user) })
  })
  routes.post('/logout', async (context) => {
    const { next } = await context.req.parseBody()
    visitors.logOut(context)
    const path = pathOf(next)
    return path ? context.redirect(path, 303) : context.body(null, 204)
  })
  routes.get('/chat-token', async (context) => {
    const { token } = await siteOf(context)
    return token ? context.json({ token }) : context.json({ code: 'signed-out' }, 401)
  })
  return { routes, siteOf }
}
