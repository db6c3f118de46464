import type { BrowserContext, Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import type { AppConfig } from '../../../src/gateway/index.js'
import type { ChatSession } from '../../../src/session/index.js'
import { scratchFolder } from '../scratch-folder.js'
import { startSession } from '../clients/client-sessions.js'
import { newContext } from '../browsers/browser.js'
import { startGateway, type TestGateway } from '../gateway.js'
import { gatewayScript } from './static-page.js'
import { WEBSOCKET_KEY } from '../../../src/session/transports/stream/memory.js'
import { until } from '../until.js'
import { chatOf, untilState } from './page-state.js'
import { appId, tokenFor } from '../tokens.js'
import { startServer } from '../network/http-server.js'

/** Starts a gateway with an embedded engine. Another gateway on the same folder continues its sessions. */
export const startDurableGateway = (
  folder = scratchFolder(),
  port = 0,
  app: Partial<AppConfig> = {},
): Promise<TestGateway> =>
  startGateway(
    {
      signatureSecrets: [],
      requireExpiry: true,
      limits: { messagesPerSecond: 10_000, bytesPerSecond: 2 ** 40 },
      // A slow page may be behind by many messages, and all of them must be kept.
      retention: { messages: 100_000, days: 30 },
      ...app,
    },
    // This is longer than a slow machine takes from one page to the next.
    { listen: { port }, engine: { type: 'embedded', path: folder }, leaveWindow: 300, resumeWindow: 300 },
  )

declare global {
  interface Window {
    /** The session events of this page, in order. */
    received: string[]
  }
}

/** Records each event on the document as a short text. */
const recorder = `<script>
  window.received = []
  const record = (type, textOf) => document.addEventListener('session-' + type, ({ detail }) => received.push(textOf(detail)))
  record('state', ({ state }) => state)
  record('message', ({ message }) => 'message ' + message.body)
  record('unread', ({ unread }) => 'unread ' + unread)
  record('error', ({ error }) => 'error ' + error.code)
  record('ended', ({ error }) => 'over: ' + (error ? error.code : 'logged out'))
  record('failed', ({ error }) => 'failed: ' + error.code)
</script>`

export interface Site {
  url: string
  /** The paths of the rendered pages. */
  views: string[]
}

/** Returns the attributes of a page's tag, or undefined for a page without a tag. */
export type Render = (path: string) => Promise<Record<string, string> | undefined>

/** A response of `/api/`. */
export interface Answer {
  status: number
  headers?: Record<string, string>
  body?: string
}

/**
 * Starts a site that renders each page with a `<chat-session>` and a link to `/next`. `api` answers paths below `/api/`.
 * `script` is in each page, after the tag, and `head` before it.
 */
export const serveSite = async (
  gateway: { url: string },
  render: Render,
  api: (path: string) => Promise<Answer> | Answer = () => ({ status: 404 }),
  script = '',
  head = '',
): Promise<Site> => {
  const views: string[] = []
  const { url } = await startServer((request, response) => {
    const path = request.url ?? ''
    if (path.startsWith('/api/'))
      return void Promise.resolve(api(path)).then(({ status, headers, body = '' }) =>
        response.writeHead(status, headers).end(body),
      )
    views.push(path)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.write(`<!doctype html><title>${path}</title><link rel="icon" href="data:,">`)
    void render(path).then((attributes) => {
      const tag = Object.entries({ 'app-id': appId, ...attributes }).map(
        ([name, value]) => `${name}="${value}"`,
      )
      response.end(
        `${recorder}${head}${gatewayScript(gateway.url)}
        ${attributes ? `<chat-session ${tag.join(' ')}></chat-session>` : ''}
        <a href="/next">next</a><script>${script}</script>`,
      )
    })
  })
  return { url, views }
}

/** Renders each page with a new token for `userId`. */
export const withToken =
  (userId: string): Render =>
  async () => ({ token: await tokenFor(userId, { expiresIn: 300 }) })

/** Opens the site in a new tab. Resolves when its session is active. */
export const openActive = async (
  { url }: Site,
  context?: BrowserContext,
): Promise<{ page: Page; id: string }> => {
  const page = await (context ?? (await newContext())).newPage()
  await page.goto(url)
  return { page, id: await activeId(page) }
}

/** The id of the page's session, once it is active. */
export const activeId = async (page: Page): Promise<string> => {
  await untilState(page, 'active')
  return (await chatOf(page)).id ?? ''
}

export const receivedIn = (page: Page): Promise<string[]> => page.evaluate(() => window.received)

export const messagesIn = async (page: Page): Promise<string[]> =>
  (await receivedIn(page)).filter((line) => line.startsWith('message '))

/** Waits until the page has received an event. */
export const untilReceived = (page: Page, line: string): Promise<void> =>
  until(`"${line}" was received`, async () => (await receivedIn(page)).includes(line), true)

/** Starts another user's session in Node, which sends to the pages' users. */
export const sender = (gateway: { url: string }, userId = 'bob'): Promise<ChatSession> =>
  startSession(gateway.url, userId)

/** Sends to bob from a page. Resolves with the offsets of the user's own copies when all are durable. */
export const sendFrom = (page: Page, ...bodies: string[]): Promise<number[]> =>
  page.evaluate(async (bodies) => {
    const element = document.querySelector<ChatSessionElement>('chat-session')
    if (!element) throw new Error('The page has no session.')
    const sent = await Promise.all(bodies.map((body) => element.send({ to: 'bob', body })))
    return sent.map(({ offset }) => offset)
  }, bodies)

/** Returns the values in sessionStorage, but for the endpoint at which a WebSocket has worked in the tab. */
export const storedIn = (page: Page): Promise<string[]> =>
  page.evaluate(
    (own) =>
      Object.entries(sessionStorage as Record<string, string>).flatMap(([key, value]) =>
        key === own ? [] : [value],
      ),
    WEBSOCKET_KEY,
  )
