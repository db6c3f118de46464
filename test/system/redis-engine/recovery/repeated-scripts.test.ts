import { describe, it } from 'node:test'
import type { StepName } from '../../../../src/engine/redis/steps.js'
import type { Loss } from '../../../support/redis/simulated/client.js'
import { delay } from '../../../support/redis/simulated/virtual-time.js'

// What keeps `performance` is imported after the clock is taken. A bundle of several tests does not keep the order of imports.
const { steps } = await import('../../../../src/engine/redis/steps.js')
const { contextOf } = await import('../../../../src/engine/suite/kit.js')
const { randomCallsSuite } = await import('../../../../src/engine/suite/model/random-calls.js')
const { FEW_PARTITIONS, sharedEngines } = await import('../../../support/redis/engines.js')
const { simulatedClient } = await import('../../../support/redis/simulated/client.js')
const { SimulatedServer } = await import('../../../support/redis/simulated/server.js')

const server = new SimulatedServer()

void describe('the Redis engine on a simulated server, while a tenth of the scripts run twice', () => {
  const counts = new Map<string, number>()
  const lossOf = (name: string, isRepeat: boolean): Loss | undefined => {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    // The client sends those again that may run twice. The second run of `send` says that the message is stored already.
    const mayBeLost = name !== 'send' && name in steps && 'repeatable' in steps[name as StepName]
    return mayBeLost && !isRepeat && count % 10 === 1 ? 'reply' : undefined
  }
  const engines = sharedEngines(() => simulatedClient(server, { delay, lossOf }), {
    partitionCount: FEW_PARTITIONS,
  })
  randomCallsSuite(contextOf({ describe, it }, engines))
})
