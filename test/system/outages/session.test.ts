import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSession } from '../../../src/session/index.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { portOf } from '../../support/clients/client-sessions.js'
import { startProxy, type Proxy } from '../../support/network/proxy.js'
import {
  activeId,
  receivedIn,
  messagesIn,
  openActive,
  sender,
  sendFrom,
  serveSite,
  startDurableGateway,
  untilReceived,
  withToken,
} from '../../support/sites/rendered-site.js'
import { until } from '../../support/until.js'
import type { TestGateway } from '../../support/gateway.js'
import { untilState } from '../../support/sites/page-state.js'

interface Network {
  proxy: Proxy
  /** Cuts and refuses connections, and sets the browser offline. */
  goOffline(page: Page): Promise<void>
  goOnline(page: Page): Promise<void>
}

/** Puts a network that can fail between pages and a gateway. */
const networkTo = async (gateway: TestGateway): Promise<Network> => {
  let isGone = false
  const proxy = await startProxy(gateway.url, () => isGone)
  return {
    proxy,
    async goOffline(page) {
      isGone = true
      // The connections are cut first, because in offline mode this browser does not report the close of an open socket.
      proxy.cut()
      await untilState(page, 'reconnecting')
      await page.context().setOffline(true)
    },
    async goOnline(page) {
      isGone = false
      await page.context().setOffline(false)
    },
  }
}

const bodiesFor = (count: number, what: string): string[] =>
  Array.from({ length: count }, (_, index) => `${what} ${index}`)

/** Returns the bodies of the messages from `from` in bob's inbox, in order. */
const inboxOf = async (bob: ChatSession, from: string): Promise<(string | undefined)[]> =>
  (await bob.history({ after: 0, limit: 100 }))
    .filter((message) => message.from === from)
    .map(({ body }) => body)

// The page is offline for four seconds, which is shorter than its resume window.
test('a page that was offline for seconds receives each missed message once, and no error', async () => {
  const gateway = await startDurableGateway()
  const { proxy, goOffline, goOnline } = await networkTo(gateway)
  const bob = await sender(gateway)
  const site = await serveSite(proxy, withToken('ada'))
  const { page, id } = await openActive(site)
  await bob.send({ to: 'ada', body: 'before' })
  await untilReceived(page, 'message before')
  await goOffline(page)
  const back = Date.now() + 4_000
  const missed = bodiesFor(20, 'missed')
  for (const body of missed) await bob.send({ to: 'ada', body })
  await until('the outage is over', () => Date.now() >= back, true)
  await goOnline(page)
  await untilReceived(page, 'message missed 19')
  assert.equal(await activeId(page), id)
  await bob.send({ to: 'ada', body: 'after' })
  await untilReceived(page, 'message after')
  assert.deepEqual(
    await messagesIn(page),
    ['before', ...missed, 'after'].map((body) => `message ${body}`),
  )
  const others = (await receivedIn(page)).filter((line) => !/^(message|unread) /.test(line))
  assert.deepEqual(
    others.filter((line, index) => line !== others[index - 1]),
    ['starting', 'active', 'reconnecting', 'active'],
  )
  await until('the unread count', async () => (await receivedIn(page)).includes('unread 22'), true)
})

test('a message that is sent offline is sent when the network is back, and is stored once', async () => {
  const gateway = await startDurableGateway()
  const { proxy, goOffline, goOnline } = await networkTo(gateway)
  const bob = await sender(gateway)
  const site = await serveSite(proxy, withToken('ada'))
  const { page, id } = await openActive(site)
  await goOffline(page)
  const sent = sendFrom(page, 'one', 'two')
  await goOnline(page)
  assert.deepEqual(await sent, [1, 2])
  await untilReceived(page, 'message two')
  assert.equal(await activeId(page), id)
  assert.deepEqual(await messagesIn(page), ['message one', 'message two'])
  assert.deepEqual(await inboxOf(bob, 'ada'), ['one', 'two'])
})

test('a connection that breaks repeatedly while a page sends loses, duplicates and reorders no message', async () => {
  const gateway = await startDurableGateway()
  const { proxy } = await networkTo(gateway)
  const bob = await sender(gateway)
  const site = await serveSite(proxy, withToken('ada'))
  const { page, id } = await openActive(site)
  const bodies: string[] = []
  for (let round = 0; round < 5; round += 1) {
    const next = bodiesFor(10, `round ${round}, message`)
    bodies.push(...next)
    const sent = sendFrom(page, ...next)
    await until(
      `messages of round ${round} that arrived`,
      async () => (await inboxOf(bob, 'ada')).length > round * 10,
      true,
    )
    proxy.cut()
    await sent
  }
  await untilReceived(page, `message ${bodies.at(-1) ?? ''}`)
  assert.equal(await activeId(page), id)
  assert.deepEqual(await inboxOf(bob, 'ada'), bodies)
  assert.deepEqual(
    await messagesIn(page),
    bodies.map((body) => `message ${body}`),
  )
})

test('open pages resume their sessions after a restart of the gateway on its folder, and miss no message', async () => {
  const folder = scratchFolder()
  const gateway = await startDurableGateway(folder)
  const bob = await sender(gateway)
  const site = await serveSite(gateway, withToken('ada'))
  const { page, id } = await openActive(site)
  await bob.send({ to: 'ada', body: 'before' })
  await untilReceived(page, 'message before')
  await gateway.close()
  await untilState(page, 'reconnecting')
  const sent = sendFrom(page, 'during the restart')
  await startDurableGateway(folder, portOf(gateway.url))
  assert.deepEqual(await sent, [2])
  await bob.send({ to: 'ada', body: 'after' })
  await untilReceived(page, 'message after')
  assert.equal(await activeId(page), id)
  assert.deepEqual(await messagesIn(page), ['message before', 'message during the restart', 'message after'])
  assert.ok(!(await receivedIn(page)).some((line) => line.startsWith('over')))
})
