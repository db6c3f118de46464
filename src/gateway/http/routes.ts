import { Hono, type Context } from 'hono'
import { cors } from 'hono/cors'
import { VERSION } from '../../protocol/index.js'
import { errorsPage, errorsPolicy } from './errors-page.js'
import type { Log } from '../log.js'
import { loadScripts, type Asset } from './client-script.js'

/** Seconds that a browser may use the unversioned script before it asks whether it is still the newest. */
const SCRIPT_MAX_AGE = 300

const acceptsCoding = (header: string, coding: string): boolean =>
  header.split(',').some((part) => {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    return name === coding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  })

const serve = (context: Context, { type, etag, bodies }: Asset, cacheControl: string): Response => {
  const accepted = context.req.header('accept-encoding') ?? ''
  const coding = (['br', 'gzip'] as const).find((known) => acceptsCoding(accepted, known)) ?? 'identity'
  const tag = `"${etag}-${coding}"`
  const headers = {
    'content-type': type,
    'cache-control': cacheControl,
    etag: tag,
    vary: 'accept-encoding',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'cross-origin',
    'timing-allow-origin': '*',
  }
  const known = (context.req.header('if-none-match') ?? '')
    .split(',')
    .map((part) => part.trim().replace(/^W\//, ''))
  if (known.includes(tag) || known.includes('*')) return context.body(null, 304, headers)
  return context.body(bodies[coding], 200, {
    ...headers,
    ...(coding !== 'identity' && { 'content-encoding': coding }),
  })
}

/** Every address that the gateway has; its REST interface is to come under `/v1/apps/`. */
export const ownsPath = (path: string): boolean =>
  /^\/(healthz|readyz|v1\/(session|errors|chat-session[^/]*))$|^\/v1\/apps\//.test(path)

/** What the gateway answers over plain HTTP. */
export const createRoutes = (log: Log, isReady: () => boolean): Hono => {
  const routes = new Hono()
  let scripts: ReturnType<typeof loadScripts> | undefined

  routes.get('/healthz', (context) => context.json({ status: 'ok', version: VERSION }))
  routes.get('/readyz', (context) =>
    isReady()
      ? context.json({ status: 'ready' })
      : context.json({ status: 'draining' }, 503, { 'cache-control': 'no-store' }),
  )
  routes.get('/v1/errors', (context) =>
    context.html(errorsPage, 200, {
      'content-security-policy': errorsPolicy,
      'cache-control': 'no-cache',
    }),
  )
  // The script holds nothing of anybody: every page may load it, with an integrity hash too.
  routes.get('/v1/:file{chat-session.*}', cors({ origin: '*' }), async (context) => {
    const name = context.req.param('file')
    // What could not be read once is tried again: a gateway may run while it is being built.
    scripts ??= loadScripts().catch((error: unknown) => {
      scripts = undefined
      throw error
    })
    const asset = (await scripts).get(name)
    if (!asset) return context.notFound()
    const forever = name.includes(VERSION)
    return serve(context, asset, `public, max-age=${forever ? '31536000, immutable' : SCRIPT_MAX_AGE}`)
  })
  routes.get('/v1/session', (context) => {
    context.header('upgrade', 'websocket')
    context.header('connection', 'upgrade')
    return problem(context, 426, 'bad-request', 'Connect to this address with a WebSocket.')
  })
  routes.notFound((context) => problem(context, 404, 'not-found', 'There is nothing at this address.'))
  routes.onError((err, context) => {
    log.error({ err }, 'a request failed')
    return problem(context, 500, 'unavailable', 'The gateway failed to answer; its log says why.')
  })
  return routes
}

/** An error as RFC 9457 has it, with the code that a program goes by. */
const problem = (context: Context, status: 404 | 426 | 500, code: string, title: string): Response =>
  context.json({ status, code, title }, status, { 'content-type': 'application/problem+json' })
