import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram as OfLibrary, Registry } from 'prom-client'
import { Histogram } from '../../../src/gateway/metrics/histogram.js'

// On each bound, beside it, below the first and above the last.
const VALUES = [0, 0.0005, 0.00051, 0.7, 1, 1.0000001, 99]

for (const labelNames of [[], ['way', 'result']] as const)
  test(`a histogram with ${labelNames.length} labels reads as prom-client's own`, async () => {
    const configuration = { name: 'seconds', help: 'Seconds.', labelNames, buckets: [0.0005, 0.5, 1] }
    const [registry, registryOfLibrary] = [new Registry(), new Registry()]
    const histogram = new Histogram(configuration).register(registry)
    const ofLibrary = new OfLibrary({
      ...configuration,
      labelNames: [...labelNames],
      registers: [registryOfLibrary],
    })
    const compare = async (): Promise<void> => {
      assert.equal(await registry.metrics(), await registryOfLibrary.metrics())
    }
    await compare()
    for (const [index, value] of VALUES.entries()) {
      const labels =
        labelNames.length === 0 ? {} : { way: index % 2 === 0 ? 'token' : 'guest', result: 'started' }
      histogram.observe(value, labels)
      ofLibrary.observe(labels, value)
    }
    await compare()
  })
