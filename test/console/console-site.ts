import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Page } from 'playwright-core'
import type { AppConfig, GatewayConfig } from '../../src/gateway/index.js'
import { newContext } from '../support/browser.js'
import { startGateway, type TestGateway } from '../support/gateway.js'
import { startClient } from '../support/raw-client.js'
import { tokenFor } from '../support/tokens.js'

// At the top level: in a test the browser would be closed at the test's end.
await (await newContext()).close()

export const adminToken = 'the admin token of a test, 32 bytes'
export const readToken = 'the read token of a test, 32 bytes.'

export interface ConsoleSite {
  gateway: TestGateway
  page: Page
  /** Errors in the console, exceptions, and violations of the Content-Security-Policy. */
  problems: string[]
  /** Logs in and waits for the overview. */
  logIn(token?: string): Promise<void>
  /** Opens the page of a fragment, such as `/apps/app/users`. */
  open(fragment: string): Promise<void>
  /** Starts a session of this user. */
  start(userId: string): ReturnType<typeof startClient>
}

/** Runs `body` with a gateway and its console in a browser. Fails if the page reports a problem that `expected` does not match. */
export const itOnConsole = (
  name: string,
  body: (site: ConsoleSite) => Promise<void>,
  {
    app = {},
    config = {},
    expected,
  }: { app?: Partial<AppConfig>; config?: Partial<GatewayConfig>; expected?: RegExp } = {},
): void => {
  it(name, async () => {
    const gateway = await startGateway(app, {
      admin: { port: 0, token: adminToken, readToken },
      pingInterval: 1,
      ...config,
    })
    const url = await gateway.gateway.listenAdmin()
    const context = await newContext()
    const page = await context.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) problems.push(message.text())
    })
    await page.goto(`${url}/`)
    await body({
      gateway,
      page,
      problems,
      logIn: async (token = adminToken) => {
        await page.getByLabel('Admin token').fill(token)
        await page.getByRole('button', { name: 'Log in' }).click()
        await page.getByRole('heading', { name: 'Overview' }).waitFor()
      },
      open: async (fragment) => {
        await page.goto(`${url}/#${fragment}`)
      },
      start: async (userId) =>
        startClient(gateway.url, {
          type: 'start',
          appId: 'app',
          token: await tokenFor(userId),
          user: { name: 'Ada Lovelace' },
        }),
    })
    assert.deepEqual(
      problems.filter((problem) => !expected?.test(problem)),
      [],
    )
    await context.close()
    await gateway.close()
  })
}
