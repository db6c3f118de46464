import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { until } from '../support/until.js'
import { chatOf, stateOf, untilBooted } from '../e2e/site.js'
import { activeId, press, startPages, untilRead, untilSaid } from './harness.js'
import {
  assertEnded,
  assertUndisturbed,
  follow,
  isMarked,
  logIn,
  logOut,
  openActive,
  untilTitled,
} from './rendered.js'

const pages = await startPages()

const tell = (to: string, body: string): Promise<unknown> => pages.publish({ to, from: 'bob', body })

const open = (path = '/htmx') => openActive(pages, path)

test('htmx: boosted links swap the body, and the session goes on over one connection', async () => {
  const started = pages.startedFor('alice')
  const { visited, page, id } = await open()
  for (const [n, name] of ['Two', 'One', 'Two'].entries()) {
    await follow(page, name)
    await untilSaid(page, 'State', 'active')
    await tell('alice', `swap ${n}`)
    await untilRead(page, `bob: swap ${n}`)
  }
  await assertUndisturbed(visited, id)
  assert.equal(pages.startedFor('alice'), started + 1)
})

test('htmx: the back button fetches the page anew, and the session goes on', async () => {
  const { visited, page, id } = await open()
  await follow(page, 'Two')
  await page.goBack()
  await untilTitled(page, 'One')
  await tell('alice', 'after going back')
  await untilRead(page, 'bob: after going back')
  await page.goForward()
  await untilTitled(page, 'Two')
  await assertUndisturbed(visited, id)
})

test('htmx: a swap that morphs leaves the tag and its session as they are', async () => {
  const { visited, page, id } = await open()
  await page.evaluate(() => Object.assign(document.querySelector('chat-session') ?? {}, { same: true }))
  await follow(page, 'Morphed')
  assert.equal(await page.evaluate(() => 'same' in (document.querySelector('chat-session') ?? {})), true)
  await tell('alice', 'after the morph')
  await untilRead(page, 'bob: after the morph')
  await assertUndisturbed(visited, id)
})

test('htmx: a swap elsewhere in the page has nothing to do with the session', async () => {
  const { visited, page, id } = await open()
  await press(page, 'Time')
  await page.locator('#time:not(:empty)').waitFor()
  await assertUndisturbed(visited, id)
})

test('htmx: a tag that is swapped out of band by another of the same user has the same session', async () => {
  const { visited, page, id } = await open()
  await page.evaluate(() => Object.assign(document.querySelector('chat-session') ?? {}, { same: true }))
  await press(page, 'Fresh tag')
  await until(
    'another tag',
    () => page.evaluate(() => 'same' in (document.querySelector('chat-session') ?? {})),
    false,
  )
  assert.equal(await activeId(page), id)
  await tell('alice', 'for another tag')
  await untilRead(page, 'bob: for another tag')
  await assertUndisturbed(visited, id)
})

test('htmx: a log-out that swaps the tag out of band ends the session, and leaves the page', async () => {
  const { visited, page } = await open()
  await press(page, 'Log out in place')
  await assertEnded(visited)
  assert.equal(await isMarked(page), true)
  assert.equal(await page.getByText('Logged in as alice').isVisible(), true)
})

test('htmx: a log-out ends the session, the next page has none, and neither has the one before it', async () => {
  const { visited, page } = await open()
  await follow(page, 'Two')
  await logOut(page)
  await assertEnded(visited)
  await follow(page, 'Two')
  assert.equal(await stateOf(page), 'idle')
  await page.goBack()
  await untilTitled(page, 'One')
  await page.goBack()
  await untilTitled(page, 'Two')
  await page.getByText('Nobody is logged in').waitFor()
  await untilBooted(page)
  assert.equal(await stateOf(page), 'idle')
  assert.equal(visited.connections(), 1)
  assert.equal(await isMarked(page), true)
})

test('htmx: whoever logs in next has a session of their own', async () => {
  const { visited, page, id } = await open()
  await logOut(page)
  await logIn(page, 'Bob')
  const second = await activeId(page)
  assert.notEqual(second, id)
  assert.equal((await chatOf(page)).user, 'bob')
  await tell('bob', 'to myself')
  await untilRead(page, 'bob: to myself')
  assert.equal(visited.connections(), 2)
})

test('htmx: a preserved tag stays whoever it was: a log-out that swaps the page doesn’t reach it', async () => {
  const { visited, page, id } = await open('/htmx/preserved')
  await logOut(page)
  await tell('alice', 'for somebody who has left')
  await untilRead(page, 'bob: for somebody who has left')
  await assertUndisturbed(visited, id)
  await logIn(page, 'Bob')
  assert.equal((await chatOf(page)).user, 'alice')
})
