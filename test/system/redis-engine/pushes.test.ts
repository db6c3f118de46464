import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Engine } from '../../../src/engine/engine.js'
import { createSharedEngine } from '../../../src/engine/redis/redis-engine.js'
import { app, deliver } from '../../../src/engine/suite/kit.js'
import { saveDevice } from '../../support/engine/calls.js'
import { lossyClient } from '../../support/redis/hooked-client.js'
import { standalone } from '../../support/redis/server.js'
import { until } from '../../support/until.js'

const { url } = await standalone()

it('one node is told of a push, while two sweep the same partitions', async () => {
  let isCut = false
  const create = (): Engine => {
    const client = lossyClient({ type: 'single', url }, (name) =>
      isCut && name === 'beat' ? 'request' : undefined,
    )
    return createSharedEngine({
      client: () => client,
      prefix: 'pushes:',
      onError: (error) => assert.ok(isCut, String(error)),
    })
  }
  const first = create()
  await first.open()
  const users = Array.from({ length: 100 }, (_, n) => ({ appId: app, userId: `user${n}` }))
  await Promise.all(
    users.map(async (user) => {
      await first.saveUser(user, {})
      await saveDevice(first, user)
    }),
  )
  const second = create()
  await second.open()
  // The first node learns of the second by its next beat. Until then it sweeps what the second sweeps.
  isCut = true
  const told: string[] = []
  for (const engine of [first, second])
    engine.listen(
      (event) => event.type === 'push-due' && told.push(event.user.userId),
      new AbortController().signal,
    )
  try {
    for (const { userId } of users) await deliver(first, { to: userId }, { pushAfter: 1_500 })
    await until('each user was named', () => new Set(told).size, users.length)
    assert.equal(told.length, users.length)
  } finally {
    isCut = false
    await Promise.all([first.close(), second.close()])
  }
})
