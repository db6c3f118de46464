// The system's Firefox and WebKit, and pages with a session for them.
import { after } from 'node:test'
import { shopTokenFor } from '../../support/sites/static-page.js'
import { serveSite, type Answer, type Site } from '../../support/sites/rendered-site.js'
import { until } from '../../support/until.js'
import { APP } from '../../support/sites/shop-gateway.js'
import { newSession } from '../../support/clients/client-sessions.js'
import { launchFirefox } from '../../support/browsers/firefox.js'
import type { Tab } from '../../support/browsers/tab.js'
import { launchWebKit } from '../../support/browsers/webkit.js'
import type { ChatSession } from '../../../src/session/index.js'

export type { Tab }

/** A tab of each browser, closed after the tests. */
export const tabs: [name: string, tab: Tab][] = [
  ['Firefox', await launchFirefox()],
  ['WebKit', await launchWebKit()],
]
after(() => Promise.all(tabs.map(([, tab]) => tab.close())))

/** Waits until an expression has this value in the page. The tab may navigate meanwhile. */
export const untilIs = (tab: Tab, expression: string, expected: unknown): Promise<void> =>
  until(expression, () => tab.evaluate(expression).catch(String), expected)

const chat = `document.querySelector('chat-session')`

export const untilState = (tab: Tab, state: string): Promise<void> => untilIs(tab, `${chat}?.state`, state)

export const untilReceived = (tab: Tab, line: string): Promise<void> =>
  untilIs(tab, `received.includes(${JSON.stringify(line)})`, true)

/** The id of the page's session, once it is active. */
export const activeId = async (tab: Tab): Promise<unknown> => {
  await untilState(tab, 'active')
  return tab.evaluate(`${chat}.sessionId`)
}

/** Logs out in the page. */
export const logOut = (tab: Tab): Promise<unknown> => tab.evaluate(`${chat}.end()`)

/** Records in `shown` whether the page came from the back/forward cache; null until the page is shown. */
export const noteShown = `
  window.shown = null
  addEventListener('pageshow', ({ persisted }) => (shown = persisted))
  addEventListener('pagehide', () => (shown = null))`

/** Serves pages that link to `/next`. Each but `/plain` has a token for ada and records how it was shown. */
export const serveAda = (
  gateway: { url: string },
  attributes: Record<string, string> = {},
  api?: (path: string) => Answer,
): Promise<Site> =>
  serveSite(
    gateway,
    async (path) =>
      path === '/plain' ? undefined : { 'app-id': APP, token: await shopTokenFor('ada'), ...attributes },
    api,
    noteShown,
  )

/** Starts bob's session in Node, which sends to ada. */
export const startBob = async (gateway: { url: string }): Promise<ChatSession> => {
  const bob = newSession({ endpoint: gateway.url, appId: APP, token: await shopTokenFor('bob') })
  await bob.start()
  return bob
}
