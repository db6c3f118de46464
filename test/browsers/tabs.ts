// The browsers that the system brings, and pages with a session for them.
import { after } from 'node:test'
import { shopTokenFor } from '../e2e/pages-site.js'
import { serveSite, type Answer, type Site } from '../e2e/session-site.js'
import { until } from '../support/until.js'
import { APP } from '../e2e/site.js'
import { newSession } from '../session/support.js'
import { launchFirefox } from '../support/browsers/firefox.js'
import type { Tab } from '../support/browsers/tab.js'
import { launchWebKit } from '../support/browsers/webkit.js'
import type { ChatSession } from '../../src/session/index.js'

export type { Tab }

/** A tab of each, closed after the tests. */
export const tabs: [name: string, tab: Tab][] = [
  ['Firefox', await launchFirefox()],
  ['WebKit', await launchWebKit()],
]
after(() => Promise.all(tabs.map(([, tab]) => tab.close())))

/** Waits until an expression has this value in the page, which may be on its way to another one. */
export const untilIs = (tab: Tab, expression: string, expected: unknown): Promise<void> =>
  until(expression, () => tab.evaluate(expression).catch(String), expected)

const chat = `document.querySelector('chat-session')`

export const untilState = (tab: Tab, state: string): Promise<void> => untilIs(tab, `${chat}?.state`, state)

export const untilHeard = (tab: Tab, line: string): Promise<void> =>
  untilIs(tab, `received.includes(${JSON.stringify(line)})`, true)

/** The id of the page's session, once it is active. */
export const activeId = async (tab: Tab): Promise<unknown> => {
  await untilState(tab, 'active')
  return tab.evaluate(`${chat}.sessionId`)
}

/** Logs out in the page. */
export const logOut = (tab: Tab): Promise<unknown> => tab.evaluate(`${chat}.end()`)

/** Has a page note how it was shown: whether it came out of the back/forward cache, and null until it is shown. */
export const noteShown = `
  window.shown = null
  addEventListener('pageshow', ({ persisted }) => (shown = persisted))
  addEventListener('pagehide', () => (shown = null))`

/** Pages that link to `/next`, each with a token for ada but `/plain`, that keep note of how they were shown. */
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

/** Somebody who writes to ada, from Node. */
export const startBob = async (gateway: { url: string }): Promise<ChatSession> => {
  const bob = newSession({ endpoint: gateway.url, appId: APP, token: await shopTokenFor('bob') })
  await bob.start()
  return bob
}
