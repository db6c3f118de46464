/*
 * Messages that are not stored when their page is left. The page reaches the gateway through a proxy, which a test closes, and loads its
 * script from the gateway itself, so that pages load while there is no connection.
 */
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { newContext } from '../../support/browsers/browser.js'
import { startProxy } from '../../support/network/proxy.js'
import { field, restOf } from '../../support/rest/rest-calls.js'
import { untilState } from '../../support/sites/page-state.js'
import {
  activeId,
  serveSite,
  startDurableGateway,
  storedIn,
  withToken,
  type Render,
  type Site,
} from '../../support/sites/rendered-site.js'
import { until } from '../../support/until.js'

/** What the proxy lets through: everything, posts alone, or nothing. */
type Passage = 'open' | 'posts' | 'closed'

interface Route {
  site: Site
  page: Page
  /** Changes what the proxy lets through, and cuts the connections. */
  let(passage: Passage): void
  /** The heads of the requests that came to the proxy. */
  heads: string[]
  /** The bodies of the messages that bob has received. */
  bodies(): Promise<unknown[]>
}

const outboxEvents = `<script>
  window.outbox = []
  document.addEventListener('session-pending', ({ detail: { count, reason, failed } }) =>
    outbox.push([count, reason, ...failed.map(({ to, error }) => to + ' ' + error.code)].join(' ')))
  document.addEventListener('session-sent', ({ detail }) => outbox.push('sent ' + detail.id))
</script>`

/** Serves pages of ada's, and opens the first. */
const openRoute = async (): Promise<Route> => {
  const gateway = await startDurableGateway()
  let passage: Passage = 'open'
  const proxy = await startProxy(
    gateway.url,
    (head) => passage === 'closed' || (passage === 'posts' && !head.startsWith('POST')),
  )
  const render: Render = async (path) => {
    const attributes = path === '/plain' ? undefined : await withToken('ada')(path)
    return attributes && { ...attributes, endpoint: proxy.url }
  }
  const site = await serveSite(gateway, render, undefined, '', outboxEvents)
  const page = await (await newContext()).newPage()
  await page.goto(site.url)
  await activeId(page)
  return {
    ...{ site, page, heads: proxy.heads },
    let(next) {
      passage = next
      proxy.cut()
    },
    async bodies() {
      const answer = await restOf(gateway.url)('GET', '/users/bob/messages')
      return answer.status === 404
        ? []
        : (field(answer, 'messages') as { body: string }[]).map(({ body }) => body)
    },
  }
}

/** Sends to bob from a page, and does not wait for the outcome. The body is the id. */
const sendLater = (page: Page, ...ids: string[]): Promise<void> =>
  page.evaluate((ids) => {
    const element = document.querySelector<ChatSessionElement>('chat-session')
    for (const id of ids) element?.send({ to: 'bob', id, body: id }).catch(() => undefined)
  }, ids)

const pendingIn = (page: Page): Promise<number | undefined> =>
  page.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.pending)

const outboxIn = (page: Page): Promise<string[]> => page.evaluate<string[]>('window.outbox')

const untilOutbox = (page: Page, line: string): Promise<void> =>
  until(`"${line}" was reported`, async () => (await outboxIn(page)).includes(line), true)

test('messages that were sent without a connection are sent by a later page, in order and before its own', async () => {
  const route = await openRoute()
  const { page, site, bodies } = route
  // The messages of earlier pages don't wait for the script of the calls.
  await page.route('**/chat-session-calls-*', (script) => script.abort())
  route.let('closed')
  await untilState(page, 'reconnecting')
  await sendLater(page, 'one')
  await untilOutbox(page, '1 reconnecting')
  await page.goto(`${site.url}/next`)
  await until('what waits', () => pendingIn(page), 1)
  await sendLater(page, 'two')
  await page.goto(`${site.url}/plain`)
  await page.goto(`${site.url}/last`)
  await until('what waits', () => pendingIn(page), 2)
  await sendLater(page, 'three')
  assert.deepEqual(await bodies(), [])
  route.let('open')
  await untilOutbox(page, 'sent three')
  assert.deepEqual(await bodies(), ['one', 'two', 'three'])
  const events = await outboxIn(page)
  assert.deepEqual(
    events.filter((line) => line.startsWith('sent')),
    ['sent one', 'sent two', 'sent three'],
  )
  assert.equal(events.at(-1), '0 ')
  assert.deepEqual(await storedIn(page), [])
  await page.goto(`${site.url}/again`)
  await activeId(page)
  assert.deepEqual(await outboxIn(page), [], 'one page alone takes them')
})

test('a page that is left posts its messages, which are stored though no page follows, and not twice if one does', async () => {
  const route = await openRoute()
  const { page, site, bodies, heads } = route
  await page.evaluate(() => (document.cookie = 'site=1'))
  route.let('posts')
  await untilState(page, 'reconnecting')
  await sendLater(page, 'one', 'two')
  await page.goto('about:blank')
  await until('what bob received', async () => (await bodies()).join(), 'one,two')
  const [post] = heads.filter((head) => head.startsWith('POST /v1/session/send '))
  assert.ok(post)
  assert.doesNotMatch(post, /^cookie:/im)
  route.let('open')
  await page.goto(`${site.url}/next`)
  await untilOutbox(page, 'sent two')
  assert.deepEqual(await bodies(), ['one', 'two'])
})
