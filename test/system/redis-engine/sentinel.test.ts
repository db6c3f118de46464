import { describe, it } from 'node:test'
import { engineSuite } from '../../../src/engine/suite/index.js'
import { FEW_PARTITIONS, redisEngines } from '../../support/redis/engines.js'
import { startSentinels } from '../../support/redis/sentinel.js'

const { name, sentinels } = await startSentinels()
const addresses = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))

void describe('the Redis engine on the master that Sentinels name', () => {
  engineSuite(
    { describe, it },
    redisEngines(() => ({ type: 'sentinel', name, sentinels: addresses }), {
      partitionCount: FEW_PARTITIONS,
    }),
  )
})
