import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { newContext } from '../support/browser.js'
import {
  activeId,
  receivedIn,
  messagesIn,
  openActive,
  sender,
  serveSite,
  startDurableGateway,
  tokenFor,
  untilReceived,
  withToken,
  type Answer,
  type Render,
  type Site,
} from './session-site.js'
import { until } from '../support/until.js'
import { chatOf, untilState } from './site.js'

/** Seconds: half of them, after which the next token is asked for, are the time that there is to renew it. */
const SHORT = 6

const freshToken = async (): Promise<Answer> => ({
  status: 200,
  body: await tokenFor('ada', { expiresIn: SHORT }),
})

/** Pages whose tag names the user, and whose script has a fetcher that asks `/api/token` and throws what it answers badly. */
const withFetcher: Render = () => Promise.resolve({ 'user-id': 'ada' })
const fetcher = `
  document.querySelector('chat-session').tokenFetcher = async () => {
    const response = await fetch('/api/token')
    if (!response.ok) throw new Error('The backend answered ' + response.status)
    return (await response.json()).token
  }`
const jsonOf = async (token: Promise<string> | null): Promise<Answer> => ({
  status: 200,
  body: JSON.stringify({ token: await token }),
})

/** The page says that it is hidden, as one does in the background; this browser can't hide it. Its timers aren't throttled. */
const hide = (page: Page): Promise<void> =>
  page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' })
    Object.defineProperty(document, 'hidden', { configurable: true, value: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })

const open = async ({ url }: Site): Promise<Page> => {
  const page = await (await newContext()).newPage()
  await page.goto(url)
  return page
}

test('a token that lapses in seconds is renewed again and again while the tab is hidden', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  let asked = 0
  const site = await serveSite(
    gateway,
    async () => ({ token: await tokenFor('ada', { expiresIn: SHORT }), 'token-url': '/api/token' }),
    () => ((asked += 1), freshToken()),
  )
  const { page, id } = await openActive(site)
  await hide(page)
  const lapsed = Date.now() + SHORT * 1_000
  await until('the first token and the next have lapsed', () => asked >= 3 && Date.now() > lapsed, true)
  await bob.send({ to: 'ada', body: 'still there?' })
  await untilReceived(page, 'message still there?')
  assert.equal((await chatOf(page)).id, id)
  assert.deepEqual(await receivedIn(page), ['starting', 'active', 'unread 1', 'message still there?'])
})

test('a fetcher that fails twice and then answers starts the session, and tells of each failure', async () => {
  const gateway = await startDurableGateway()
  let asked = 0
  const site = await serveSite(
    gateway,
    withFetcher,
    () => ((asked += 1), asked <= 2 ? { status: 500 } : jsonOf(tokenFor('ada'))),
    fetcher,
  )
  const page = await open(site)
  await untilState(page, 'active')
  const received = await receivedIn(page)
  assert.deepEqual(
    received.filter((line) => !line.startsWith('starting')),
    ['error unavailable', 'error unavailable', 'active'],
  )
  assert.equal(asked, 3)
})

/** The pauses between asks that fail, without the luck of the draw: there is time for three before the token lapses. */
const shortPauses = 'Math.random = () => 0.1\n'

test('a fetcher that fails twice when a live session wants its next token costs nothing', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  let asked = 0
  const site = await serveSite(
    gateway,
    withFetcher,
    () => (
      (asked += 1),
      asked === 1
        ? jsonOf(tokenFor('ada', { expiresIn: SHORT }))
        : asked <= 3
          ? { status: 503 }
          : jsonOf(tokenFor('ada'))
    ),
    shortPauses + fetcher,
  )
  const { page, id } = await openActive(site)
  await until('what was asked', () => asked, 4)
  assert.equal(await activeId(page), id)
  await bob.send({ to: 'ada', body: 'still there?' })
  await untilReceived(page, 'message still there?')
  const received = await receivedIn(page)
  assert.equal(received.filter((line) => line === 'error unavailable').length, 2)
  assert.ok(!received.some((line) => line.startsWith('over')), received.join(', '))
})

// The session of the lapsed token is over at the gateway; who is at the page hears of no end, and misses nothing.
test('an outage of the backend that outlasts the token logs nobody out', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  let isDown = false
  const site = await serveSite(
    gateway,
    withFetcher,
    () => (isDown ? { status: 502 } : jsonOf(tokenFor('ada', { expiresIn: SHORT }))),
    fetcher,
  )
  const { page } = await openActive(site)
  isDown = true
  await untilState(page, 'reconnecting')
  await bob.send({ to: 'ada', body: 'meanwhile' })
  isDown = false
  await untilReceived(page, 'message meanwhile')
  await untilState(page, 'active')
  assert.deepEqual(await messagesIn(page), ['message meanwhile'])
  assert.ok(!(await receivedIn(page)).some((line) => line.startsWith('over')))
})

test('a fetcher that says signed out ends a live session, and a start fails by it', async () => {
  const gateway = await startDurableGateway()
  let isIn = true
  const site = await serveSite(
    gateway,
    withFetcher,
    () => jsonOf(isIn ? tokenFor('ada', { expiresIn: SHORT }) : null),
    fetcher,
  )
  const { page } = await openActive(site)
  isIn = false
  await untilReceived(page, 'over: signed-out')
  assert.deepEqual(await receivedIn(page), ['starting', 'active', 'ended', 'over: signed-out'])
  await page.reload()
  await untilReceived(page, 'failed: signed-out')
})

test('a token-url that leads to a login page means signed out, and the login page is not fetched', async () => {
  const gateway = await startDurableGateway()
  let isIn = true
  const asked: string[] = []
  const site = await serveSite(
    gateway,
    () => Promise.resolve({ 'user-id': 'ada', 'token-url': '/api/token' }),
    (path) => {
      asked.push(path)
      if (path !== '/api/token') return { status: 200, body: '<h1>Log in</h1>' }
      return isIn ? freshToken() : { status: 302, headers: { location: '/api/login' } }
    },
  )
  const { page } = await openActive(site)
  isIn = false
  await untilReceived(page, 'over: signed-out')
  assert.deepEqual(await receivedIn(page), ['starting', 'active', 'ended', 'over: signed-out'])
  await page.reload()
  await untilReceived(page, 'failed: signed-out')
  assert.deepEqual(new Set(asked), new Set(['/api/token']))
})

test('a token that nothing can renew ends the session when it lapses, and says why', async () => {
  const gateway = await startDurableGateway()
  const site = await serveSite(gateway, withToken('ada', SHORT))
  const { page } = await openActive(site)
  await untilReceived(page, 'over: token-expired')
})
