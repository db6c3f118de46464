import type { Engine } from '../engine/index.js'
import { VERSION } from '../protocol/index.js'
import type { Settings } from './config/parse.js'
import type { Connection } from './connection/connection.js'
import type { Readiness } from './http/readiness.js'
import type { Metrics } from './metrics/metrics.js'
import { scrapeProcess } from './metrics/process-metrics.js'

/** The parts of a gateway whose state the gauges show. */
export interface ScrapeContext {
  settings: Settings
  engine: Engine
  connections(): Iterable<Connection>
  readiness: () => Promise<Readiness>
}

/** Sets the gauges from the gateway's state before each scrape. Returns the function that scrapes. */
export const createScrape = (metrics: Metrics, context: ScrapeContext): (() => Promise<string>) => {
  metrics.info.set({ version: VERSION }, 1)
  metrics.onScrape(async () => {
    metrics.ready.set(Number((await context.readiness()) === 'ready'))
    metrics.socketsLimit.set(context.settings.limits.connections)
  })
  return async () => (await metrics.scrape()) + (await scrapeProcess())
}
