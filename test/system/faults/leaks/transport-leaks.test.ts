import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { openClient, startClient, within } from '../../../support/raw-client.js'
import { appId, tokenFor } from '../../../support/tokens.js'
import { until } from '../../../support/until.js'
import type { Resources } from './transport-leaks-gateway.js'
import { forkModule } from '../fork-module.js'

/**
 * Opens ten connections that start sessions, and ten that send nothing. Closes all of them after `during`: half of the sessions end by a
 * frame. Resolves with the result of `during`.
 */
const connectionRound = async <Result>(
  url: string,
  start: unknown,
  during: () => Promise<Result>,
): Promise<Result> => {
  const clients = await Promise.all(Array.from({ length: 10 }, () => startClient(url, start)))
  const idle = Array.from({ length: 10 }, () => openClient(url))
  await Promise.all(idle.map(({ opened }) => opened))
  const result = await during()
  for (const [index, client] of clients.entries())
    if (index % 2) client.close()
    else client.send({ type: 'end' })
  for (const client of idle) client.close()
  await Promise.all([...clients, ...idle].map(({ closed }) => closed))
  return result
}

test('2,000 closed connections leave no session, socket or timer in the process of a gateway', async (context) => {
  const gateway = forkModule(new URL('transport-leaks-gateway.ts', import.meta.url))
  const resources = async (): Promise<Resources> => {
    gateway.send('count')
    const [reply] = (await within(once(gateway, 'message'), 'reply of the gateway')) as [Resources]
    return reply
  }
  const { url } = await resources()
  const start = { type: 'start', appId, token: await tokenFor('ada') }
  const round = (): Promise<Resources> => connectionRound(url, start, resources)
  const during = await round()
  context.diagnostic(JSON.stringify(during))
  assert.equal(during.sessions, 10)
  assert.ok(during.sockets > 20, `${during.sockets} sockets`)
  // Each connection without a session has a timer for its start deadline. Heartbeats share a timer or two.
  assert.ok(during.timers > 10, `${during.timers} timers`)
  for (let rounds = 1; rounds < 100; rounds += 1) await round()
  let now = await resources()
  // The resources are compared with those of the first round, because a process that has just started still opens sockets and ends
  // timers. Later rounds may add a few that all connections share.
  await until('fewer resources than in the first round', async () => {
    now = await resources()
    return (
      now.sessions === 0 &&
      now.sockets <= during.sockets - 15 &&
      now.timers <= during.timers - 5 &&
      now.webSockets < 10
    )
  }).finally(() => context.diagnostic(JSON.stringify(now)))
})
