import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { chatOf, stateOf, untilBooted } from '../../support/sites/page-state.js'
import { activeId, startPages, untilRead, untilShown, visit } from './harness.js'
import { follow, logIn } from './rendered.js'

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
