import { AggregatorRegistry } from 'prom-client'
import { metricsTable } from './table.js'

interface Value {
  value: number
  labels: { app?: string; state?: string }
}

const isSessions = (metric: object): metric is { values: Value[] } =>
  'name' in metric && metric.name === metricsTable.sessions.name

/**
 * Corrects the number of detached sessions. Each process counts all sessions without a connection to it as detached, so the sum would
 * count a session several times. The first process gets the right number, and the others 0.
 */
const countDetachedOnce = (processes: readonly (readonly object[])[]): void => {
  const all = processes.flat().filter(isSessions)
  const sum = (values: readonly Value[]): number => values.reduce((total, { value }) => total + value, 0)
  const of = (values: readonly Value[], app: string | undefined, state?: string): Value[] =>
    values.filter(({ labels }) => labels.app === app && (state === undefined || labels.state === state))
  const apps = new Set(all.flatMap(({ values }) => values.map(({ labels }) => labels.app)))
  for (const app of apps) {
    const sessions = Math.max(...all.map(({ values }) => sum(of(values, app))))
    const active = sum(all.flatMap(({ values }) => of(values, app, 'active')))
    const detached = all.flatMap(({ values }) => of(values, app, 'detached'))
    for (const [index, value] of detached.entries())
      value.value = index === 0 ? Math.max(0, sessions - active) : 0
  }
}

/** Takes the greatest event loop lag of all processes. prom-client takes the mean, which would hide one busy process among idle ones. */
const takeGreatestLag = (processes: readonly (readonly object[])[]): void => {
  for (const metric of processes.flat() as { name?: string; aggregator?: string }[])
    if (metric.name?.startsWith('nodejs_eventloop_lag_') && metric.aggregator === 'average')
      metric.aggregator = 'max'
}

/** Returns the metrics of several processes on one engine as one text in Prometheus' format. Each process's metrics come from `collect`. */
export const aggregateMetrics = (processes: object[][]): Promise<string> => {
  countDetachedOnce(processes)
  takeGreatestLag(processes)
  return AggregatorRegistry.aggregate(processes).metrics()
}
