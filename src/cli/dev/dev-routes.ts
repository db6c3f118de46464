import { isIP } from 'node:net'
import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import * as v from 'valibot'
import { createAppToken, createSignature, createToken, TokenError } from '../../tokens/index.js'
import { originOf } from './dev-origins.js'
import type { DevSecrets } from './dev-secrets.js'
import type { FaultProxy } from './fault-proxy.js'

const inDist = (folder: string): string => fileURLToPath(new URL(`../../../dist/${folder}/`, import.meta.url))

const appIds = ['playground', 'strict', 'shop'] as const
const appQuery = v.object({ appId: v.picklist(appIds) })

const userQuery = v.object({
  appId: v.picklist(appIds),
  userId: v.string(),
  expiresIn: v.optional(v.pipe(v.string(), v.transform(Number)), '3600'),
  name: v.optional(v.string()),
})

/**
 * The playground's Content-Security-Policy. It is as strict as that of a careful site, so that developers see the element work under such a
 * policy.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self' ws:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Returns the name of a cookie. While a browser has this cookie, it gets no token for the user. */
const signedOutCookie = (userId: string): string => `signed-out-${Buffer.from(userId).toString('base64url')}`

const milliseconds = v.pipe(v.string(), v.transform(Number), v.number(), v.minValue(0), v.maxValue(3_600_000))
const faultsQuery = v.object({
  delay: milliseconds,
  down: milliseconds,
  noWebSocket: v.optional(
    v.pipe(
      v.picklist(['true', 'false']),
      v.transform((text) => text === 'true'),
    ),
    'false',
  ),
})

/**
 * Returns whether a request comes from the playground or from no page at all. A page of another origin is refused. So is a website that has
 * pointed its own host name at this machine (DNS rebinding). At an address that is no secure context browsers send no `sec-fetch-site`, and
 * the `Origin` header decides.
 */
const isSameOrigin = (request: Request, host: string): boolean => {
  const { hostname, origin } = new URL(request.url)
  // Browsers send a name in small letters.
  const { hostname: own } = new URL(originOf(host, 80))
  const isKnownName = [own, 'localhost'].includes(hostname) || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return (
    isKnownName &&
    ['same-origin', 'none', null].includes(request.headers.get('sec-fetch-site')) &&
    [origin, null].includes(request.headers.get('origin'))
  )
}

/**
 * Serves the playground, and the tokens and signatures that the playground asks a backend for. Any program that reaches a development
 * gateway can be any user of its apps. `host` is the name that the gateway listens on.
 */
export const createDevRoutes = (secrets: DevSecrets, proxy: FaultProxy, host: string): Hono => {
  const routes = new Hono()

  routes.use('*', async ({ header }, next) => {
    await next()
    header('x-content-type-options', 'nosniff')
    header('cross-origin-resource-policy', 'same-origin')
  })
  routes.use('/dev/*', async (context, next) => {
    if (!isSameOrigin(context.req.raw, host)) return context.json({ code: 'refused' }, 403)
    context.header('cache-control', 'no-store')
    return next()
  })
  routes.onError((error, context) => {
    if (error instanceof v.ValiError || error instanceof TokenError)
      return context.json({ code: 'bad-request', title: error.message }, 400)
    throw error
  })
  routes.get('/dev/token', async (context) => {
    const { appId, userId, expiresIn, name } = v.parse(userQuery, context.req.query())
    if (getCookie(context, signedOutCookie(userId))) return context.json({ token: null })
    const secret = secrets[appId].token
    return context.json({
      token: await createToken({ appId, userId, secret, expiresIn, user: name ? { name } : undefined }),
    })
  })
  routes.get('/dev/apps', (context) => context.json({ apps: appIds }))
  routes.get('/dev/app-token', async (context) => {
    const { appId } = v.parse(appQuery, context.req.query())
    return context.json({ token: await createAppToken({ appId, secret: secrets[appId].token }) })
  })
  routes.post('/dev/source/:state{sign-in|sign-out}', (context) => {
    const signedOut = context.req.param('state') === 'sign-out'
    const { userId } = v.parse(v.object({ userId: v.string() }), context.req.query())
    setCookie(context, signedOutCookie(userId), signedOut ? '1' : '', {
      path: '/dev',
      httpOnly: true,
      sameSite: 'Strict',
      ...(!signedOut && { maxAge: 0 }),
    })
    return context.json({ signedOut })
  })
  routes.get('/dev/signature', async (context) => {
    const { appId, userId } = v.parse(userQuery, context.req.query())
    return context.json({ signature: await createSignature(userId, secrets[appId].signature) })
  })
  // `/dev/links/NAME` is also the endpoint of sessions that connect through the link NAME of the fault proxy.
  routes.get('/dev/links/:link{[\\w-]{1,64}}', (context) =>
    context.json(proxy.faults(context.req.param('link'))),
  )
  routes.post('/dev/links/:link{[\\w-]{1,64}}', (context) => {
    const link = context.req.param('link')
    proxy.setFaults(link, v.parse(faultsQuery, context.req.query()))
    return context.json(proxy.faults(link))
  })
  routes.post('/dev/links/:link{[\\w-]{1,64}}/cut', (context) => {
    proxy.cut(context.req.param('link'))
    return context.body(null, 204)
  })
  routes.use('*', async (context, next) => {
    context.header('content-security-policy', policy)
    context.header('cache-control', 'no-cache')
    return next()
  })
  routes.get('/api', (context) => context.redirect('/api/'))
  routes.use(
    '/api/*',
    serveStatic({ root: inDist('pages/api'), rewriteRequestPath: (path) => path.replace(/^\/api/, '') }),
  )
  routes.use('*', serveStatic({ root: inDist('pages/playground') }))
  return routes
}
