import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Hono, type Context } from 'hono'
import type { Audit } from '../admin/audit.js'
import { authenticateApp } from '../auth/app-token.js'
import type { App } from '../apps/app.js'
import { pathOf, queryOf } from '../http/target.js'
import { problem } from '../http/problem.js'
import type { ReadableRequest, RequestHead } from '../http/request-head.js'
import type { HttpEnv } from '../http/routes/routes.js'
import { createConcurrencyLimit, type ConcurrencyLimit } from '../limits/concurrency-limit.js'
import type { RateLimiter } from '../limits/rate-limiter.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Tracing } from '../tracing/tracing.js'
import type { Call, CallContext } from './call.js'
import { calls } from './calls/calls.js'
import { CallError } from './errors.js'
import { problemOf } from './problem-of.js'
import { readBody, readParams, readQuery } from './request.js'

interface RestContext extends CallContext {
  /** Resolves with the apps by id, once the engine is open. */
  apps(): Promise<ReadonlyMap<string, App>>
  rateLimiter: RateLimiter
  audit: Audit
  tracing: Tracing
  metrics: Pick<Metrics, 'engineErrors' | 'limitsReached' | 'restCalls' | 'restSeconds'>
  /** Returns the address of a request's client. */
  addressOf(request: RequestHead): string
}

/** How many calls of one app run at once. Each may have a body of 1 MB in memory. */
const MAX_CALLS = 64
/** How many calls of one app wait until another call ends. Their bodies are not read yet. */
const MAX_WAITING_CALLS = 1_000

const POLICY = 'restPerSecond'

/** The build makes this file from `openapi.ts`. It is compressed, so that an install is smaller. */
const OPEN_API = new URL('../../../dist/gateway/rest/openapi.json.gz', import.meta.url)

let openApi: string | undefined

/** Returns the OpenAPI document as JSON. It is read at the first request. */
const openApiJson = (): string => (openApi ??= gunzipSync(readFileSync(OPEN_API)).toString())

/** The names of path parameters in the log. Every line of the log uses these names for ids. */
const logNames: Readonly<Record<string, string>> = {
  app: 'appId',
  user: 'userId',
  session: 'sessionId',
  id: 'deviceId',
  jti: 'tokenId',
}

const auditedIds = (params: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, id]) => [logNames[name] ?? name, id]))

/** Returns Hono's pattern of a path. Some clients encode the colon of `users:status`, so the pattern matches both forms. */
const patternOf = (path: string): string =>
  path
    .split('/')
    .map((segment) =>
      segment.includes(':')
        ? `:literal{${segment.replace(':', '(?::|%3[Aa])')}}`
        : segment.replace(/^\{(\w+)\}$/, ':$1'),
    )
    .join('/')

const failed = (
  context: Context<HttpEnv>,
  error: unknown,
  metrics: Pick<Metrics, 'engineErrors'>,
): Response => {
  const known = problemOf(error, metrics)
  if (!known) throw error
  for (const [name, value] of Object.entries(known.headers)) context.header(name, value)
  return problem(context, known.status, known.code, known.title)
}

/** Returns the routes of the REST API. Mount them in a Hono app whose `getPath` returns the path as the client sent it. */
export const createRestRoutes = (context: RestContext): Hono<HttpEnv> => {
  const routes = new Hono<HttpEnv>()
  const concurrency = new Map<string, ConcurrencyLimit>()

  const limitOf = (appId: string): ConcurrencyLimit => {
    const known = concurrency.get(appId)
    if (known) return known
    const limit = createConcurrencyLimit(MAX_CALLS, MAX_WAITING_CALLS)
    concurrency.set(appId, limit)
    return limit
  }

  /** Counts a call, and sets the `RateLimit` headers. Throws a `CallError` of code `rate-limited` if the app has made too many. */
  const takeCall = (response: Context<HttpEnv>, { settings }: App): void => {
    const { appId, limits } = settings
    const quota = limits.restPerSecond
    const wait = context.rateLimiter.take(POLICY, appId, quota)
    const left = Math.max(0, Math.floor(context.rateLimiter.spend(POLICY, appId, quota, 0) * quota))
    response.header('ratelimit-policy', `"${POLICY}";q=${quota};w=1`)
    response.header('ratelimit', `"${POLICY}";r=${left};t=1`)
    if (wait > 0) {
      context.metrics.limitsReached.inc({ app: appId, limit: POLICY })
      throw new CallError(
        'rate-limited',
        "The app has made more calls than its 'limits.restPerSecond' allows: wait for the time in Retry-After.",
        { 'retry-after': String(Math.ceil(wait / 1000)) },
      )
    }
  }

  const run = async (
    call: Call,
    app: App,
    params: Record<string, string>,
    incoming: ReadableRequest,
    traceparent: string | undefined,
  ): Promise<{ status: number; body?: unknown }> => {
    const query = readQuery(call, queryOf(incoming))
    const { appId } = app.settings
    const answer = limitOf(appId).run(async () =>
      call.handle({
        ...{ app, appId, params, query, traceparent, context },
        of: { appId, userId: params['user'] ?? '' },
        body: await readBody(call, incoming),
      }),
    )
    if (!answer)
      throw new CallError('unavailable', 'Too many calls of the app wait already: send fewer at once.')
    return answer
  }

  const handle = async (call: Call, response: Context<HttpEnv>): Promise<Response> => {
    const { incoming } = response.env
    const { restCalls, restSeconds } = context.metrics
    const at = performance.now()
    const method = call.method.toUpperCase()
    const span = context.tracing.start(`${method} ${call.path}`, 'SERVER', incoming.headers['traceparent'], {
      'http.request.method': method,
      'http.route': call.path,
    })
    let callerId = ''
    response.header('cache-control', 'no-store')
    let audit: ((result: number) => void) | undefined
    const answer = async (): Promise<Response> => {
      const apps = await context.apps()
      const authenticated = await authenticateApp(apps, incoming.headers.authorization)
      if (!authenticated.ok)
        throw new CallError('unauthenticated', authenticated.why, { 'www-authenticate': 'Bearer' })
      const { app, tokenId } = authenticated
      const { appId } = app.settings
      callerId = appId
      const who = { by: 'app-token', appId, tokenId, address: context.addressOf(incoming) } as const
      if (call.changes) audit = (result) => context.audit({ who, what: call.id, whom: {}, result })
      takeCall(response, app)
      const { app: pathApp = '', ...params } = readParams(call, pathOf(incoming))
      const whom = auditedIds({ app: pathApp, ...params })
      if (call.changes) audit = (result) => context.audit({ who, what: call.id, whom, result })
      if (pathApp !== appId)
        throw apps.has(pathApp)
          ? new CallError('refused', "The token's 'iss' is another app than the one in the path.")
          : new CallError('unknown-app', 'The gateway has no app with the id in the path.')
      const { status, body } = await run(call, app, params, incoming, span.traceparent)
      return body === undefined
        ? response.body(null, status as 204)
        : response.json(body as object, status as 200)
    }
    // If the error is a bug, `failed` throws it again, and the status stays 500. Even such a call is audited, because it has perhaps
    // changed something.
    let status = 500
    try {
      const result = await answer().catch((error: unknown) => failed(response, error, context.metrics))
      status = result.status
      return result
    } finally {
      audit?.(status)
      span.end(
        { 'http.response.status_code': status, 'chat_session.app_id': callerId },
        status >= 500 ? `status ${status}` : undefined,
      )
      restCalls.inc({ app: callerId, call: call.id, status })
      restSeconds.observe((performance.now() - at) / 1_000, { call: call.id })
    }
  }

  for (const call of calls)
    routes.on(call.method.toUpperCase(), patternOf(call.path), (response) => handle(call, response))
  routes.get('/v1/openapi.json', (response) =>
    response.body(openApiJson(), 200, { 'content-type': 'application/json', 'cache-control': 'no-cache' }),
  )
  for (const path of new Set([...calls.map((call) => call.path), '/v1/openapi.json'])) {
    const methods = calls.filter((call) => call.path === path).map(({ method }) => method.toUpperCase())
    const known = methods.length === 0 ? ['GET'] : methods
    const allow = [...known, ...(known.includes('GET') ? ['HEAD'] : [])].join(', ')
    routes.all(patternOf(path), (response) => {
      response.header('allow', allow)
      return problem(response, 405, 'method-not-allowed', `This address has the methods ${allow}.`)
    })
  }
  return routes
}
