import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counter, Registry } from 'prom-client'
import { LabelledCounter } from '../../../src/gateway/metrics/labelled-counter.js'

const options = { name: 'messages_total', help: 'Messages.', labelNames: ['app', 'outcome'] as const }

type Kind = typeof Counter | typeof LabelledCounter

/** Returns what charts, processes and scrapes read of a counter, several times each. */
const read = async (Kind: Kind) => {
  const registry = new Registry()
  const counter = new Kind({ ...options, labelNames: [...options.labelNames], registers: [registry] })
  /** The order of the values has no meaning. */
  const lines = async (): Promise<string[]> => (await registry.metrics()).split('\n').sort()
  const byText = (values: unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort()
  const reads: unknown[] = [await lines()]
  for (let n = 0; n < 3; n++) {
    counter.inc({ app: 'a', outcome: 'stored' })
    counter.inc({ app: 'b', outcome: 'stored' }, 4)
    counter.inc({ app: 'a', outcome: 'full' }, 0.5)
    if (n === 1) counter.inc({ app: 'c' })
    counter.inc({ app: 'd', outcome: 'full' }, 0)
    counter.inc({ app: 'a', outcome: 'stored' }, 2)
    reads.push(byText((await counter.get()).values), await lines())
    reads.push((await registry.getMetricsAsJSON()).map(({ values, ...metric }) => [metric, byText(values)]))
  }
  return reads
}

test("a counter with labels is read as prom-client's own", async () => {
  assert.deepEqual(await read(LabelledCounter), await read(Counter))
})
