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
import { after } from 'node:test'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { until } from '../e2e/site.js'
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

/** Has a browser show `url`, with nobody watching. Answers where its developer tools are; it is closed after the test. */
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
