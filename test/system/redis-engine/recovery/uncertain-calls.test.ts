// Calls whose replies were lost, some of them to a master that stays away.
import { it } from 'node:test'
import {
  UncertainCalls,
  type UncertainCallsOptions,
} from '../../../../src/engine/redis/recovery/uncertain-calls.js'
import { ada, app } from '../../../../src/engine/suite/kit.js'
import { until } from '../../../support/until.js'

it('compares what is in doubt on other masters, though very many comparisons fail', async () => {
  const compared: string[] = []
  const errors: unknown[] = []
  const options = {
    attached: { connectionsOf: () => new Map() },
    watches: {
      renewUser: ({ userId }: typeof ada) =>
        userId === ada.userId ? Promise.resolve() : Promise.reject(new Error('The master is away.')),
    },
    noteWebhooks: () => void compared.push(ada.userId),
    onError: (error: unknown) => errors.push(error),
  }
  const uncertain = new UncertainCalls(options as unknown as UncertainCallsOptions)
  const note = (userId: string, partition: number): void =>
    uncertain.note({ of: { appId: app, userId }, partition, changes: {} })
  for (let n = 0; n < 200; n++) note(`user ${n}`, 0)
  note(ada.userId, 1)
  await until('the first run has failed', () => errors.length > 0)
  uncertain.run()
  await until('the other master is asked', () => compared.length > 0)
  await uncertain.stop()
})
