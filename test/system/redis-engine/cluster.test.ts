import { describe } from 'node:test'
import { engineSuite } from '../../../src/engine/suite/index.js'
import { startCluster } from '../../support/redis/cluster.js'
import { halfRunner } from '../../support/engine/engine-suite-half.js'
import { FEW_PARTITIONS, redisEngines } from '../../support/redis/engines.js'

const { servers } = await startCluster()
const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))

void describe('the Redis engine on a cluster of three masters with replicas: one half of the suite', () => {
  engineSuite(
    halfRunner(0),
    redisEngines(() => ({ type: 'cluster', nodes }), { partitionCount: FEW_PARTITIONS }),
  )
})
