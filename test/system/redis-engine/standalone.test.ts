import { describe, it } from 'node:test'
import { engineSuite } from '../../../src/engine/suite/index.js'
import { redisEngines } from '../../support/redis/engines.js'
import { standalone } from '../../support/redis/server.js'

const { url } = await standalone()

void describe('the Redis engine on one server', () => {
  engineSuite(
    { describe, it },
    redisEngines(() => ({ type: 'single', url })),
  )
})
