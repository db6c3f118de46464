import { strict as assert } from 'node:assert'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import {
  activeId,
  receivedIn,
  messagesIn,
  openActive,
  sender,
  serveSite,
  startDurableGateway,
  untilReceived,
  withToken,
  type Answer,
  type Render,
} from '../../support/sites/rendered-site.js'
import { until } from '../../support/until.js'
import { tokenFor } from '../../support/tokens.js'
import { chatOf, untilState } from '../../support/sites/page-state.js'

/** Seconds for which a token is valid. The session fetches the next token after half of them. */
const SHORT = 8

const freshToken = async (): Promise<Answer> => ({
  status: 200,
  body: await tokenFor('ada', { expiresIn: SHORT }),
})

/** Pages whose tag names the user, and whose script sets a `tokenFetcher` for `/api/token`. It throws at an error status. */
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

/** Makes the page report that it is hidden. This browser can't hide a page, and does not throttle its timers. */
const hide = (page: Page): Promise<void> =>
  page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' })
    Object.defineProperty(document, 'hidden', { configurable: true, value: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })

const context = await newContext()

/** Makes the backoff short: three attempts fit before the token expires, and after an outage no test waits long for the next one. */
const shortBackoff = 'Math.random = () => 0.1\n'

// They wait for tokens to expire.
void describe('tokens that expire, and their sources', { concurrency: 4 }, () => {
  test('a token that expires in seconds is refreshed repeatedly while the tab is hidden', async () => {
    const gateway = await startDurableGateway()
    const bob = await sender(gateway)
    let asked = 0
    const site = await serveSite(
      gateway,
      async () => ({ token: await tokenFor('ada', { expiresIn: SHORT }), 'token-url': '/api/token' }),
      () => ((asked += 1), freshToken()),
    )
    const { page, id } = await openActive(site, context)
    await hide(page)
    const expiry = Date.now() + SHORT * 1_000
    await until('the first token and the next have expired', () => asked >= 3 && Date.now() > expiry, true)
    await bob.send({ to: 'ada', body: 'still there?' })
    await untilReceived(page, 'message still there?')
    assert.equal((await chatOf(page)).id, id)
    assert.deepEqual(await receivedIn(page), ['starting', 'active', 'unread 1', 'message still there?'])
  })

  test('a tokenFetcher that fails twice at a token refresh does not end the session', async () => {
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
      shortBackoff + fetcher,
    )
    const { page, id } = await openActive(site, context)
    await until('calls of the token source', () => asked, 4)
    assert.equal(await activeId(page), id)
    await bob.send({ to: 'ada', body: 'still there?' })
    await untilReceived(page, 'message still there?')
    const received = await receivedIn(page)
    assert.equal(received.filter((line) => line === 'error unavailable').length, 2)
    assert.ok(!received.some((line) => line.startsWith('over')), received.join(', '))
  })

  // The gateway ends the session of the expired token. The page gets a new session without an `ended` event.
  test('an outage of the backend beyond the token’s expiry logs no user out', async () => {
    const gateway = await startDurableGateway()
    const bob = await sender(gateway)
    let isDown = false
    const site = await serveSite(
      gateway,
      withFetcher,
      () => (isDown ? { status: 502 } : jsonOf(tokenFor('ada', { expiresIn: SHORT }))),
      shortBackoff + fetcher,
    )
    const { page } = await openActive(site, context)
    isDown = true
    await untilState(page, 'reconnecting')
    await bob.send({ to: 'ada', body: 'meanwhile' })
    isDown = false
    await untilReceived(page, 'message meanwhile')
    await untilState(page, 'active')
    assert.deepEqual(await messagesIn(page), ['message meanwhile'])
    assert.ok(!(await receivedIn(page)).some((line) => line.startsWith('over')))
  })

  test('a tokenFetcher that returns null ends a live session, and fails a start, as signed-out', async () => {
    const gateway = await startDurableGateway()
    let isIn = true
    const site = await serveSite(
      gateway,
      withFetcher,
      () => jsonOf(isIn ? tokenFor('ada', { expiresIn: SHORT }) : null),
      fetcher,
    )
    const { page } = await openActive(site, context)
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
    const { page } = await openActive(site, context)
    isIn = false
    await untilReceived(page, 'over: signed-out')
    assert.deepEqual(await receivedIn(page), ['starting', 'active', 'ended', 'over: signed-out'])
    await page.reload()
    await untilReceived(page, 'failed: signed-out')
    assert.deepEqual(new Set(asked), new Set(['/api/token']))
  })

  test('a session without a token source ends as token-expired', async () => {
    const gateway = await startDurableGateway()
    const site = await serveSite(gateway, withToken('ada', SHORT))
    const { page } = await openActive(site, context)
    await untilReceived(page, 'over: token-expired')
  })
})
