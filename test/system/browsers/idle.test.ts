// The work that a session gives its page in Chromium.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { CDPSession, Page } from 'playwright-core'
import { chatTag, gatewayScript, servePage, shopTokenFor } from '../../support/sites/static-page.js'
import { startShopGateway } from '../../support/sites/shop-gateway.js'
import { newContext } from '../../support/browsers/browser.js'
import { until } from '../../support/until.js'
import { untilState } from '../../support/sites/page-state.js'

declare global {
  interface Window {
    /** What woke the page, in order: the names of the timers, and the types of the frames. */
    wakeUps: string[]
  }
}

/**
 * Records each call of a timer, and each frame. It runs before the page's scripts. It is a text, because the compiler of the tests adds
 * helpers to functions.
 */
const recordWakeUps = `
  window.wakeUps = []
  for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'requestIdleCallback']) {
    const schedule = window[name].bind(window)
    window[name] = (callback, ...rest) =>
      schedule((...parameters) => {
        wakeUps.push(name)
        callback(...parameters)
      }, ...rest)
  }
  window.WebSocket = class extends WebSocket {
    constructor(...parameters) {
      super(...parameters)
      this.addEventListener('message', ({ data }) => wakeUps.push(JSON.parse(data).type))
    }
  }`

const pings = (page: Page): Promise<number> =>
  page.evaluate(() => window.wakeUps.filter((name) => name === 'ping').length)

/** Waits until `count` pings have come. Returns the length of the record. */
const untilPings = async (page: Page, count: number): Promise<number> => {
  await until(`${count} pings`, async () => (await pings(page)) >= count)
  return page.evaluate(() => window.wakeUps.length)
}

/** How often the page has computed its styles and its layout. */
const rendering = async (session: CDPSession): Promise<{ styles: number; layouts: number }> => {
  const { metrics } = await session.send('Performance.getMetrics')
  const valueOf = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? NaN
  return { styles: valueOf('RecalcStyleCount'), layouts: valueOf('LayoutCount') }
}

test('an idle session wakes its page for pings alone, and computes no style and no layout', async () => {
  const gateway = await startShopGateway(0, 1)
  const context = await newContext()
  const page = await context.newPage()
  await page.addInitScript(recordWakeUps)
  const session = await context.newCDPSession(page)
  await session.send('Performance.enable')
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  await page.goto(url)
  await untilState(page, 'active')
  const from = await untilPings(page, 2)
  const before = await rendering(session)
  const until = await untilPings(page, 7)
  assert.deepEqual(
    await page.evaluate(([start, end]) => [...new Set(window.wakeUps.slice(start, end))], [
      from,
      until,
    ] as const),
    ['ping'],
  )
  assert.deepEqual(await rendering(session), before)
})

interface TraceEvent {
  name: string
  pid: number
  tid: number
  /** Microseconds of the thread's CPU time. */
  tdur?: number
  args: { name?: string }
}

test('a page has no layout and no long task while a session starts in it', async () => {
  const gateway = await startShopGateway()
  const context = await newContext()
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  await session.send('Performance.enable')
  const { url } = await servePage(`<p>A page that loads the script</p>${gatewayScript(gateway.url)}`)
  await page.goto(url)
  // After two frames the page is drawn, and nothing is left to do.
  await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
  const before = await rendering(session)
  await context.browser()?.startTracing(page, { categories: ['toplevel'] })
  await page.evaluate(
    (html) => document.body.insertAdjacentHTML('beforeend', html),
    chatTag({ token: await shopTokenFor('ada') }),
  )
  await untilState(page, 'active')
  await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
  const trace = await context.browser()?.stopTracing()
  assert.equal((await rendering(session)).layouts, before.layouts)
  const { traceEvents } = JSON.parse(String(trace)) as { traceEvents: TraceEvent[] }
  const mains = traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain',
  )
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) =>
      name.endsWith('RunTask') && mains.some((main) => main.pid === pid && main.tid === tid),
  )
  const longest = Math.max(...tasks.map(({ tdur = 0 }) => tdur))
  assert.ok(tasks.length > 0 && longest < 50_000, `${tasks.length} tasks, the longest ${longest} µs`)
})
