import type { Engine } from '../../engine/index.js'
import { createAdminServer, type AdminServer } from '../admin/admin-server.js'
import { createApiCalls } from '../admin/api/calls.js'
import type { ApiContext } from '../admin/api/context.js'
import type { Audit } from '../admin/audit.js'
import { createCharts } from '../admin/charts.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { ScrapeContext } from './scrape.js'
import type { Activity } from '../sessions/activity.js'
import type { Hub } from '../sessions/hub.js'

/** The parts of a gateway that operators see. */
interface AdminListenerContext
  extends Omit<ApiContext, 'activity' | 'charts'>, Pick<ScrapeContext, 'settings' | 'readiness'> {
  /** Null if the config has no `admin`. */
  activity: Activity | null
  metrics: Metrics
  hub: Pick<Hub, 'size'>
  engine: Engine
  log: Log
  audit: Audit
  /** Returns the text of `/metrics`. */
  scrape: () => Promise<string>
}

/** Assembles the admin listener. Returns null if the config has no `admin`. When `signal` aborts, the charts take no more samples. */
export const createAdminListener = (
  context: AdminListenerContext,
  signal: AbortSignal,
): AdminServer | null => {
  const { settings, activity, metrics, hub, log } = context
  const { admin } = settings
  if (!admin || !activity) return null
  const charts = createCharts(metrics, hub.size, log, signal)
  return createAdminServer(() => settings.admin ?? admin, {
    audit: context.audit,
    log,
    limitsReached: metrics.limitsReached,
    readiness: context.readiness,
    scrape: context.scrape,
    calls: createApiCalls({ ...context, activity, charts }),
  })
}
