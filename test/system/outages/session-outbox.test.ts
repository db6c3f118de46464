/*
 * Messages that are not stored when their page is left. The page reaches the gateway through a proxy, which a test closes, and loads its
 * script from the gateway itself, so that pages load while there is no connection.
 */
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { newContext } from '../../support/browsers/browser.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'
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
  context: BrowserContext
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

const renderVia =
  (render: Render, endpoint: string): Render =>
  async (path) => {
    const attributes = path === '/plain' ? undefined : await render(path)
    return attributes && { ...attributes, endpoint }
  }

/** Serves pages of ada's, or of another `render`, and opens the first. */
const openRoute = async (render: Render = withToken('ada'), gateway?: { url: string }): Promise<Route> => {
  const scripts = await startDurableGateway()
  const { url } = gateway ?? scripts
  let passage: Passage = 'open'
  const proxy = await startProxy(
    url,
    (head) => passage === 'closed' || (passage === 'posts' && !head.startsWith('POST')),
  )
  const site = await serveSite(scripts, renderVia(render, proxy.url), undefined, '', outboxEvents)
  const context = await newContext()
  const page = await context.newPage()
  await page.goto(site.url)
  await activeId(page)
  return {
    ...{ site, page, context, heads: proxy.heads },
    let(next) {
      passage = next
      proxy.cut()
    },
    async bodies() {
      const answer = await restOf(url)('GET', '/users/bob/messages')
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

/** Leaves messages on the first page, and goes to another one. */
const leave = async ({ page, site, let: change }: Route, path: string, ...ids: string[]): Promise<void> => {
  change('closed')
  await untilState(page, 'reconnecting')
  await sendLater(page, ...ids)
  await untilOutbox(page, `${ids.length} reconnecting`)
  await page.goto(site.url + path)
}

test('messages that were sent without a connection are sent by the next page, in order and before its own', async () => {
  const route = await openRoute()
  const { page, bodies } = route
  await leave(route, '/next', 'one', 'two')
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
  await page.goto(`${route.site.url}/last`)
  await activeId(page)
  assert.deepEqual(await outboxIn(page), [], 'one page alone takes them')
})

test('messages of an earlier page come before those of the next one, which loads no other script', async () => {
  const route = await openRoute()
  const { page, site, bodies } = route
  route.let('closed')
  await untilState(page, 'reconnecting')
  await sendLater(page, 'one')
  await untilOutbox(page, '1 reconnecting')
  await page.route('**/chat-session-calls-*', (script) => script.abort())
  await page.goto(`${site.url}/next`)
  // The messages of both pages wait when the page gets its connection.
  await sendLater(page, 'two')
  await untilOutbox(page, '2 reconnecting')
  route.let('open')
  await untilOutbox(page, 'sent two')
  assert.deepEqual(await bodies(), ['one', 'two'])
})

test('messages of an earlier page come before those of the next one, whose user only the gateway knows', async () => {
  const route = await openRoute(() => Promise.resolve({ guest: '' }))
  const { page, bodies } = route
  await leave(route, '/next', 'one')
  await page.route('**/chat-session-calls-*', (script) => script.abort())
  await sendLater(page, 'two')
  assert.equal(await pendingIn(page), 1, 'it is not known yet whose the first one is')
  route.let('open')
  await untilOutbox(page, 'sent two')
  assert.deepEqual(await bodies(), ['one', 'two'])
  assert.deepEqual(await storedIn(page), [])
})

test('messages go on over pages that have no connection, and over pages without a session', async () => {
  const route = await openRoute()
  const { page, site, bodies } = route
  await leave(route, '/next', 'one')
  await until('what waits', () => pendingIn(page), 1)
  await sendLater(page, 'two')
  await page.goto(`${site.url}/plain`)
  await page.goto(`${site.url}/last`)
  await until('what waits', () => pendingIn(page), 2)
  route.let('open')
  await untilOutbox(page, 'sent two')
  assert.deepEqual(await bodies(), ['one', 'two'])
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

test('a page posts a message that is on its way', async () => {
  const { page, bodies } = await openRoute()
  await page.evaluate(() => {
    // What the page sends is swallowed, and nothing tells the page.
    WebSocket.prototype.send = () => undefined
  })
  await sendLater(page, 'one')
  assert.deepEqual(await outboxIn(page), ['1 '], 'no reason is known why it waits')
  await page.goto('about:blank')
  await until('what bob received', async () => (await bodies()).join(), 'one')
})

for (const state of ['reconnecting', 'starting'])
  test(`a message that is sent while the session is ${state}, by a click that also leaves the page, is posted`, async () => {
    const route = await openRoute()
    const { page, site, bodies } = route
    route.let('posts')
    if (state === 'starting') await page.reload()
    await untilState(page, state)
    await page.evaluate((url) => {
      document
        .querySelector<ChatSessionElement>('chat-session')
        ?.send({ to: 'bob', body: 'one' })
        .catch(() => undefined)
      location.href = url
    }, `${site.url}/plain`)
    await until('what bob received', async () => (await bodies()).join(), 'one')
  })

test('a post takes the first 16 messages', async () => {
  const route = await openRoute()
  const { page, site, bodies } = route
  route.let('posts')
  await untilState(page, 'reconnecting')
  const ids = Array.from({ length: 20 }, (_, index) => `m${index}`)
  await sendLater(page, ...ids)
  await page.goto(`${site.url}/plain`)
  await until('what bob received', async () => (await bodies()).join(), ids.slice(0, 16).join())
  route.let('open')
  await page.goto(`${site.url}/next`)
  await untilOutbox(page, 'sent m19')
  assert.deepEqual(await bodies(), ids)
})

test('a post takes no more than 60 kB of messages', async () => {
  const route = await openRoute()
  const { page, site, bodies } = route
  route.let('posts')
  await untilState(page, 'reconnecting')
  await page.evaluate(() => {
    const element = document.querySelector<ChatSessionElement>('chat-session')
    for (const id of ['a', 'b', 'c', 'd', 'e'])
      element?.send({ to: 'bob', id, body: id.repeat(15_000) }).catch(() => undefined)
  })
  await page.goto(`${site.url}/plain`)
  const lengths = async (): Promise<string> =>
    (await bodies()).map((body) => `${String(body)[0]}${String(body).length}`).join()
  await until('what bob received', lengths, 'a15000,b15000,c15000,d15000')
  route.let('open')
  await page.goto(`${site.url}/next`)
  await untilOutbox(page, 'sent e')
  assert.equal(await lengths(), 'a15000,b15000,c15000,d15000,e15000')
})

test('a message outlives the kill of the gateway and the page that sent it', async () => {
  const gateway = await gatewayProcess()
  await gateway.start()
  const { page, site, bodies } = await openRoute(undefined, { url: gateway.endpoint })
  await gateway.stop('SIGKILL')
  await untilState(page, 'reconnecting')
  await sendLater(page, 'one')
  await page.goto(`${site.url}/next`)
  await gateway.start()
  await untilOutbox(page, 'sent one')
  assert.deepEqual(await bodies(), ['one'])
  await gateway.stop('SIGTERM')
})

test('a log-out deletes what waits, on the page that sent it and on the next', async () => {
  const route = await openRoute()
  const { page, site, bodies } = route
  const logOut = (): Promise<unknown> =>
    page.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.end())
  await leave(route, '/next', 'one')
  await until('what waits', () => pendingIn(page), 1)
  await logOut()
  await untilOutbox(page, '0  bob ended')
  await page.goto(`${site.url}/plain`)
  assert.ok(!(await storedIn(page)).join().includes('one'))
  await page.goto(`${site.url}/again`)
  await sendLater(page, 'two')
  await logOut()
  await page.goto(`${site.url}/plain`)
  assert.ok(!(await storedIn(page)).join().includes('two'))
  route.let('open')
  await page.goto(`${site.url}/last`)
  await activeId(page)
  await sendLater(page, 'three')
  await untilOutbox(page, 'sent three')
  assert.deepEqual(await bodies(), ['three'])
})

test('another user who logs in neither sends the messages of the former nor leaves them in the tab', async () => {
  const route = await openRoute((path) => withToken(path === '/eve' ? 'eve' : 'ada')(path))
  const { page, site, bodies } = route
  await leave(route, '/eve', 'one')
  assert.ok((await storedIn(page)).join().includes('one'), 'eve has not proved who she is')
  route.let('open')
  await activeId(page)
  assert.ok(!(await storedIn(page)).join().includes('one'))
  await page.goto(`${site.url}/ada`)
  await activeId(page)
  await sendLater(page, 'two')
  await untilOutbox(page, 'sent two')
  assert.deepEqual(await bodies(), ['two'])
})

test('a guest is not told of the messages of the user who was there before', async () => {
  const route = await openRoute((path) =>
    path === '/guest' ? Promise.resolve({ guest: '' }) : withToken('ada')(path),
  )
  const { page, site, bodies } = route
  await leave(route, '/plain', 'one')
  route.let('open')
  await page.goto(`${site.url}/guest`)
  await activeId(page)
  await sendLater(page, 'two')
  await untilOutbox(page, 'sent two')
  assert.deepEqual(
    (await outboxIn(page)).filter((line) => line.includes('bob')),
    [],
  )
  assert.deepEqual(await bodies(), ['two'])
  assert.ok(!(await storedIn(page)).join().includes('one'))
})

test('the message of a guest without a name is sent as that guest', async () => {
  const route = await openRoute(() => Promise.resolve({ guest: '' }))
  const { page, bodies } = route
  const guest = (): Promise<unknown> =>
    page.evaluate(() => document.querySelector<ChatSessionElement>('chat-session')?.session?.user?.id)
  const former = await guest()
  await leave(route, '/next', 'one')
  route.let('open')
  await untilOutbox(page, 'sent one')
  assert.equal(await guest(), former)
  assert.deepEqual(await bodies(), ['one'])
})

test('a message of a guest who is no longer kept is not sent as another guest', async () => {
  const route = await openRoute(() => Promise.resolve({ guest: '' }))
  const { page, site, bodies } = route
  await leave(route, '/plain', 'one')
  // The next page finds the messages of the guest, and nothing that proves who the guest is.
  await page.evaluate(() => {
    for (const key of Object.keys(sessionStorage))
      if (sessionStorage.getItem(key)?.includes('token')) sessionStorage.removeItem(key)
  })
  route.let('open')
  await page.goto(`${site.url}/next`)
  await activeId(page)
  await untilOutbox(page, '0  bob unknown-outcome')
  assert.deepEqual(await bodies(), [])
})

test('a message past the send window is reported as unknown-outcome, and is not sent again', async () => {
  const route = await openRoute()
  const { page, site, bodies } = route
  await leave(route, '/plain', 'one', 'two')
  // The first message was sent two hours ago; the window is an hour.
  await page.evaluate(() => {
    for (const [key, json] of Object.entries(sessionStorage) as [string, string][]) {
      if (!json.includes('writtenAt')) continue
      const record = JSON.parse(json) as { sends: { writtenAt: number }[] }
      const [first] = record.sends
      if (first) first.writtenAt -= 7_200_000
      sessionStorage.setItem(key, JSON.stringify(record))
    }
  })
  route.let('open')
  await page.goto(`${site.url}/next`)
  await untilOutbox(page, 'sent two')
  assert.ok((await outboxIn(page)).some((line) => line.endsWith('bob unknown-outcome')))
  assert.deepEqual(await bodies(), ['two'])
})

// `window.open` copies the sessionStorage to the new tab, as duplicating a tab does.
test('a duplicated tab has its own copy of what waits, and the message is stored once', async () => {
  const route = await openRoute()
  const { page, site, context, bodies } = route
  await leave(route, '/plain', 'one')
  const opened = context.waitForEvent('page')
  await page.evaluate((url) => void window.open(url), `${site.url}/copy`)
  const copy = await opened
  await page.goto(`${site.url}/next`)
  for (const each of [page, copy]) await until('what waits', () => pendingIn(each), 1)
  route.let('open')
  for (const each of [page, copy]) await untilOutbox(each, 'sent one')
  assert.deepEqual(await bodies(), ['one'])
})

test('a page whose storage is forbidden works, and posts what it leaves', async () => {
  const route = await openRoute()
  const { page, site, context, bodies } = route
  await context.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException('No.', 'QuotaExceededError')
    }
  })
  await page.goto(`${site.url}/full`)
  await activeId(page)
  route.let('posts')
  await untilState(page, 'reconnecting')
  await sendLater(page, 'one')
  await page.goto(`${site.url}/plain`)
  await until('what bob received', async () => (await bodies()).join(), 'one')
})
