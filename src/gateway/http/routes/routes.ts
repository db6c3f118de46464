import { Hono, type Context } from 'hono'
import { cors } from 'hono/cors'
import { VERSION } from '../../../protocol/index.js'
import type { Log } from '../../log.js'
import { asyncApiDocument } from './asyncapi.js'
import { loadScripts, type Asset } from './client-script.js'
import { errorsPage, errorsPolicy } from './errors-page.js'
import { createHealthRoutes } from './health.js'
import { problem } from '../problem.js'
import type { Readiness } from '../readiness.js'
import type { ReadableRequest } from '../request-head.js'
import { pathOf } from '../target.js'

/** Seconds for which a browser may use the unversioned script before it asks for a newer one. */
const SCRIPT_MAX_AGE = 300

const acceptsCoding = (header: string, coding: string): boolean =>
  header.split(',').some((entry) => {
    const [name = '', ...parameters] = entry.split(';').map((text) => text.trim().toLowerCase())
    return name === coding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  })

/** Responds with an asset in the best coding that the client accepts, or with 304 if the client has it. */
const serveAsset = (context: Context, { type, immutable, etag, map, bodies }: Asset): Response => {
  const accepted = context.req.header('accept-encoding') ?? ''
  const coding =
    (['br', 'gzip'] as const).find((each) => bodies[each] && acceptsCoding(accepted, each)) ?? 'identity'
  const tag = `"${etag}-${coding}"`
  const headers = {
    'content-type': type,
    'cache-control': `public, max-age=${immutable ? '31536000, immutable' : SCRIPT_MAX_AGE}`,
    etag: tag,
    vary: 'accept-encoding',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'cross-origin',
    'timing-allow-origin': '*',
    ...(map && { sourcemap: map }),
  }
  const cachedTags = (context.req.header('if-none-match') ?? '')
    .split(',')
    .map((entry) => entry.trim().replace(/^W\//, ''))
  if (cachedTags.includes(tag) || cachedTags.includes('*')) return context.body(null, 304, headers)
  return context.body(bodies[coding] ?? bodies.identity, 200, {
    ...headers,
    ...(coding !== 'identity' && { 'content-encoding': coding }),
  })
}

/** Returns whether a path belongs to the gateway. */
export const ownsPath = (path: string): boolean =>
  /^\/(healthz|readyz|v1\/(session(\/(stream|frames|send))?|errors|(open|async)api\.json|chat-(session|window)[^/]*))$|^\/v1\/apps\//.test(
    path,
  )

/** Hono's environment of a request. */
export interface HttpEnv {
  Bindings: { incoming: ReadableRequest }
}

/**
 * Returns the routes of the gateway's HTTP requests, including `others`. The folder `transports` handles WebSocket upgrades. Routes are
 * matched with the path as the client sent it, because a URL parser turns `users/%2E%2E/sessions` into another path.
 */
export const createRoutes = (
  log: Log,
  readiness: () => Promise<Readiness>,
  ...others: Hono<HttpEnv>[]
): Hono<HttpEnv> => {
  const routes = new Hono<HttpEnv>({
    getPath: ({ url }, options) => (options?.env ? pathOf(options.env.incoming) : new URL(url).pathname),
  })
  let asyncApi: string | undefined
  let scripts: ReturnType<typeof loadScripts> | undefined

  routes.route('/', createHealthRoutes(readiness))
  for (const other of others) routes.route('/', other)
  routes.get('/v1/errors', (context) =>
    context.html(errorsPage, 200, {
      'content-security-policy': errorsPolicy,
      'cache-control': 'no-cache',
    }),
  )
  routes.get('/v1/asyncapi.json', (context) => {
    asyncApi ??= JSON.stringify(asyncApiDocument())
    return context.body(asyncApi, 200, { 'content-type': 'application/json', 'cache-control': 'no-cache' })
  })
  // The script is public. A page on another origin needs CORS to load it as a module or with an integrity hash.
  routes.get('/v1/:file{chat-(session|window).*}', cors({ origin: '*' }), async (context) => {
    const name = context.req.param('file')
    // If reading fails, the next request tries again, because the build may write the files while the gateway runs.
    scripts ??= loadScripts().catch((error: unknown) => {
      scripts = undefined
      throw error
    })
    const asset = (await scripts).get(name)
    if (!asset && /^chat-(session|window)(-[a-z]+)?-[\w.-]+\.js$/.test(name))
      return problem(
        context,
        404,
        'not-found',
        `This gateway serves the script of version ${VERSION} only: change the version and the hash in the page's tag, or reload the page.`,
      )
    if (!asset) return context.notFound()
    return serveAsset(context, asset)
  })
  routes.get('/v1/session', (context) => {
    context.header('upgrade', 'websocket')
    // With `upgrade` alone Node would keep the connection of a client that asked to close it, and answer a further request with a 400.
    context.header('connection', 'upgrade, close')
    return problem(context, 426, 'bad-request', 'Connect to this address with a WebSocket.')
  })
  routes.notFound((context) => problem(context, 404, 'not-found', 'There is nothing at this address.'))
  routes.onError((err, context) => {
    log.error({ err }, 'an HTTP request failed')
    return problem(context, 500, 'unavailable', 'The gateway failed to answer. Its log has the error.')
  })
  return routes
}
