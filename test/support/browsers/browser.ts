import { after } from 'node:test'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { chromiumArgs, chromiumPath } from '../../../scripts/chromium.mjs'

/** Milliseconds after which a wait in a test fails. They are many, because only a failing test waits for all of them. */
export const TIMEOUT = 60_000

let launched: Promise<Browser> | undefined

// The hook is at the top level: an `after` inside a test would close the browser before the next test.
after(async () => (await launched)?.close())

const launch = async (args: string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: await chromiumPath(),
    args: [...chromiumArgs, ...args],
    timeout: 120_000,
  })

/**
 * Opens a context of a real Chromium, which is closed after the test. The first call starts the browser, which is closed after
 * the file's tests.
 */
export const newContext = async (...args: string[]): Promise<BrowserContext> => {
  const context = await (await (launched ??= launch(args))).newContext()
  context.setDefaultTimeout(TIMEOUT)
  after(() => context.close())
  return context
}
