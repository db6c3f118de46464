/** The tabs of one browser that share the connections which HTTP/1.1 leaves for streams. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import { startHostileProxy, type HostileProxy } from '../../support/network/hostile-proxy.js'
import { siteOf, startSite, startSiteGateway } from '../../support/sites/element-page.js'
import { untilState } from '../../support/sites/page-state.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

type ChatElement = HTMLElementTagNameMap['chat-session']

/**
 * How long the minute takes after which a hidden page sleeps, in milliseconds. The last of six tabs that sleep waits for five of these
 * before it sends: longer than the 20 seconds that an attempt may take.
 */
const MINUTE = 4_000

const context = await newContext()
await context.addInitScript((minute) => {
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const real = window[name] as (callback: () => void, delay?: number) => number
    Object.assign(window, {
      [name]: (callback: () => void, delay?: number) => real(callback, delay === 60_000 ? minute : delay),
    })
  }
}, MINUTE)

interface Network {
  proxy: HostileProxy
  /** Opens a page in a new tab. */
  open(): Promise<Page>
}

/** Starts a gateway that no WebSocket reaches, and a site with a page. */
const startNetwork = async (attribute = ''): Promise<Network> => {
  const proxy = await startHostileProxy(await startSiteGateway(), { upgrades: 403 })
  const site = await startSite(
    siteOf({
      '/': {
        html: `<!doctype html><title>Tab</title><link rel="icon" href="data:,">
          <script type="module" async src="${proxy.url}/v1/chat-session.js"></script>
          <chat-session app-id="app" user-id="ada" token="${await tokenFor('ada')}" ${attribute}></chat-session>`,
      },
    }),
  )
  return {
    proxy,
    open: async () => {
      const page = await context.newPage()
      await page.goto(site)
      return page
    },
  }
}

/** A test can't hide a page of Playwright: the property and the event are set and dispatched by hand. */
const show = (page: Page, state: DocumentVisibilityState): Promise<void> =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'visibilityState', { value, configurable: true })
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
  }, state)

const isAsleep = (page: Page): Promise<boolean> =>
  page.locator('chat-session').evaluate((element: ChatElement) => element.sleeping)

const locksOf = (page: Page): Promise<(string | undefined)[]> =>
  page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query()
    return held.map(({ name }) => name)
  })

void describe('tabs without WebSockets', { concurrency: true }, () => {
  test('of eight tabs that sleep while they are hidden one stays connected, and all send', async () => {
    const { proxy, open } = await startNetwork('sleep-hidden')
    const pages: Page[] = []
    for (let number = 0; number < 8; number += 1) {
      for (const page of pages.slice(-1)) await show(page, 'hidden')
      const page = await open()
      await untilState(page, 'active')
      pages.push(page)
    }
    const asleep = async (): Promise<number> =>
      (await Promise.all(pages.map(isAsleep))).filter((sleeps) => sleeps).length
    await until('all sleep but the one that is seen and one that is hidden', asleep, 6)
    const [first] = pages
    assert.ok(first)
    const streams = (await locksOf(first)).filter((name) => name?.startsWith('chat-session:stream:'))
    assert.equal(streams.length, 2)

    // There is one connection left for those who sleep: the wait for it is longer than an attempt may take.
    const tried = proxy.handshakes()
    const sent = await Promise.all(
      pages.map((page, number) =>
        page
          .locator('chat-session')
          .evaluate(
            (element: ChatElement, body) => element.send({ to: 'ada', body }).then(({ offset }) => offset),
            `from tab ${number}`,
          ),
      ),
    )
    assert.deepEqual(
      sent.sort((one, other) => one - other),
      [1, 2, 3, 4, 5, 6, 7, 8],
    )
    // A tab that waits goes on waiting, and opens no WebSockets meanwhile.
    assert.equal(proxy.handshakes(), tried)
    await until('they sleep again', asleep, 6)
    await Promise.all(pages.map((page) => page.close()))
  })

  test('a hidden tab lets a tab that waits have its stream, and waits itself until it is seen', async () => {
    const { proxy, open } = await startNetwork()
    const pages = [await open(), await open(), await open()]
    await Promise.all(pages.map((page) => untilState(page, 'active')))
    const [first, second] = pages
    assert.ok(first && second)
    const last = await open()
    await until(
      'the last one waits',
      async () => (await last.evaluate(() => navigator.locks.query())).pending?.length === 3,
    )
    await show(first, 'hidden')
    await untilState(last, 'active')
    await untilState(first, 'reconnecting')
    const tried = proxy.handshakes()
    await show(second, 'hidden')
    await show(first, 'visible')
    await untilState(first, 'active')
    assert.equal(proxy.handshakes(), tried)
    await Promise.all([...pages, last].map((page) => page.close()))
  })
})
