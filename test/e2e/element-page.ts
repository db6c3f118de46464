// A page on a server of its own, with a gateway on the same server or on another, and a browser that looks at it.
import type { RequestListener } from 'node:http'
import type { BrowserContext, Page } from 'playwright-core'
import { serve } from '../support/browser.js'
import { attachGateway, startGateway } from '../support/gateway.js'
import { tokenFor } from '../support/tokens.js'

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

/** Starts a gateway, on the server of `site` if there is one. Returns its URL. */
export const startSiteGateway = async (site?: RequestListener, origins?: string[]): Promise<string> => {
  const app = origins ? { origins } : {}
  const { url } = site ? await attachGateway(app, {}, { site }) : await startGateway(app)
  return url
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
