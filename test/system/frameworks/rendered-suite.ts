// Tests that server-rendered pages pass whose links and forms a library swaps without a page load.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { chatOf, stateOf, untilBooted } from '../../support/sites/page-state.js'
import { activeId, untilRead, untilShown, type RunningPages } from './harness.js'
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

/** The pages One and Two are at `path` and link to each other. */
export const testRenderedPages = (title: string, pages: RunningPages, path: string): void => {
  const open = () => openActive(pages, path)

  test(`${title}: links swap the page, and the session goes on over one connection`, async () => {
    const started = pages.startedFor('alice')
    const { visited, page, id } = await open()
    for (const [n, name] of ['Two', 'One', 'Two'].entries()) {
      await follow(page, name)
      await untilShown(page, 'State', 'active')
      await pages.say('alice', `page ${n}`)
      await untilRead(page, `bob: page ${n}`)
    }
    await assertUndisturbed(visited, id)
    assert.equal(pages.startedFor('alice'), started + 1)
  })

  test(`${title}: the back button shows the page again, and the session goes on`, async () => {
    const { visited, page, id } = await open()
    await follow(page, 'Two')
    await page.goBack()
    await untilTitled(page, 'One')
    await pages.say('alice', 'after going back')
    await untilRead(page, 'bob: after going back')
    await page.goForward()
    await untilTitled(page, 'Two')
    await assertUndisturbed(visited, id)
  })

  test(`${title}: a log-out ends the session, and neither the next page nor the previous page has a session`, async () => {
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
    await page.getByText('Not logged in').waitFor()
    await untilBooted(page)
    assert.equal(await stateOf(page), 'idle')
    assert.equal(visited.connections(), 1)
    assert.equal(await isMarked(page), true)
  })

  test(`${title}: the next user who logs in has a session of their own`, async () => {
    const { visited, page, id } = await open()
    await logOut(page)
    await logIn(page, 'Bob')
    const second = await activeId(page)
    assert.notEqual(second, id)
    assert.equal((await chatOf(page)).user, 'bob')
    await pages.say('bob', 'to myself')
    await untilRead(page, 'bob: to myself')
    assert.equal(visited.connections(), 2)
    const started = (await visited.received()).filter((line) => line.startsWith('started'))
    assert.equal(started.at(-1), `started ${second}`)
  })
}
