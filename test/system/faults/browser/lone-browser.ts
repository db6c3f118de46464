// Debian's `chromium` (apt-get install chromium), started without Playwright's switches. These keep every page visible and
// running, and turn off the back/forward cache and prerendering.
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
import { until } from '../../../support/until.js'
import { within } from '../../../support/raw-client.js'

export const executablePath = '/usr/bin/chromium'
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

/** Starts a headless browser at `url`. Returns the address of its developer tools. It is closed after the test. */
export const visit = async (url: string): Promise<string> => {
  const profile = await mkdtemp(join(tmpdir(), 'chat-session-browser-'))
  const child = spawn(executablePath, [...args, `--user-data-dir=${profile}`, url], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // It does not remove the folder of its singleton socket when a signal ends it.
    env: { ...process.env, TMPDIR: profile },
  })
  const exit = once(child, 'exit')
  after(async () => {
    child.kill()
    await exit
    // The browser's child processes may still write to the profile.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
  })
  let output = ''
  const address = new Promise<string>((resolve, reject) => {
    // All output is read: if the pipe were full, the browser would stop.
    createInterface(child.stderr)
      .on('line', (line) => {
        output += `${line}\n`
        const found = /^DevTools listening on (ws:\S+)/.exec(line)?.[1]
        if (found) resolve(found)
      })
      .once('close', () => reject(new Error(`The browser has ended: ${output}`)))
  })
  return within(address, 'browser', 120_000)
}

/** Starts such a browser and connects to its developer tools. */
export const watch = async (url = 'about:blank'): Promise<BrowserContext> => {
  const browser = await chromium.connectOverCDP(await visit(url), { noDefaults: true, timeout: 120_000 })
  const [context] = browser.contexts()
  assert.ok(context)
  context.setDefaultTimeout(60_000)
  context.setDefaultNavigationTimeout(60_000)
  return context
}

const visibilityOf = (page: Page): Promise<string> => page.evaluate(() => document.visibilityState)

/** Brings the tab to the front. Resolves when the other tabs are hidden. */
export const show = async (page: Page): Promise<void> => {
  await page.bringToFront()
  for (const each of page.context().pages())
    await until(
      `whether ${each.url()} is visible`,
      () => visibilityOf(each),
      each === page ? 'visible' : 'hidden',
    )
}

/** The browser was too slow for the test. For example, a page that takes three seconds does not get into the back/forward cache. */
export class TooSlow extends Error {}

/** A test that starts again if the browser was too slow for it. */
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

/** The browser's reasons if a page, or the lock that the page released, took too long at `pagehide`. */
const SLOW = /TimeoutPuttingInCache|WebLocksContention/

/** Why a tab's page did not come from the cache. */
const reasons = new WeakMap<Page, string[]>()

/** Opens a tab that records for each page whether it comes from the cache. */
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

/** Goes back or forward to `url`. Fails if the page does not come from the cache. */
export const goTo = async (page: Page, delta: 1 | -1, url: string): Promise<void> => {
  reasons.delete(page)
  // Playwright's `goBack` would wait for a load, and a page from the cache has none.
  await page.evaluate((delta) => void setTimeout(() => history.go(delta)), delta)
  await until('the page that is shown', () => page.url(), url)
  // The page may not be shown yet.
  const isRestored = (): Promise<boolean> => page.evaluate<boolean>('shown.at(-1)').catch(() => false)
  await until('whether it was in the cache', async () => reasons.has(page) || (await isRestored()), true)
  const why = reasons.get(page)?.join() ?? ''
  if (SLOW.test(why)) throw new TooSlow(`${url} was not in the cache: ${why}`)
  assert.equal(why, '', `why ${url} was not in the cache`)
}
