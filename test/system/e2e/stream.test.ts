/** The script of the script tag in networks that do not let WebSockets through. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { createMemoryEngine } from '../../../src/engine/index.js'
import { newContext } from '../../support/browsers/browser.js'
import {
  startHostileProxy,
  type HostileProxy,
  type UpgradeMode,
} from '../../support/network/hostile-proxy.js'
import { startGateway } from '../../support/gateway.js'
import { siteOf, startSite, startSiteGateway } from '../../support/sites/element-page.js'
import { untilState } from '../../support/sites/page-state.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

type ChatElement = HTMLElementTagNameMap['chat-session']

declare global {
  interface Window {
    errors: string[]
    requests: RequestInit[]
    isSlow: boolean
  }
}

/** Starts a gateway behind a proxy, and a site with pages whose script comes through it. */
const startNetwork = async (upgrades: UpgradeMode): Promise<{ proxy: HostileProxy; site: string }> => {
  const proxy = await startHostileProxy(await startSiteGateway(), { upgrades })
  const site = await startSite(
    siteOf({
      '/': {
        html: `<!doctype html><title>Network</title><link rel="icon" href="data:,">
          <script type="module" async src="${proxy.url}/v1/chat-session.js"></script>
          <chat-session app-id="app" user-id="ada" token="${await tokenFor('ada')}"></chat-session>`,
      },
    }),
  )
  return { proxy, site }
}

const context = await newContext()

const newPage = async (): Promise<Page> => {
  const page = await context.newPage()
  await page.addInitScript(() => {
    const errors: string[] = (window.errors = [])
    document.addEventListener('session-error', ({ detail }) => errors.push(detail.error.code))
  })
  return page
}

const transportOf = (page: Page): Promise<unknown> =>
  page.locator('chat-session').evaluate((element: ChatElement) => element.session?.transport)

/** Sends a message to the page's own user, which shows that both directions work. */
const sends = (page: Page): Promise<unknown> =>
  page.locator('chat-session').evaluate(async (element: ChatElement) => {
    const received = new Promise<unknown>((resolve) =>
      element.addEventListener('session-message', ({ detail }) => resolve(detail.message.body)),
    )
    await element.send({ to: 'ada', body: 'Both ways' })
    return received
  })

// Most of them wait for seconds. More at once would make a slow machine too slow for a WebSocket to win its race.
void describe('in a network that hinders WebSockets', { concurrency: 4 }, () => {
  test('a network that swallows WebSockets keeps no page out, and the next page of the tab begins with a stream', async () => {
    const { proxy, site } = await startNetwork('swallow')
    const page = await newPage()
    const parts: string[] = []
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.includes('chat-session-')) parts.push(pathname)
    })
    await page.goto(site)
    await untilState(page, 'active')
    assert.equal(await transportOf(page), 'stream')
    assert.equal(await sends(page), 'Both ways')
    assert.equal(parts.length, 1)
    assert.match(parts[0] ?? '', /^\/v1\/chat-session-stream-/)

    const id = await page.locator('chat-session').evaluate(({ sessionId }: ChatElement) => sessionId)
    const tried = proxy.handshakes()
    await page.goto(site)
    await untilState(page, 'active')
    assert.equal(await transportOf(page), 'stream')
    assert.equal(await page.locator('chat-session').evaluate(({ sessionId }: ChatElement) => sessionId), id)
    assert.equal(proxy.handshakes(), tried)
    assert.deepEqual(await page.evaluate(() => window.errors), [])
    await page.close()
  })

  test('a page that is left while a stream carries its session tells the gateway, which soon ends the session', async () => {
    const engine = createMemoryEngine()
    const gateway = await startGateway({}, { leaveWindow: 1, resumeWindow: 600 }, { engine })
    const html = `<!doctype html><title>Left</title><link rel="icon" href="data:,">
      <script type="module" src="${gateway.url}/v1/chat-session.js"></script>
      <chat-session app-id="app" token="${await tokenFor('leo')}" transports="stream"></chat-session>`
    const site = await startSite(
      siteOf({ '/': { html }, '/plain': { html: '<!doctype html><title>Plain</title>' } }),
    )
    const page = await newPage()
    let streams = 0
    page.on('request', (request) => (streams += Number(request.url().endsWith('/v1/session/stream'))))
    await page.goto(site)
    await untilState(page, 'active')
    await page.goto(`${site}/plain`)
    await until(
      'the sessions of the user',
      async () => (await engine.sessions({ appId: 'app', userId: 'leo' })).length,
      0,
    )
    assert.equal(streams, 1, 'the page that is left begins no other stream')
    await page.close()
  })

  test('where a WebSocket has worked in the tab, three that hang begin a stream, after a log-out too', async () => {
    const { proxy, site } = await startNetwork('pass')
    const page = await newPage()
    await page.goto(site)
    await untilState(page, 'active')
    assert.equal(await transportOf(page), 'websocket')
    // A session that has ended is not resumed: the tab remembers that its WebSocket worked.
    await page.locator('chat-session').evaluate((element: ChatElement) => element.end())
    proxy.upgrades = 'swallow'
    const tried = proxy.handshakes()
    await page.goto(site)
    await untilState(page, 'active')
    assert.equal(await transportOf(page), 'stream')
    assert.equal(proxy.handshakes() - tried, 3)
    await page.close()
  })

  test('a tab is active though the WebSocket of another one hangs', async () => {
    const { site } = await startNetwork('swallow')
    const pages = [await newPage(), await newPage()]
    // A browser opens one WebSocket to a host at a time.
    await Promise.all(pages.map((page) => page.goto(site)))
    await Promise.all(pages.map((page) => untilState(page, 'active')))
    for (const page of pages) assert.equal(await sends(page), 'Both ways')
    await Promise.all(pages.map((page) => page.close()))
  })

  test('a WebSocket takes the session over when the network is back, and the next page begins with it', async () => {
    const { proxy, site } = await startNetwork(403)
    const page = await newPage()
    await page.goto(site)
    await untilState(page, 'active')
    assert.equal(await transportOf(page), 'stream')
    const id = await page.locator('chat-session').evaluate(({ sessionId }: ChatElement) => sessionId)
    await page.evaluate(() =>
      document.addEventListener('session-state', ({ detail }) => window.errors.push(detail.state)),
    )
    proxy.upgrades = 'pass'
    await page.evaluate(() => dispatchEvent(new Event('online')))
    await until('the WebSocket has taken over', async () => (await transportOf(page)) === 'websocket')
    assert.equal(await sends(page), 'Both ways')
    assert.equal(await page.locator('chat-session').evaluate(({ sessionId }: ChatElement) => sessionId), id)
    // The page has noticed nothing.
    assert.deepEqual(await page.evaluate(() => window.errors), [])

    const streams = proxy.requests.filter((line) => line.startsWith('POST /v1/session/stream ')).length
    await page.goto(site)
    await untilState(page, 'active')
    assert.equal(await transportOf(page), 'websocket')
    assert.equal(proxy.requests.filter((line) => line.startsWith('POST /v1/session/stream ')).length, streams)
    await page.close()
  })

  test('at `pagehide` a page holds neither its stream nor its lock, and what is on its way goes once more', async () => {
    const { site } = await startNetwork(403)
    const page = await newPage()
    await page.addInitScript(() => {
      const { fetch } = window
      Object.assign(window, { requests: [], isSlow: false })
      window.fetch = (input, init = {}) => {
        window.requests.push(init)
        return window.isSlow ? new Promise(() => undefined) : fetch(input, init)
      }
    })
    await page.goto(site)
    await untilState(page, 'active')
    assert.equal(await sends(page), 'Both ways')
    const { isOpen, kept, locks } = await page.evaluate(async () => {
      window.isSlow = true
      // The request of the stream alone goes with cookies.
      window.requests = window.requests.filter(({ credentials }) => credentials === 'include')
      const element = document.querySelector<ChatElement>('chat-session')
      element?.send({ to: 'ada', body: 'Last' }).catch(() => undefined)
      dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
      await new Promise((resolve) => setTimeout(resolve))
      const { held = [] } = await navigator.locks.query()
      const [others, kept] = [false, true].map((is) =>
        window.requests.filter(({ keepalive = false }) => keepalive === is),
      )
      return {
        isOpen: others?.some(({ signal }) => !signal?.aborted),
        kept: kept?.map(({ body }) => body as string) ?? [],
        locks: held.map(({ name }) => name),
      }
    })
    assert.deepEqual([isOpen, locks], [false, []])
    const frames = kept.map((body) => (JSON.parse(body) as { frames?: { type: string }[] }).frames)
    assert.deepEqual(
      frames.filter((some) => some).map((some) => some?.map(({ type }) => type)),
      [['send'], ['close']],
    )
    await page.close()
  })

  test('if the script of the stream can’t be loaded, a session-error says so, and WebSockets go on', async () => {
    const { proxy, site } = await startNetwork(403)
    const page = await newPage()
    await page.route('**/chat-session-stream-*', (route) => route.fulfill({ status: 404 }))
    await page.goto(site)
    await page.waitForFunction(() => window.errors.length > 0)
    assert.deepEqual([...new Set(await page.evaluate(() => window.errors))], ['script-unavailable'])
    proxy.upgrades = 'pass'
    await untilState(page, 'active')
    assert.equal(await transportOf(page), 'websocket')
    await page.close()
  })

  test('a tab that remembers a stream connects by WebSocket if the script of the stream is gone', async () => {
    const { proxy, site } = await startNetwork(403)
    const page = await newPage()
    await page.goto(site)
    await untilState(page, 'active')
    proxy.upgrades = 'pass'
    await page.route('**/chat-session-stream-*', (route) => route.abort())
    await page.goto(site)
    await untilState(page, 'active')
    assert.equal(await transportOf(page), 'websocket')
    assert.deepEqual(await page.evaluate(() => window.errors), ['script-unavailable'])
    await page.close()
  })
})
