// Requests and replies of every script of the engine are lost, late or slow, by seeds. LOSS_SEED=N runs one seed, and LOSS_CALLS=N makes
// N calls.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadSteps } from '../../../../src/engine/redis/script.js'
import { startSingleAndCluster } from '../../../support/redis/single-and-cluster.js'
import { Simulation } from './simulation.js'

/** In a cluster many calls run in each of 1,024 partitions. */
const CALLS = { single: 150, sentinel: 150, cluster: 60 }
const { LOSS_SEED: given, LOSS_CALLS: calls } = process.env
const SEEDS = { single: [1, 2], sentinel: [], cluster: [5] }

const { settings } = await startSingleAndCluster()
const reached = new Set<string>()

// Most of the time they wait for leases and sweeps.
describe('Redis has what callers were told, and nothing else', { concurrency: true }, () => {
  for (const setting of settings)
    for (const seed of given === undefined ? SEEDS[setting.options.type] : [Number(given)])
      test(`${setting.name}, LOSS_SEED=${seed}`, async (context) => {
        const count = Number(calls ?? CALLS[setting.options.type])
        const simulation = new Simulation({ seed, setting, calls: count, reached })
        try {
          await simulation.run()
        } catch (error) {
          context.diagnostic(simulation.log.join(' '))
          throw error
        }
      })
})

/**
 * Scripts that few seeds reach. A server that has run any other step of a partition has its state, so `noteState` does not run.
 * `readStates` runs after a published text was lost, as in nodes/publications.test.ts, and `restoreMessage` after a failover, as in
 * recovery/settlement.test.ts. A sweep runs `pendingOwnCopies` if the call that makes a copy was lost, as in messages/own-copies.test.ts.
 */
const rarelyReached = ['noteState', 'readStates', 'restoreMessage', 'pendingOwnCopies']
/** The scripts of a transfer, which no engine runs. */
const ofTransfer = ['readRows', 'writeRows']

// One seed need not reach all.
if (given === undefined)
  test('the simulation reaches every other script of the engine', () => {
    const names = Object.values(loadSteps()).map(({ name }) => name)
    assert.deepEqual(
      names.filter(
        (name) => !reached.has(name) && !rarelyReached.includes(name) && !ofTransfer.includes(name),
      ),
      [],
    )
  })
