import { isIP } from 'node:net'
import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import * as v from 'valibot'
import { createSignature, createToken, TokenError } from '../tokens/index.js'
import type { DevSecrets } from './dev-secrets.js'
import type { Network } from './network.js'

const root = fileURLToPath(new URL('../../dist/playground/', import.meta.url))

const asked = v.object({
  appId: v.picklist(['playground', 'strict', 'shop']),
  userId: v.string(),
  expiresIn: v.optional(v.pipe(v.string(), v.transform(Number)), '3600'),
  name: v.optional(v.string()),
})

/**
 * A page elsewhere must not have a token made by making the browser ask: neither across origins, which gets no CORS
 * header and is refused, nor under a name that it has pointed at this machine.
 */
const isOurs = (request: Request): boolean => {
  const { hostname } = new URL(request.url)
  const named = hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return named && ['same-origin', 'none', null].includes(request.headers.get('sec-fetch-site'))
}

/** The playground and what it needs of a backend: whoever reaches a development gateway may be anybody in its apps. */
export const createDevRoutes = (secrets: DevSecrets, network: Network): Hono => {
  const routes = new Hono()

  routes.use('/dev/*', async (context, next) => {
    if (!isOurs(context.req.raw)) return context.json({ code: 'refused' }, 403)
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
    const secret = secrets[appId].token
    return context.json({
      token: await createToken({ appId, userId, secret, expiresIn, user: name ? { name } : undefined }),
    })
  })
  routes.get('/dev/signature', async (context) => {
    const { appId, userId } = v.parse(asked, context.req.query())
    return context.json({ signature: await createSignature(userId, secrets[appId].signature) })
  })
  routes.get('/dev/network', (context) => context.json({ broken: network.broken() }))
  routes.post('/dev/network/:state{break|mend}', (context) => {
    network.setBroken(context.req.param('state') === 'break')
    return context.json({ broken: network.broken() })
  })
  routes.use('*', serveStatic({ root }))
  return routes
}
