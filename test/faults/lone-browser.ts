// A browser without a test's hands in it: Playwright's own keep their pages in view, awake, out of the back/forward cache
// and from being rendered ahead. It is Debian's whole `chromium` (apt-get install chromium).
import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { until } from '../support/until.js'
import { within } from '../support/raw-client.js'

const executablePath = '/usr/bin/chromium'
assert.ok(
  existsSync(executablePath),
  `There is no ${executablePath}: install Debian's package "chromium" (apt-get install chromium).`,
)

const args = [
  '--headless=new',
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--remote-debugging-port=0',
]

/** Has a browser show `url`, without a window. Returns the address of its developer tools. It is closed after the test. */
export const visit = async (url: string): Promise<string> => {
  const profile = await mkdtemp(join(tmpdir(), 'chat-session-browser-'))
  const child = spawn(executablePath, [...args, `--user-data-dir=${profile}`, url], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exit = once(child, 'exit')
  after(async () => {
    child.kill()
    await exit
    // Its helpers may still be writing.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
  })
  const address = new Promise<string>((resolve) => {
    // Whatever else it says is read too, or it would wait for that.
    createInterface(child.stderr).on('line', (line) => {
      const found = /^DevTools listening on (ws:\S+)/.exec(line)?.[1]
      if (found) resolve(found)
    })
  })
  return within(address, 'browser')
}

/** Watches such a browser by its developer tools alone. */
export const watch = async (url = 'about:blank'): Promise<BrowserContext> => {
  const browser = await chromium.connectOverCDP(await visit(url), { noDefaults: true, timeout: 120_000 })
  const [context] = browser.contexts()
  assert.ok(context)
  context.setDefaultTimeout(60_000)
  context.setDefaultNavigationTimeout(60_000)
  return context
}

const visibilityOf = (page: Page): Promise<string> => page.evaluate(() => document.visibilityState)

/** Puts the tab in front: the others are hidden when this resolves. */
export const show = async (page: Page): Promise<void> => {
  await page.bringToFront()
  for (const each of page.context().pages())
    await until(
      `whether ${each.url()} is visible`,
      () => visibilityOf(each),
      each === page ? 'visible' : 'hidden',
    )
}

/** The browser was too slow for what is tested: it gives a page three seconds to be put into its back/forward cache, for one. */
export class TooSlow extends Error {}

/** A test that begins anew where the browser was too slow for it. */
export const testAgain = (name: string, body: () => Promise<void>): void =>
  void test(name, async (context) => {
    for (let left = 4; ; left--)
      try {
        return await body()
      } catch (error) {
        if (left === 0 || !(error instanceof TooSlow)) throw error
        context.diagnostic(error.message)
      }
  })

/**
 * What the browser says when it had no time to hear that a page has dealt with being left, or that the lock is gone which
 * the page let go then.
 */
const SLOW = /TimeoutPuttingInCache|WebLocksContention/

/** Why the page that a tab has gone to did not come out of the cache. */
const reasons = new WeakMap<Page, string[]>()

/** A tab that records of each page whether it comes out of the cache. */
export const openTab = async (context: BrowserContext): Promise<Page> => {
  const page = await context.newPage()
  await page.addInitScript(
    `window.shown = []; addEventListener('pageshow', ({ persisted }) => shown.push(persisted))`,
  )
  const devtools = await context.newCDPSession(page)
  await devtools.send('Page.enable')
  devtools.on('Page.backForwardCacheNotUsed', ({ notRestoredExplanations }) =>
    reasons.set(
      page,
      notRestoredExplanations.map(({ reason }) => reason),
    ),
  )
  return page
}

/** Goes back or forward to `url`. The page must come out of the cache, or nothing here means anything. */
export const goTo = async (page: Page, delta: 1 | -1, url: string): Promise<void> => {
  reasons.delete(page)
  // Playwright's own `goBack` waits for a load that never comes.
  await page.evaluate((delta) => void setTimeout(() => history.go(delta)), delta)
  await until('the page that is shown', () => page.url(), url)
  // It may still be on its way.
  const isRestored = (): Promise<boolean> => page.evaluate<boolean>('shown.at(-1)').catch(() => false)
  await until('whether it was in the cache', async () => reasons.has(page) || (await isRestored()), true)
  const why = reasons.get(page)?.join() ?? ''
  if (SLOW.test(why)) throw new TooSlow(`${url} was not in the cache: ${why}`)
  assert.equal(why, '', `why ${url} was not in the cache`)
}
