import { Hono } from 'hono'
import { VERSION } from '../../protocol/index.js'

/** `/healthz` and `/readyz`. `isReady` returns false from the start of a drain on. */
export const createHealthRoutes = (isReady: () => boolean): Hono => {
  const routes = new Hono()
  routes.get('/healthz', (context) => context.json({ status: 'ok', version: VERSION }))
  routes.get('/readyz', (context) =>
    isReady()
      ? context.json({ status: 'ready' })
      : context.json({ status: 'draining' }, 503, { 'cache-control': 'no-store' }),
  )
  return routes
}
