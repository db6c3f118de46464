import { test } from 'node:test'
import { startSentinels, type SentinelSetup } from '../../../support/redis/sentinel.js'
import { until } from '../../../support/until.js'
import { count, openClient, publish, repeat, type TestClient } from './kit.js'

const open = ({ name, sentinels }: SentinelSetup, password?: string): Promise<TestClient> =>
  openClient({
    type: 'sentinel',
    name,
    sentinels: [{ port: 1 }, ...sentinels].map(({ port }) => ({ host: '127.0.0.1', port })),
    ...(password === undefined ? {} : { password }),
  })

for (const fault of ['a failover on demand', 'a master that is killed', 'a master that is stopped'] as const)
  test(`Sentinel, ${fault}: calls and subscriptions go to the new master within seconds`, async (context) => {
    const setup = await startSentinels({ password: 'secret' })
    const subscriber = await open(setup, 'secret')
    const publisher = await open(setup, 'secret')
    await subscriber.client.subscribe(['events', 'others'])
    const stop = repeat(50, () => publisher.run(publish, ['a'], 'events', 'x').catch(() => undefined))
    await until('a message arrives', () => subscriber.messages.length > 0)
    const before = await setup.master()
    const start = performance.now()
    if (fault === 'a failover on demand') await setup.failover()
    else {
      if (fault === 'a master that is killed') await before.kill()
      else before.pause()
      await until('there is another master', async () => (await setup.master()) !== before)
    }
    const from = performance.now()
    await until('the subscriptions are there again', () => subscriber.resubscribed() > 0)
    await until('a message arrives', () => subscriber.messages.some(({ at }) => at > from))
    // The old master accepts writes until it has become a replica, and then they are lost. So the new one is asked.
    const now = await setup.master()
    await until('a call runs at the new master', async () => {
      await publisher.run(count, ['b'], '1').catch(() => undefined)
      return (await now.command('hget', 'b', 'n')) !== ''
    })
    context.diagnostic(`Calls and messages go on after ${Math.round(performance.now() - start)} ms.`)
    await stop()
    before.resume()
    if (!before.isRunning()) await before.start()
    // Sentinel closes the connections of a server that it makes a replica.
    const replication = (): Promise<string> =>
      before.command('info', 'replication').catch((error: unknown) => String(error))
    await until('the old master is a replica', async () => (await replication()).includes('role:slave'))
    await subscriber.run(publish, ['a'], 'others', 'last')
    await until('the message arrives', () => subscriber.messages.some(({ message }) => message === 'last'))
  })
