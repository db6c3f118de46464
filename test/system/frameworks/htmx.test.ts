import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { until } from '../../support/until.js'
import { activeId, press, startPages, untilRead } from './harness.js'
import { assertEnded, assertUndisturbed, follow, isMarked, openActive } from './rendered.js'
import { testRenderedPages } from './rendered-suite.js'

const pages = await startPages()

const open = (path = '/htmx') => openActive(pages, path)

testRenderedPages('htmx', pages, '/htmx')

test('htmx: a swap that morphs leaves the tag and its session as they are', async () => {
  const { visited, page, id } = await open()
  await page.evaluate(() => Object.assign(document.querySelector('chat-session') ?? {}, { same: true }))
  await follow(page, 'Morphed')
  assert.equal(await page.evaluate(() => 'same' in (document.querySelector('chat-session') ?? {})), true)
  await pages.say('alice', 'after the morph')
  await untilRead(page, 'bob: after the morph')
  await assertUndisturbed(visited, id)
})

test('htmx: a swap elsewhere in the page does not affect the session', async () => {
  const { visited, page, id } = await open()
  await press(page, 'Time')
  await page.locator('#time:not(:empty)').waitFor()
  await assertUndisturbed(visited, id)
})

test('htmx: a tag that is swapped out of band for another tag of the same user keeps the session', async () => {
  const { visited, page, id } = await open()
  await page.evaluate(() => Object.assign(document.querySelector('chat-session') ?? {}, { same: true }))
  await press(page, 'Fresh tag')
  await until(
    'another tag',
    () => page.evaluate(() => 'same' in (document.querySelector('chat-session') ?? {})),
    false,
  )
  assert.equal(await activeId(page), id)
  await pages.say('alice', 'for another tag')
  await untilRead(page, 'bob: for another tag')
  await assertUndisturbed(visited, id)
})

test('htmx: a log-out that swaps the tag out of band ends the session and keeps the page', async () => {
  const { visited, page } = await open()
  await press(page, 'Log out in place')
  await assertEnded(visited)
  assert.equal(await isMarked(page), true)
  assert.equal(await page.getByText('Logged in as alice').isVisible(), true)
})
