/*
 * This browser has no back/forward cache. The tests dispatch its events, and a page in a frame, which shares the tab's
 * sessionStorage, acts as the next page. test/system/faults/browser/bfcache.test.ts uses a real back/forward cache.
 */
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Frame, Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import {
  activeId,
  receivedIn,
  messagesIn,
  openActive,
  sender,
  serveSite,
  startDurableGateway,
  storedIn,
  untilReceived,
  withToken,
} from '../../support/sites/rendered-site.js'
import { until } from '../../support/until.js'
import { tokenFor } from '../../support/tokens.js'
import { stateOf, untilState } from '../../support/sites/page-state.js'

/** Dispatches the events in Chromium's order: `resume` and `visibilitychange` before `pageshow`. */
const transition = (page: Page, type: 'pagehide' | 'pageshow'): Promise<void> =>
  page.evaluate((type) => {
    if (type === 'pageshow')
      for (const waking of ['resume', 'visibilitychange']) document.dispatchEvent(new Event(waking))
    dispatchEvent(new PageTransitionEvent(type, { persisted: true }))
  }, type)

const leave = async (page: Page): Promise<void> => {
  await transition(page, 'pagehide')
  assert.equal(await stateOf(page), 'reconnecting')
}

/** Opens another page of the tab in a frame. Resolves with the frame and its session's id. */
const openInFrame = async (page: Page, url: string): Promise<{ frame: Frame; id: string }> => {
  await page.evaluate((url) => {
    const frame = document.createElement('iframe')
    frame.src = url
    document.body.append(frame)
  }, url)
  const inFrame = (): Frame | undefined => page.frames()[1]
  // An evaluation in the first, empty document would be lost with that document.
  await until('the address of the frame', () => inFrame()?.url(), url)
  const state = (): Promise<string | undefined> | undefined =>
    inFrame()?.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.state)
  await until('the state of the session in the frame', state, 'active')
  const frame = inFrame()
  assert.ok(frame)
  const id = await frame.evaluate(
    () => document.querySelector<ChatSessionElement>('chat-session')?.sessionId ?? '',
  )
  return { frame, id }
}

test('a page that comes back from the cache resumes its session and receives each missed message once', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  const site = await serveSite(gateway, withToken('ada'))
  const { page, id } = await openActive(site)
  for (const round of ['one', 'two', 'three']) {
    await leave(page)
    await bob.send({ to: 'ada', body: round })
    assert.ok(!(await messagesIn(page)).includes(`message ${round}`))
    await transition(page, 'pageshow')
    await untilReceived(page, `message ${round}`)
    assert.equal(await activeId(page), id)
    assert.deepEqual(await storedIn(page), [])
  }
  assert.deepEqual(await messagesIn(page), ['message one', 'message two', 'message three'])
})

test('a page whose resume key was used by another page gets a session of its own, and the other session goes on', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  const site = await serveSite(gateway, withToken('ada'))
  const { page, id } = await openActive(site)
  await leave(page)
  const other = await openInFrame(page, `${site.url}/next`)
  assert.equal(other.id, id)
  await bob.send({ to: 'ada', body: 'meanwhile' })
  await transition(page, 'pageshow')
  await untilReceived(page, 'message meanwhile')
  assert.notEqual(await activeId(page), id)
  await bob.send({ to: 'ada', body: 'to both' })
  await untilReceived(page, 'message to both')
  assert.deepEqual(await messagesIn(page), ['message meanwhile', 'message to both'])
  const received = (): Promise<string[]> => other.frame.evaluate(() => window.received)
  await until('the other page received', async () => (await received()).at(-1), 'message to both')
  assert.ok(!(await received()).some((line) => line.startsWith('over') || line === 'reconnecting'))
})

test('a page that comes back after a log-out on another page stays logged out', async () => {
  const gateway = await startDurableGateway()
  const site = await serveSite(gateway, withToken('ada'))
  const { page, id } = await openActive(site)
  await leave(page)
  const other = await openInFrame(page, `${site.url}/next`)
  assert.equal(other.id, id)
  await other.frame.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.end())
  await transition(page, 'pageshow')
  await untilState(page, 'ended')
  assert.deepEqual((await receivedIn(page)).slice(-2), ['ended', 'over: logged out'])
})

test('a page that comes back resumes a session whose key the left page writes only after pageshow', async () => {
  const gateway = await startDurableGateway()
  const site = await serveSite(gateway, withToken('ada'))
  const { page, id } = await openActive(site)
  await leave(page)
  const other = await openInFrame(page, `${site.url}/next`)
  assert.equal(other.id, id)
  // Chromium fires `pagehide` on the left page after `pageshow` on the other.
  await page.evaluate(() => {
    const gone = frames[0]
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
    gone?.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
  })
  assert.equal(await activeId(page), id)
  assert.deepEqual(await storedIn(page), [])
})

test('a page that comes back asks its token source first: a user who signed out stays signed out', async () => {
  const gateway = await startDurableGateway()
  let isIn = true
  const site = await serveSite(
    gateway,
    async () => ({ token: await tokenFor('ada'), 'token-url': '/api/token' }),
    () => ({ status: isIn ? 200 : 401 }),
  )
  const { page } = await openActive(site)
  await leave(page)
  isIn = false
  await transition(page, 'pageshow')
  await untilReceived(page, 'over: signed-out')
})

test('a page that logged out before it was left does not resume its session', async () => {
  const gateway = await startDurableGateway()
  const site = await serveSite(gateway, withToken('ada'))
  const { page } = await openActive(site)
  await page.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.end())
  for (const type of ['pagehide', 'pageshow'] as const) await transition(page, type)
  assert.equal(await stateOf(page), 'ended')
  assert.deepEqual(
    (await storedIn(page)).filter((value) => value !== 'null'),
    [],
  )
})
