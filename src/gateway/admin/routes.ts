import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono, type MiddlewareHandler } from 'hono'
import { etag } from 'hono/etag'
import type { Login as LoginAnswer } from '../../protocol/internal.js'
import { createHealthRoutes } from '../http/routes/health.js'
import { problem } from '../http/problem.js'
import type { Readiness } from '../http/readiness.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Audit } from './audit.js'
import { addressOf, type AdminCall, type AdminEnv } from './calls.js'
import type { Login } from './login.js'

export interface AdminRoutesContext {
  login: Login
  /** Called with the socket of each request that has a valid token. */
  trust: (socket: Socket) => void
  audit: Audit
  log: Log
  limitsReached: Metrics['limitsReached']
  readiness: () => Promise<Readiness>
  /** Returns all metrics in Prometheus' text format. */
  scrape(): Promise<string>
  /** The calls of the console's JSON API. */
  calls: readonly AdminCall[]
}

const CONSOLE = fileURLToPath(new URL('../../../dist/pages/console/', import.meta.url))

/** The version of Prometheus' text format that the gateway writes. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The most bytes of a request's body. */
const MAX_BODY = 65_536

/**
 * The console's Content-Security-Policy. The console loads only its own files, runs no inline script, and is shown in no `iframe`. Only
 * lit's own templates become HTML (Trusted Types).
 */
const CONSOLE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html"

const setHeaders: MiddlewareHandler<AdminEnv> = async (context, next) => {
  await next()
  context.header('content-security-policy', CONSOLE_POLICY)
  context.header('x-content-type-options', 'nosniff')
  context.header('referrer-policy', 'no-referrer')
  context.header('cross-origin-opener-policy', 'same-origin')
  context.header('cross-origin-resource-policy', 'same-origin')
}

/** Lets browsers keep the console's files. Each time they ask whether a file has changed. */
const askAgain: MiddlewareHandler<AdminEnv> = async (context, next) => {
  context.header('cache-control', 'no-cache')
  return next()
}

/** Refuses a large body before it is read, and a body without Content-Length. Browsers send this header with each body that is a text. */
const limitBody: MiddlewareHandler<AdminEnv> = async (context, next) => {
  const length = Number(context.req.header('content-length') ?? 0)
  if (context.req.header('transfer-encoding') !== undefined)
    return problem(context, 411, 'bad-request', 'Send the length of the body in Content-Length.')
  if (length > MAX_BODY) return problem(context, 413, 'too-large', `A body has at most ${MAX_BODY} bytes.`)
  return next()
}

/** Lets only callers with one of the two admin tokens pass. With `readToken` only GET and HEAD requests pass. */
const createGuard =
  ({ login, trust, log, limitsReached }: AdminRoutesContext): MiddlewareHandler<AdminEnv> =>
  async (context, next) => {
    context.header('cache-control', 'no-store')
    const address = addressOf(context)
    const authorization = context.req.header('authorization')
    const result = login.check(authorization, address)
    if (!result.ok) {
      if (authorization !== undefined)
        log.warn(
          { address },
          'a log-in on the admin listener was refused: the token is not one of the config',
        )
      if (result.retryAfter > 0) {
        limitsReached.inc({ app: '', limit: 'logins' })
        context.header('retry-after', String(result.retryAfter))
        return problem(context, 429, 'rate-limited', 'Too many log-ins of this address have failed.')
      }
      context.header('www-authenticate', 'Bearer')
      return problem(context, 401, 'unauthenticated', 'Send an admin token as a bearer token.')
    }
    trust(context.env.incoming.socket)
    if (result.role === 'read' && !['GET', 'HEAD'].includes(context.req.method))
      return problem(context, 403, 'refused', 'The read token changes nothing: use the admin token.')
    context.set('role', result.role)
    return next()
  }

const audited =
  ({ what }: AdminCall, audit: Audit): MiddlewareHandler<AdminEnv> =>
  async (context, next) => {
    await next()
    if (what === undefined) return
    const who = { by: 'admin-token', address: addressOf(context) } as const
    audit({ who, what, whom: context.req.param(), result: context.res.status })
  }

/** Returns the handlers of the admin listener's requests. Only health checks and the console's files need no token. */
export const createAdminRoutes = (context: AdminRoutesContext): Hono<AdminEnv> => {
  const { log, audit, calls } = context
  const routes = new Hono<AdminEnv>()
  const guard = createGuard(context)

  routes.use(setHeaders)
  routes.route('/', createHealthRoutes(context.readiness))
  routes.get('/metrics', guard, async ({ text }) =>
    text(await context.scrape(), 200, { 'content-type': METRICS_TYPE }),
  )
  routes.use('/api/*', guard, limitBody)
  routes.get('/api/me', (request) => request.json({ role: request.var.role } satisfies LoginAnswer))
  for (const call of calls) routes[call.method](`/api${call.path}`, audited(call, audit), call.handle)
  routes.all('/api/*', (request) => problem(request, 404, 'not-found', 'There is no such call.'))
  // The files need no token, because they contain no secret: the page itself asks for a token.
  routes.get('*', etag(), askAgain, serveStatic({ root: CONSOLE }))
  routes.notFound((request) => problem(request, 404, 'not-found', 'There is nothing at this address.'))
  routes.onError((err, request) => {
    log.error({ err }, 'a request to the admin listener failed')
    return problem(request, 500, 'unavailable', 'The gateway failed to answer. Its log has the error.')
  })
  return routes
}
