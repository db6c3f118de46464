import { Hono } from 'hono'
import { VERSION } from '../../../protocol/index.js'
import type { Readiness } from '../readiness.js'

/** Returns the routes of `/healthz`, which only shows that the process runs, and `/readyz`, which also checks the engine. */
export const createHealthRoutes = (readiness: () => Promise<Readiness>): Hono => {
  const routes = new Hono()
  routes.get('/healthz', (context) => context.json({ status: 'ok', version: VERSION }))
  routes.get('/readyz', async (context) => {
    const status = await readiness()
    return context.json({ status }, status === 'ready' ? 200 : 503, { 'cache-control': 'no-store' })
  })
  return routes
}
