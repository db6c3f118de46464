import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { newContext } from '../../support/browsers/browser.js'
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
import { stateOf } from '../../support/sites/page-state.js'

test('the next page of a server-rendered site resumes the session, and receives the messages in between', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  const page = await (await newContext()).newPage()
  const site = await serveSite(gateway, async (path) => {
    if (path === '/next') {
      // The head of the page has arrived, so the browser leaves the previous page.
      await until('the page that is shown', () => new URL(page.url()).pathname, '/next')
      await bob.send({ to: 'ada', body: 'two' })
    }
    return withToken('ada')(path)
  })
  await page.goto(site.url)
  const id = await activeId(page)
  await bob.send({ to: 'ada', body: 'one' })
  await untilReceived(page, 'message one')
  await page.getByRole('link', { name: 'next' }).click()
  await page.waitForURL('**/next')
  assert.equal(await activeId(page), id)
  await untilReceived(page, 'message two')
  await bob.send({ to: 'ada', body: 'three' })
  await untilReceived(page, 'message three')
  assert.deepEqual(await messagesIn(page), ['message two', 'message three'])
  assert.deepEqual(site.views, ['/', '/next'])
})

// `window.open` copies the sessionStorage to the new tab, as duplicating a tab does.
test('a duplicated tab gets a session of its own, and the first session goes on', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  const site = await serveSite(gateway, withToken('ada'))
  const { page } = await openActive(site)
  // After a navigation the storage has had a resume key.
  await page.goto(`${site.url}/next`)
  const id = await activeId(page)
  await page.evaluate(() => sessionStorage.setItem('copied', 'yes'))
  const opened = page.waitForEvent('popup')
  await page.evaluate(() => void window.open(location.href))
  const copy = await opened
  assert.notEqual(await activeId(copy), id)
  assert.ok((await storedIn(copy)).includes('yes'), 'the storage was copied')
  await bob.send({ to: 'ada', body: 'to both' })
  for (const each of [page, copy]) {
    await untilReceived(each, 'message to both')
    assert.deepEqual(await receivedIn(each), ['starting', 'active', 'unread 1', 'message to both'])
  }
  assert.equal(await activeId(page), id)
})

test('after a log-out the storage has no key that could resume the session', async () => {
  const gateway = await startDurableGateway()
  const site = await serveSite(gateway, async (path) =>
    path === '/bye' ? undefined : withToken('ada')(path),
  )
  const { page, id } = await openActive(site)
  await page.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.end())
  assert.equal(await stateOf(page), 'ended')
  await page.goto(`${site.url}/bye`)
  assert.deepEqual(
    (await storedIn(page)).filter((value) => value !== 'null'),
    [],
  )
  // After a log-in there is a new session.
  await page.goto(site.url)
  assert.notEqual(await activeId(page), id)
})
