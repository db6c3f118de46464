import { isIP } from 'node:net'
import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import * as v from 'valibot'
import { createSignature, createToken, TokenError } from '../../tokens/index.js'
import type { DevSecrets } from './dev-secrets.js'
import type { FaultProxy } from './fault-proxy.js'

const root = fileURLToPath(new URL('../../../dist/playground/', import.meta.url))

const asked = v.object({
  appId: v.picklist(['playground', 'strict', 'shop']),
  userId: v.string(),
  expiresIn: v.optional(v.pipe(v.string(), v.transform(Number)), '3600'),
  name: v.optional(v.string()),
})

/** The playground keeps to what a strict page may do. */
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

/** Whoever holds the cookie of this name is signed out of the token source as this user. */
const signedOutAs = (userId: string): string => `signed-out-${Buffer.from(userId).toString('base64url')}`

const milliseconds = v.pipe(v.string(), v.transform(Number), v.number(), v.minValue(0), v.maxValue(3_600_000))
const wished = v.object({ delay: milliseconds, down: milliseconds })

/**
 * A page elsewhere must not have a token made by making the browser ask: neither across origins, which gets no CORS
 * header and is refused, nor under a name that it has pointed at this machine. Browsers leave `sec-fetch-site` out where
 * the address is no secure context; there the origin tells.
 */
const isOurs = (request: Request, host: string): boolean => {
  const { hostname, origin } = new URL(request.url)
  const named = [host, 'localhost'].includes(hostname) || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return (
    named &&
    ['same-origin', 'none', null].includes(request.headers.get('sec-fetch-site')) &&
    [origin, null].includes(request.headers.get('origin'))
  )
}

/**
 * The playground and what it needs of a backend: whoever reaches a development gateway may be anybody in its apps.
 * `host` is the name it listens on.
 */
export const createDevRoutes = (secrets: DevSecrets, network: FaultProxy, host: string): Hono => {
  const routes = new Hono()

  routes.use('*', async ({ header }, next) => {
    await next()
    header('x-content-type-options', 'nosniff')
    header('cross-origin-resource-policy', 'same-origin')
  })
  routes.use('/dev/*', async (context, next) => {
    if (!isOurs(context.req.raw, host)) return context.json({ code: 'refused' }, 403)
    context.header('cache-control', 'no-store')
    return next()
  })
  routes.onError((error, context) => {
    if (error instanceof v.ValiError || error instanceof TokenError)
      return context.json({ code: 'bad-request', title: error.message }, 400)
    throw error
  })
  routes.get('/dev/token', async (context) => {
    const { appId, userId, expiresIn, name } = v.parse(asked, context.req.query())
    if (getCookie(context, signedOutAs(userId))) return context.json({ token: null })
    const secret = secrets[appId].token
    return context.json({
      token: await createToken({ appId, userId, secret, expiresIn, user: name ? { name } : undefined }),
    })
  })
  routes.post('/dev/source/:state{sign-in|sign-out}', (context) => {
    const signedOut = context.req.param('state') === 'sign-out'
    const { userId } = v.parse(v.object({ userId: v.string() }), context.req.query())
    // As a log-in's cookie would be: the token source knows by it who asks.
    setCookie(context, signedOutAs(userId), signedOut ? '1' : '', {
      path: '/dev',
      httpOnly: true,
      sameSite: 'Strict',
      ...(!signedOut && { maxAge: 0 }),
    })
    return context.json({ signedOut })
  })
  routes.get('/dev/signature', async (context) => {
    const { appId, userId } = v.parse(asked, context.req.query())
    return context.json({ signature: await createSignature(userId, secrets[appId].signature) })
  })
  // Faults of a line between a page and the gateway; sessions whose endpoint is this address go over it.
  routes.get('/dev/lines/:line{[\\w-]{1,64}}', (context) =>
    context.json(network.faults(context.req.param('line'))),
  )
  routes.post('/dev/lines/:line{[\\w-]{1,64}}', (context) => {
    const line = context.req.param('line')
    network.setFaults(line, v.parse(wished, context.req.query()))
    return context.json(network.faults(line))
  })
  routes.post('/dev/lines/:line{[\\w-]{1,64}}/cut', (context) => {
    network.cut(context.req.param('line'))
    return context.body(null, 204)
  })
  routes.use('*', async (context, next) => {
    context.header('content-security-policy', policy)
    context.header('cache-control', 'no-cache')
    return next()
  })
  routes.use('*', serveStatic({ root }))
  return routes
}
