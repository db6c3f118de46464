import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { chromiumArgs, chromiumPath } from '../../scripts/chromium.mjs'

let launched: Promise<Browser> | undefined

// Here, since an `after` that is called in a test is that test's, and the next one needs the browser too.
after(async () => (await launched)?.close())

const launch = async (args: string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: await chromiumPath(),
    args: [...chromiumArgs, ...args],
    timeout: 120_000,
  })

/**
 * A context of its own in a real Chromium, closed after the test that made it. The browser is started at first use and
 * closed after the file's tests.
 */
export const newContext = async (...args: string[]): Promise<BrowserContext> => {
  const context = await (await (launched ??= launch(args))).newContext()
  // The longest that Playwright itself waits: nothing but patience is at stake.
  context.setDefaultTimeout(60_000)
  context.setDefaultNavigationTimeout(60_000)
  after(() => context.close())
  return context
}

export interface TestServer {
  /** http://127.0.0.1:PORT */
  url: string
  port: number
  close(): Promise<void>
}

/** An HTTP server on a free port of this machine; closed after the tests if it isn't before. */
export const serve = async (listener: RequestListener, port = 0): Promise<TestServer> => {
  const server = createServer({ maxHeaderSize: 32_768 }, listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  after(close)
  const taken = (server.address() as AddressInfo).port
  return { url: `http://127.0.0.1:${taken}`, port: taken, close }
}
