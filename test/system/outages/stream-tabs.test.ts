/** The tabs of one browser that share the connections which HTTP/1.1 leaves for streams. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import { startHostileProxy } from '../../support/network/hostile-proxy.js'
import { siteOf, startSite, startSiteGateway } from '../../support/sites/element-page.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

type ChatElement = HTMLElementTagNameMap['chat-session']

/** How long the minute takes after which a hidden page sleeps, in milliseconds. */
const MINUTE = 4_000

const proxy = await startHostileProxy(await startSiteGateway(), { upgrades: 403 })
const pageOf = async (user: string, attribute: string): Promise<{ html: string }> => ({
  html: `<!doctype html><title>Tab</title><link rel="icon" href="data:,">
    <script type="module" async src="${proxy.url}/v1/chat-session.js"></script>
    <chat-session app-id="app" user-id="${user}" token="${await tokenFor(user)}" ${attribute}></chat-session>`,
})
const site = await startSite(
  siteOf({ '/sleeps': await pageOf('ada', 'sleep-hidden'), '/stays': await pageOf('bob', '') }),
)
const context = await newContext()
await context.addInitScript((minute) => {
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const real = window[name] as (callback: () => void, delay?: number) => number
    Object.assign(window, {
      [name]: (callback: () => void, delay?: number) => real(callback, delay === 60_000 ? minute : delay),
    })
  }
}, MINUTE)

const open = async (path: string): Promise<Page> => {
  const page = await context.newPage()
  await page.goto(site + path)
  return page
}

/** A test can't hide a page of Playwright: the property and the event are set and dispatched by hand. */
const show = (page: Page, state: DocumentVisibilityState): Promise<void> =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'visibilityState', { value, configurable: true })
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
  }, state)

const active = (page: Page): Promise<void> =>
  page.locator('chat-session:state(active)').waitFor({ state: 'attached' })

/** How many WebSockets have been asked for. */
const handshakes = (): number => proxy.requests.filter((line) => line.startsWith('GET /v1/session ')).length

const isAsleep = (page: Page): Promise<boolean> =>
  page.locator('chat-session').evaluate((element: ChatElement) => element.sleeping)

const locksOf = (page: Page): Promise<(string | undefined)[]> =>
  page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query()
    return held.map(({ name }) => name)
  })

test('of eight tabs that sleep while they are hidden one stays connected, and all send', async () => {
  const pages: Page[] = []
  for (let number = 0; number < 8; number += 1) {
    for (const page of pages.slice(-1)) await show(page, 'hidden')
    const page = await open('/sleeps')
    await active(page)
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
  const tried = handshakes()
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
  assert.equal(handshakes(), tried)
  await until('they sleep again', asleep, 6)
  await Promise.all(pages.map((page) => page.close()))
})

test('a hidden tab lets a tab that waits have its stream, and waits itself until it is seen', async () => {
  const pages = [await open('/stays'), await open('/stays'), await open('/stays')]
  await Promise.all(pages.map(active))
  const [first, second] = pages
  assert.ok(first && second)
  const last = await open('/stays')
  await until(
    'the last one waits',
    async () => (await last.evaluate(() => navigator.locks.query())).pending?.length === 3,
  )
  await show(first, 'hidden')
  await active(last)
  await first.locator('chat-session:state(reconnecting)').waitFor({ state: 'attached' })
  const tried = handshakes()
  await show(second, 'hidden')
  await show(first, 'visible')
  await active(first)
  assert.equal(handshakes(), tried)
  await Promise.all([...pages, last].map((page) => page.close()))
})
