import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page, WebSocket } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { recordViolations, violationsOf } from '../../support/sites/element-page.js'
import { until } from '../../support/until.js'
import { chatOf, stateOf, untilBooted } from '../../support/sites/page-state.js'
import { activeId, press, startPages, untilRead, untilShown, visit } from './harness.js'
import { follow, logIn, logOut } from './rendered.js'

const pages = await startPages()

test('plain HTML: a logged-in user has one session from page to page, and each page receives its messages', async () => {
  const { page, sent, complaints, connections } = await visit(pages, '/plain')
  await untilBooted(page)
  assert.equal(await stateOf(page), 'idle')
  assert.equal(connections(), 0)
  await logIn(page, 'Alice')
  const id = await activeId(page)
  for (const [n, name] of ['Two', 'One', 'Two'].entries()) {
    await follow(page, name)
    await untilShown(page, 'State', 'active')
    await pages.say('alice', `page ${n}`)
    await untilRead(page, `bob: page ${n}`)
    assert.equal((await chatOf(page)).id, id)
  }
  assert.ok(!sent.includes('end'))
  assert.deepEqual(complaints(), [])
})

test('plain HTML: after a log-out no page has a session, and the next user has another session', async () => {
  const { page, connections, complaints } = await visit(pages, '/plain', { user: 'alice' })
  const id = await activeId(page)
  await logOut(page)
  for (const name of ['Two', 'One']) {
    await follow(page, name)
    await untilBooted(page)
    assert.equal(await stateOf(page), 'idle')
  }
  await page.goBack()
  await page.getByText('Not logged in').waitFor()
  assert.equal(connections(), 1)
  await logIn(page, 'Bob')
  assert.notEqual(await activeId(page), id)
  assert.equal((await chatOf(page)).user, 'bob')
  assert.equal(connections(), 2)
  assert.deepEqual(complaints(), [])
})

test('plain HTML: a page whose Content-Security-Policy forbids inline code has a session and no violation', async () => {
  const { page } = await visit(pages, '/plain/strict', { user: 'alice', prepare: recordViolations })
  await activeId(page)
  await untilShown(page, 'State', 'active')
  await pages.say('alice', 'under a policy')
  await untilRead(page, 'bob: under a policy')
  assert.deepEqual(await violationsOf(page), [])
  // The policy is enforced: an inline style is a violation.
  await page.evaluate(() => document.body.setAttribute('style', 'color: red'))
  await until('violations', async () => (await violationsOf(page)).length, 1)
})

test('plain HTML: removing a frame ends its session', async () => {
  const sockets: WebSocket[] = []
  const { page, complaints } = await visit(pages, '/plain/frame', {
    user: 'alice',
    prepare: (page) => Promise.resolve(page.on('websocket', (socket) => sockets.push(socket))),
  })
  await page.frameLocator('iframe').getByText('active', { exact: true }).waitFor()
  await until('connections', () => sockets.length, 1)
  assert.equal(sockets[0]?.isClosed(), false)
  await press(page, 'Remove the frame')
  await until('its connection', () => sockets[0]?.isClosed(), true)
  assert.equal(sockets.length, 1)
  assert.deepEqual(complaints(), [])
})

test('plain HTML: a tag that is there before the script is upgraded with the properties that were set on it', async () => {
  const { page, connections, complaints } = await visit(pages, '/plain/late', { user: 'alice' })
  await page.getByRole('button', { name: 'Load the script' }).waitFor()
  assert.equal(await page.evaluate(() => 'state' in (document.querySelector('chat-session') ?? {})), false)
  await press(page, 'Load the script')
  await activeId(page)
  await untilShown(page, 'State', 'active')
  assert.equal(await nameIn(page), 'Alice, as a property')
  await pages.say('alice', 'better late')
  await untilRead(page, 'bob: better late')
  assert.equal(connections(), 1)
  assert.deepEqual(complaints(), [])
})

/** The name in the profile of the page's session. */
const nameIn = (page: Page): Promise<string | undefined> =>
  page.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.session?.user?.name)

test('plain HTML: a handler in an attribute of the tag is never called', async () => {
  const { page } = await visit(pages, '/plain', { user: 'alice' })
  await untilShown(page, 'State', 'active')
  await page.evaluate(() =>
    document.querySelector('chat-session')?.setAttribute('onsession-message', 'window.called = true'),
  )
  await pages.say('alice', 'for a listener')
  await untilRead(page, 'bob: for a listener')
  assert.equal(await page.evaluate(() => 'called' in window), false)
})
