// Runs the built pages of demo/frameworks in a browser, with their own server and gateway.
import { strict as assert } from 'node:assert'
import { existsSync } from 'node:fs'
import { after } from 'node:test'
import type { Page } from 'playwright-core'
import type { FrameworkPages, FrameworkPagesOptions } from '../../../demo/frameworks/server/pages.mjs'
import { until } from '../../support/until.js'
import { chatOf, complaintsOf, framesSentBy, untilState } from '../../support/sites/page-state.js'
import { newContext } from '../../support/browsers/browser.js'

const demo = new URL('../../../demo/frameworks/', import.meta.url)

export interface RunningPages extends FrameworkPages {
  /** How many sessions the gateway has started for a user, resumed ones included. */
  startedFor(userId: string): number
  /** Sends a message from Bob. */
  say(to: string, body: string): Promise<unknown>
}

/** Starts the pages. They are closed after the file's tests. */
export const startPages = async (options: FrameworkPagesOptions = {}): Promise<RunningPages> => {
  const missing = ['node_modules', 'dist/client'].filter((path) => !existsSync(new URL(path, demo)))
  assert.deepEqual(missing, [], 'demo/frameworks is not installed or not built: run npm run test:frameworks')
  // This is imported after the check, because it imports packages of demo/frameworks.
  const { startFrameworkPages } = await import('../../../demo/frameworks/server/pages.mjs')
  const lines: { msg: string; userId?: string }[] = []
  const pages = await startFrameworkPages({
    ...options,
    logged: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]),
  })
  after(pages.close)
  return {
    ...pages,
    startedFor: (userId) =>
      lines.filter((line) => line.msg === 'session started' && line.userId === userId).length,
    say: (to, body) => pages.publish({ to, from: 'bob', body }),
  }
}

/** Imports the built module that renders a page on the server. */
export const rendererOf = async (
  name: string,
): Promise<{ render(site: unknown): string | Promise<string> }> =>
  (await import(new URL(`dist/server/${name}.js`, demo).href)) as { render(site: unknown): string }

export interface Visit {
  page: Page
  /** Errors and warnings in the console, and exceptions. Lit's warnings about its development mode are left out. */
  complaints(): string[]
  /** Types of the frames that the page's sessions sent. */
  sent: string[]
  /** Connections that the page opened or tried to open. */
  connections(): number
  /** The events on the document: `started ID`, `failed CODE`, `ended`, `ended CODE`. */
  received(): Promise<string[]>
}

interface VisitOptions {
  /** The user who is logged in before the page is opened. */
  user?: string
  /** Called before the page loads. */
  prepare?: (page: Page) => Promise<unknown>
}

/** Opens a page in a browser context of its own. Resolves when the first HTML has arrived, since a test may hold the rest. */
export const visit = async (
  pages: FrameworkPages,
  path: string,
  { user, prepare }: VisitOptions = {},
): Promise<Visit> => {
  const context = await newContext()
  if (user) {
    const answer = await context.request.post(`${pages.url}/login`, {
      form: { user },
      headers: { origin: pages.url },
    })
    assert.equal(answer.status(), 200)
  }
  const page = await context.newPage()
  await page.addInitScript(`
    window.received = []
    for (const type of ['started', 'failed', 'ended'])
      document.addEventListener('session-' + type, ({ detail: { sessionId, error } }) =>
        received.push([type, sessionId ?? error?.code].filter(Boolean).join(' ')))
  `)
  const complaints = complaintsOf(page)
  const sent = framesSentBy(page)
  let connections = 0
  page.on('websocket', () => (connections += 1))
  await prepare?.(page)
  await page.goto(`${pages.url}${path}`, { waitUntil: 'commit' })
  return {
    page,
    complaints: () =>
      complaints.filter((text) => !/^(Lit is in dev mode|Multiple versions of Lit)/.test(text)),
    sent,
    connections: () => connections,
    received: () => page.evaluate<string[]>('received'),
  }
}

export const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click()

export const tick = (page: Page, name: string, checked: boolean): Promise<void> =>
  page.getByRole('checkbox', { name }).setChecked(checked)

/** Waits for the elements' states and attributes, by their ids. Elements that share a session may change one after the other. */
export const untilBound = (page: Page, expected: Record<string, string>): Promise<void> =>
  until(
    'states and attributes of the elements',
    async () => JSON.stringify(Object.entries(await bindingsOf(page)).sort()),
    JSON.stringify(Object.entries(expected).sort()),
  )

/** Waits until the field with this label shows the text. */
export const untilShown = (page: Page, what: string, text: string): Promise<void> =>
  until(what, () => page.getByLabel(what, { exact: true }).textContent(), text)

/** Waits until the page's session is active. Resolves with its id. */
export const activeId = async (page: Page): Promise<string> => {
  await untilState(page, 'active')
  const { id } = await chatOf(page)
  assert.ok(id)
  return id
}

/** Waits for a message in the page's list. */
export const untilRead = (page: Page, text: string): Promise<void> =>
  page.getByRole('list', { name: 'Messages' }).getByText(text, { exact: true }).waitFor()

export const send = async (page: Page, to: string, body: string): Promise<void> => {
  await page.getByLabel('To', { exact: true }).fill(to)
  await page.getByLabel('Message', { exact: true }).fill(body)
  await press(page, 'Send')
}

/** Delays a page's own script until `release` is called, so that the page is not hydrated before. */
export const holdClient = () => {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  // If the test fails earlier, a waiting request would keep the browser open.
  after(() => release())
  const prepare = (page: Page): Promise<unknown> =>
    page.route('**/client.js', async (route) => {
      await released
      await route.continue()
    })
  return { prepare, release: () => release() }
}

/** Delays the element's registration until `register`, as if its script loaded after the page's own. */
export const holdRegistration = (page: Page): Promise<unknown> =>
  page.addInitScript(`{
    const define = customElements.define
    customElements.define = function (...definition) {
      if (definition[0] !== 'chat-session') return define.apply(this, definition)
      window.registerChat = () => define.apply(this, definition)
    }
  }`)

export const register = async (page: Page): Promise<void> => {
  await page.locator('chat-session').first().waitFor({ state: 'attached' })
  await page.evaluate<undefined>('registerChat()')
}

/** Adds the gateway's script, which registers the element before the page's own script runs. */
export const addGatewayScript = (page: Page, { endpoint }: FrameworkPages): Promise<unknown> =>
  page.addScriptTag({ url: `${endpoint}/v1/chat-session.js`, type: 'module' })

/** Returns each element's state and user attributes, by its id. The id names the kind of binding. */
const bindingsOf = (page: Page): Promise<Record<string, string>> =>
  page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll('chat-session')].map((element) => {
        const attributes = element.getAttributeNames().filter((name) => name.includes('user'))
        return [element.id, [element.state, ...attributes].join(' ')]
      }),
    ),
  )
