// A page on a server of its own, with a gateway on the same server or on another, and a browser that looks at it.
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { createGateway, createLog } from '../../src/gateway/index.js'
import { createToken } from '../../src/tokens/index.js'

const secret = 'a secret of at least 32 bytes, for tests'

export const tokenFor = (userId: string): Promise<string> => createToken({ appId: 'app', userId, secret })

/** Milliseconds that a thing has to happen in. */
export const PATIENCE = 10_000

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a test serves: its page's HTML, and the headers that go with it. */
export interface Served {
  html: string
  headers?: Record<string, string>
}

/** A server of a site's own; its pages are at the paths that `pages` names. */
export const serveSite = (pages: Record<string, Served>): Server => {
  const listener: RequestListener = ({ url = '/' }, response) => {
    const page = pages[url.replace(/\?.*/, '')]
    if (!page) return void response.writeHead(url === '/favicon.ico' ? 204 : 404).end()
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...page.headers }).end(page.html)
  }
  return createServer({ maxHeaderSize: 32_768 }, listener)
}

/** Starts a server, with a gateway attached to it. Answers its address. */
export const startGateway = async (
  server = createServer({ maxHeaderSize: 32_768 }),
  origins?: string[],
): Promise<string> => {
  const gateway = createGateway(
    {
      engine: { type: 'memory' },
      apps: { app: { environment: 'test', secrets: [secret], ...(origins && { origins }) } },
    },
    { env: {}, log: createLog({ level: 'fatal' }) },
  )
  gateway.attach(server)
  await gateway.ready()
  after(() => gateway.close())
  return listen(server)
}

/** Starts a server without a gateway. Answers its address. */
export const startSite = listen

export interface Watched {
  page: Page
  /** What the page's console and its errors said. */
  complaints: string[]
}

/** A new page of `context` that writes down what is complained about. */
export const watch = async (context: BrowserContext): Promise<Watched> => {
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  return { page, complaints }
}

/** Has the page write down every violation of its policy, from before anything of it runs. */
export const recordViolations = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const violations: string[] = []
    Object.assign(window, { violations })
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      violations.push(`${violatedDirective} ${blockedURI}`),
    )
  })

export const violationsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => (window as unknown as { violations: string[] }).violations)
