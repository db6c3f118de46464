import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import { chromium, type Browser, type BrowserContext } from 'playwright-core'
import { chromiumArgs, chromiumPath } from '../../scripts/chromium.mjs'

/** Milliseconds after which a wait in a test fails. Long, since only a failing test waits for all of it. */
export const TIMEOUT = 60_000

let launched: Promise<Browser> | undefined

// At the top level: an `after` inside a test would close the browser before the next test.
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

export interface TestServer {
  /** http://127.0.0.1:PORT */
  url: string
  port: number
  close(): Promise<void>
}

/** Starts an HTTP server on loopback, by default on a free port. It is closed after the tests. */
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
  const boundPort = (server.address() as AddressInfo).port
  return { url: `http://127.0.0.1:${boundPort}`, port: boundPort, close }
}
