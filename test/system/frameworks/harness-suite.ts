// Tests that the page of every framework passes, driven as a user would.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { until } from '../../support/until.js'
import { chatOf } from '../../support/sites/page-state.js'
import {
  activeId,
  addGatewayScript,
  holdClient,
  press,
  rendererOf,
  send,
  startPages,
  tick,
  untilRead,
  untilShown,
  visit,
} from './harness.js'

interface Framework {
  /** The page's address, without the slash. */
  name: string
  /** The framework's name. */
  title: string
}

const messageCount = (page: Page): Promise<number> =>
  page.getByRole('list', { name: 'Messages' }).getByRole('listitem').count()

const outerHtml = (selector: string) => `document.querySelector('${selector}').outerHTML`

/** Runs the tests that the pages of all frameworks pass. */
export const testFramework = async ({ name, title }: Framework): Promise<void> => {
  const pages = await startPages()
  const path = `/${name}`

  test(`${title}: users log in, write to each other, and log out`, async () => {
    const alice = await visit(pages, path)
    await untilShown(alice.page, 'State', 'idle')
    assert.equal(alice.connections(), 0)
    await press(alice.page, 'Alice')
    await untilShown(alice.page, 'State', 'active')
    const bob = await visit(pages, path, { user: 'bob' })
    await untilShown(bob.page, 'State', 'active')

    await send(alice.page, 'bob', 'Is it still there?')
    await untilRead(bob.page, 'alice: Is it still there?')
    await untilRead(alice.page, 'alice: Is it still there?')
    await untilShown(bob.page, 'Unread', '1')
    await press(bob.page, 'Mark as read')
    await untilShown(bob.page, 'Unread', '0')
    await send(bob.page, 'alice', 'It is.')
    await untilRead(alice.page, 'bob: It is.')

    await press(alice.page, 'Log out')
    await until('the last event', async () => (await alice.received()).at(-1), 'ended')
    await until('the last frame', () => alice.sent.at(-1), 'end')
    await alice.page.getByText('Not logged in').waitFor()
    await until('messages of a user who is gone', () => messageCount(alice.page), 0)
    await untilShown(bob.page, 'State', 'active')
    assert.deepEqual([...alice.complaints(), ...bob.complaints()], [])
  })

  test(`${title}: another user who logs in gets a session of their own`, async () => {
    const { page, received, complaints } = await visit(pages, path, { user: 'alice' })
    const first = await activeId(page)
    await press(page, 'Bob')
    await until('the user', async () => (await chatOf(page)).user, 'bob')
    const second = await activeId(page)
    assert.notEqual(second, first)
    assert.deepEqual(await received(), [`started ${first}`, 'ended', `started ${second}`])
    assert.deepEqual(complaints(), [])
  })

  test(`${title}: a new token renews the live session`, async () => {
    const { page, received, sent, connections } = await visit(pages, path, { user: 'alice' })
    const id = await activeId(page)
    // Two tokens of the same second are equal.
    const now = (): number => Math.floor(Date.now() / 1000)
    const made = now()
    await until('a second later', () => now() > made, true)
    await press(page, 'New token')
    await until('tokens sent', () => sent.filter((type) => type === 'token').length, 1)
    await send(page, 'bob', 'Still me')
    await untilRead(page, 'alice: Still me')
    assert.equal(await activeId(page), id)
    assert.deepEqual(await received(), [`started ${id}`])
    assert.equal(connections(), 1)
  })

  test(`${title}: a new render, a new mount and another order in a list change nothing in the session`, async () => {
    const user = 'alice'
    const before = pages.startedFor(user)
    const { page, received, sent, connections, complaints } = await visit(pages, path, { user })
    const id = await activeId(page)
    for (const times of ['1', '2', '3']) {
      await press(page, 'Render')
      await untilShown(page, 'Renders', times)
    }
    const element = await page.evaluateHandle(() => document.querySelector('chat-session'))
    await page.evaluate(() => {
      const list = document.querySelector('chat-session')?.parentElement
      if (!list) throw new Error('There is no list.')
      new MutationObserver((records) => {
        const out = records.flatMap(({ removedNodes }) => [...removedNodes])
        if (out.some(({ nodeName }) => nodeName === 'CHAT-SESSION')) list.dataset['moved'] = 'chat'
      }).observe(list, { childList: true })
    })
    // One of the two reorders moves the element, the other its neighbour. The framework decides which.
    for (const chatIsLast of [true, false]) {
      await press(page, 'Reorder')
      await page.waitForFunction(
        (last) =>
          document.querySelector('p:last-child, chat-session:last-child')?.matches('chat-session') === last,
        chatIsLast,
      )
    }
    assert.ok(await element.evaluate((former) => former === document.querySelector('chat-session')))
    assert.ok(await element.evaluate((former) => former?.parentElement?.matches('[data-moved=chat]')))
    await press(page, 'Mount again')
    await page.waitForFunction((former) => former !== document.querySelector('chat-session'), element)
    // When this message is received, a change to the session would have happened.
    await untilShown(page, 'State', 'active')
    await send(page, 'bob', `From ${id}`)
    await untilRead(page, `alice: From ${id}`)
    assert.equal(await activeId(page), id)
    // The new element fires `session-started` for the session that it joined.
    assert.deepEqual([...new Set(await received())], [`started ${id}`])
    assert.equal(connections(), 1)
    assert.equal(pages.startedFor(user), before + 1)
    assert.ok(!sent.includes('end'))
    // The page sends at most one frame, from hydration: an equal object is no change.
    assert.ok(sent.filter((type) => type === 'profile').length <= 1)
    assert.deepEqual(complaints(), [])
  })

  test(`${title}: removing the element ends the session, and adding it starts a new session`, async () => {
    const { page, received, sent, connections, complaints } = await visit(pages, path, { user: 'alice' })
    const id = await activeId(page)
    const element = await page.evaluateHandle(() => document.querySelector('chat-session'))
    await element.evaluate((element) =>
      element?.addEventListener('session-ended', () => (element.textContent = 'ended')),
    )
    assert.ok(!sent.includes('end'))
    await tick(page, 'On the page', false)
    await until('the last frame', () => sent.at(-1), 'end')
    await untilShown(page, 'State', 'none')
    // Only listeners on the removed element itself get the event.
    await until(
      'the text of the removed element',
      () => element.evaluate((element) => element?.textContent),
      'ended',
    )
    assert.deepEqual(await received(), [`started ${id}`])
    await tick(page, 'On the page', true)
    await untilShown(page, 'State', 'active')
    assert.notEqual(await activeId(page), id)
    assert.equal(connections(), 2)
    assert.deepEqual(complaints(), [])
  })
}

/** Runs the tests that server-rendered pages pass. */
export const testServerRendering = async ({ name, title }: Framework): Promise<void> => {
  const pages = await startPages()
  const path = `/${name}`

  test(`${title}: on a server the element renders as a tag, and its import adds no globals`, async () => {
    const { render } = await rendererOf(name)
    const html = await render({
      endpoint: 'https://chat.example.com',
      appId: 'app',
      user: 'ada',
      token: 'a.b.c',
    })
    const tag = /<chat-session[^>]*>/.exec(html)?.[0] ?? ''
    for (const attribute of [
      'endpoint="https://chat.example.com"',
      'app-id="app"',
      'user-id="ada"',
      'token="a.b.c"',
    ])
      assert.ok(tag.includes(attribute), `${attribute} is not in ${tag}`)
    assert.doesNotMatch(tag, /object|function|=>/i)
    assert.deepEqual(
      ['window', 'document', 'HTMLElement'].filter((name) => name in globalThis),
      [],
    )
  })

  test(`${title}: a server-rendered element starts before the page is hydrated, and hydration changes nothing`, async () => {
    const held = holdClient()
    const { page, received, connections, complaints } = await visit(pages, path, {
      user: 'alice',
      prepare: held.prepare,
    })
    await page.locator('#app').waitFor({ state: 'attached' })
    const before = await page.evaluate<string>(outerHtml('chat-session'))
    await addGatewayScript(page, pages)
    const id = await activeId(page)
    assert.equal(await page.getByLabel('State', { exact: true }).textContent(), 'none')
    await pages.say('alice', 'Before the page')

    held.release()
    await untilShown(page, 'State', 'active')
    await untilRead(page, 'bob: Before the page')
    await pages.say('alice', 'After it')
    await untilRead(page, 'bob: After it')
    assert.equal(await page.evaluate<string>(outerHtml('chat-session')), before)
    assert.equal(await activeId(page), id)
    assert.deepEqual(await received(), [`started ${id}`])
    assert.equal(connections(), 1)
    assert.deepEqual(complaints(), [])
  })
}

/** Tests the component of docs/FRAMEWORKS.md, whose peer is Bob. */
export const testDocumented = async ({ name, title }: Framework): Promise<void> => {
  const pages = await startPages()

  test(`${title}: the component in the documentation keeps the messages with one user, sends and marks them as read`, async () => {
    await pages.say('alice', 'Before')
    await pages.publish({ to: 'alice', from: 'carol', body: 'From somebody else' })
    const alice = await visit(pages, `/${name}-documented`, {
      user: 'alice',
      prepare: (page) =>
        page.route('**/client.js', async (route) => {
          const response = await route.fetch()
          const code = await response.text()
          const ours = code.replaceAll('https://chat.example.com', pages.endpoint)
          await route.fulfill({ response, body: ours.replaceAll('hF83jaq', pages.appId) })
        }),
    })
    await activeId(alice.page)
    const shown = (): Promise<string> =>
      alice.page
        .getByRole('listitem')
        .allTextContents()
        .then((texts) => texts.join())
    await until('the messages', shown, 'Before')
    await pages.publish({ to: 'alice', from: 'carol', body: 'From somebody else again' })
    await pages.say('alice', 'After')
    await until('the messages', shown, 'Before,After')
    await alice.page.getByLabel('Message').fill('An answer')
    await press(alice.page, 'Send')
    await until('the messages', shown, 'Before,After,An answer')
    // Carol's messages stay unread.
    await alice.page.getByText('active, 2 unread').waitFor()
    await alice.page.evaluate(() => document.querySelector('chat-session')?.end())
    await until('messages of a user who is gone', shown, '')
    assert.deepEqual(alice.complaints(), [])
  })
}
