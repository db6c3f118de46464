// A page on a server of its own, with a gateway on the same server or on another, and a browser that looks at it.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { createGateway, createLog } from '../../src/gateway/index.js'
import { serve } from '../support/browser.js'
import { secret, tokenFor } from '../support/tokens.js'

export { tokenFor }

/** What a test serves: its page's HTML, and the headers that go with it. */
export interface Served {
  html: string
  headers?: Record<string, string>
}

/** What answers for a site whose pages are at the paths that `pages` names. */
export const siteOf =
  (pages: Record<string, Served>): RequestListener =>
  ({ url = '/' }, response) => {
    const page = pages[url.replace(/\?.*/, '')]
    if (!page) return void response.writeHead(url === '/favicon.ico' ? 204 : 404).end()
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...page.headers }).end(page.html)
  }

/** Starts a server of a site alone. Answers its address. */
export const startSite = async (site: RequestListener): Promise<string> => (await serve(site)).url

/** Starts a gateway, on the server of `site` if there is one. Answers its address. */
export const startGateway = async (site?: RequestListener, origins?: string[]): Promise<string> => {
  const gateway = createGateway(
    {
      listen: { port: 0 },
      engine: { type: 'memory' },
      apps: { app: { environment: 'test', secrets: [secret], ...(origins && { origins }) } },
    },
    { env: {}, log: createLog({ level: 'fatal' }) },
  )
  after(() => gateway.close())
  if (!site) return gateway.listen()
  const server = createServer({ maxHeaderSize: 32_768 }, site)
  gateway.attach(server)
  await gateway.ready()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

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
