import { Hono } from 'hono'
import { VERSION } from '../../../protocol/index.js'
import type { Readiness } from '../readiness.js'

/** `/healthz`, which looks at the process alone, and `/readyz`, which looks at the engine too. */
export const createHealthRoutes = (readiness: () => Promise<Readiness>): Hono => {
  const routes = new Hono()
  routes.get('/healthz', (context) => context.json({ status: 'ok', version: VERSION }))
  routes.get('/readyz', async (context) => {
    const status = await readiness()
    return context.json({ status }, status === 'ready' ? 200 : 503, { 'cache-control': 'no-store' })
  })
  return routes
}
