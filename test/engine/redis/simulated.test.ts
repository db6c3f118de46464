// The suite runs by a clock of its own, which jumps to the next timer: so no test waits, and each call takes two milliseconds.
import { after, describe, it } from 'node:test'
import { takeTimers } from '../../system/simulation/timers.js'

const realTurn = setImmediate
const { clock } = takeTimers(Date.now(), () => undefined)
// What keeps `setTimeout` or `performance` is imported after the clock is taken.
const { engineSuite } = await import('../../../src/engine/suite/index.js')
const { FEW_PARTITIONS, sharedEngines } = await import('../../support/redis/engines.js')
const { simulatedClient } = await import('../../support/redis/simulated/client.js')
const { SimulatedServer } = await import('../../support/redis/simulated/server.js')

/** Milliseconds that a request or a reply takes. Without any, a message could have the time of the call that came before it. */
const DELAY = 1

const server = new SimulatedServer()
const delay = (arrive: () => void): void => void setTimeout(arrive, DELAY)

let isOver = false
/** Runs the next timer as soon as every promise that can settle has done so. */
const runTimers = (): void => {
  clock.next()
  if (!isOver) realTurn(runTimers)
}

void describe('the Redis engine on a simulated server', () => {
  after(() => (isOver = true))
  realTurn(runTimers)
  engineSuite(
    { describe, it },
    sharedEngines(() => simulatedClient(server, { delay }), { partitionCount: FEW_PARTITIONS }),
  )
})
