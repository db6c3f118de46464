import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { createLog } from '../../../../src/gateway/index.js'
import { ChatSession } from '../../../../src/session/index.js'
import { eventually, WebSocket } from '../../../support/clients/client-sessions.js'
import { attachGateway } from '../../../support/gateway.js'
import { appId, tokenFor } from '../../../support/tokens.js'

// The gateway keeps no log, which would grow like a leak.
const { server, url: endpoint } = await attachGateway(
  { limits: { sessionsPerUser: 10_000 } },
  {},
  { log: createLog({ level: 'fatal' }) },
)
const sockets = new Set<Socket>()
server.on('connection', (socket: Socket) => {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
})

/** The resources that keep a process alive: sockets, timers, requests. */
const resources = (): string[] => process.getActiveResourcesInfo().sort()

/** Returns the resources that were not there before. */
const left = (before: string[]): string[] => {
  const known = [...before]
  return resources().filter((resource) => {
    const at = known.indexOf(resource)
    if (at >= 0) known.splice(at, 1)
    return at < 0
  })
}

const page = new AbortController()

/** Starts the session, which has to succeed, and ends it. A session that did not start would try again for ever, so it is ended, too. */
const startAndEnd = async (session: ChatSession): Promise<void> => {
  const result = await session.start({ signal: page.signal })
  await session.end()
  if (result.failed) throw result.error
}

/** Runs `once` this many times, a few at once, and asserts that it leaves no resource. */
const leavesNothing = async (times: number, once: (session: ChatSession) => Promise<void>): Promise<void> => {
  const token = await tokenFor('ann')
  const run = async (): Promise<void> => once(new ChatSession({ endpoint, appId, token, WebSocket }))
  await run()
  await eventually(() => sockets.size === 0)
  const before = resources()
  for (let done = 0; done < times; done += 20) await Promise.all(Array.from({ length: 20 }, run))
  await eventually(() => sockets.size === 0)
  await eventually(() => left(before).length === 0)
  assert.deepEqual(left(before), [])
  assert.equal(getEventListeners(page.signal, 'abort').length, 0)
}

test('a thousand sessions that start and end leave no socket, timer or listener', async () => {
  await leavesNothing(1_000, startAndEnd)
})

test('sessions that are started and ended again and again leave nothing either', async () => {
  await leavesNothing(40, async (session) => {
    for (let round = 0; round < 5; round += 1) await startAndEnd(session)
  })
})

test('starts that are refused leave nothing', async () => {
  await leavesNothing(200, async ({ appId }) => {
    const refused = new ChatSession({ endpoint, appId, token: 'a.b.c', WebSocket })
    assert.ok((await refused.start({ signal: page.signal })).failed)
  })
})

test('starts at an address without a server leave nothing once they are ended', async () => {
  await leavesNothing(200, async ({ appId }) => {
    const lost = new ChatSession({ endpoint: 'http://127.0.0.1:1', appId, token: 'a.b.c', WebSocket })
    assert.ok((await lost.start({ signal: page.signal, timeout: 1 })).failed)
    await lost.end()
  })
})

test('starts that are ended while they connect leave nothing', async () => {
  await leavesNothing(200, async (session) => {
    const start = session.start({ signal: page.signal })
    await session.end()
    assert.ok((await start).failed)
  })
})

test('starts that are ended while a token is fetched abort the fetch and leave nothing', async () => {
  const wanted = new Set<AbortSignal>()
  await leavesNothing(200, async ({ appId }) => {
    const asking = new ChatSession({
      endpoint,
      appId,
      WebSocket,
      tokenFetcher: ({ signal }) => {
        wanted.add(signal)
        return new Promise(() => undefined)
      },
    })
    const start = asking.start({ signal: page.signal })
    await asking.end()
    assert.ok((await start).failed)
  })
  assert.ok([...wanted].every(({ aborted }) => aborted))
  assert.equal(wanted.size, 201)
})
