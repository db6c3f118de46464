import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { AppConfig, GatewayConfig } from '../../../src/gateway/index.js'
import { openConsole, type ConsolePage } from '../../support/sites/console.js'
import { startGateway, type GatewayParts, type TestGateway } from '../../support/gateway.js'
import { startClient } from '../../support/raw-client.js'
import { tokenFor } from '../../support/tokens.js'

export const adminToken = 'the admin token of a test, 32 bytes'
export const readToken = 'the read token of a test, 32 bytes.'

export interface ConsoleSite extends Omit<ConsolePage, 'logIn' | 'close'> {
  gateway: TestGateway
  /** Logs in and waits for the overview. */
  logIn(token?: string): Promise<void>
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
    parts = {},
    expected,
  }: {
    app?: Partial<AppConfig>
    config?: Partial<GatewayConfig>
    parts?: GatewayParts
    expected?: RegExp
  } = {},
): void => {
  it(name, async () => {
    const gateway = await startGateway(
      app,
      { admin: { port: 0, token: adminToken, readToken }, pingInterval: 1, ...config },
      parts,
    )
    const console = await openConsole((await gateway.gateway.listenAdmin()) ?? assert.fail())
    await body({
      ...console,
      gateway,
      logIn: (token = adminToken) => console.logIn(token),
      start: async (userId) =>
        startClient(gateway.url, {
          type: 'start',
          appId: 'app',
          token: await tokenFor(userId),
          user: { name: 'Ada Lovelace' },
        }),
    })
    assert.deepEqual(
      console.problems.filter((problem) => !expected?.test(problem)),
      [],
    )
    await console.close()
    await gateway.close()
  })
}
