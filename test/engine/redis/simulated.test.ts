import { describe, it } from 'node:test'
import { delay } from '../../support/redis/simulated/virtual-time.js'

// What keeps `performance` is imported after the clock is taken. A bundle of several tests does not keep the order of imports.
const { engineSuite } = await import('../../../src/engine/suite/index.js')
const { FEW_PARTITIONS, sharedEngines } = await import('../../support/redis/engines.js')
const { simulatedClient } = await import('../../support/redis/simulated/client.js')
const { SimulatedServer } = await import('../../support/redis/simulated/server.js')

const server = new SimulatedServer()

void describe('the Redis engine on a simulated server', () => {
  engineSuite(
    { describe, it },
    sharedEngines(() => simulatedClient(server, { delay }), { partitionCount: FEW_PARTITIONS }),
  )
})
