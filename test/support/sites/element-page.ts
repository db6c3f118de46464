// Helpers of the element's tests: a page, its server, and a gateway on the same server or another.
import type { RequestListener } from 'node:http'
import type { BrowserContext, Page } from 'playwright-core'
import { startServer } from '../network/http-server.js'
import { attachGateway, startGateway } from '../gateway.js'
import { complaintsOf } from './page-state.js'

/** A page's HTML and response headers. */
interface Served {
  html: string
  headers?: Record<string, string>
}

/** Returns the request listener of a site with these pages by path. */
export const siteOf =
  (pages: Record<string, Served>): RequestListener =>
  ({ url = '/' }, response) => {
    const page = pages[url.replace(/\?.*/, '')]
    if (!page) return void response.writeHead(url === '/favicon.ico' ? 204 : 404).end()
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...page.headers }).end(page.html)
  }

/** Starts a server for a site without a gateway. Returns its URL. */
export const startSite = async (site: RequestListener): Promise<string> => (await startServer(site)).url

/** Starts a gateway, on the server of `site` if there is one. Returns its URL. */
export const startSiteGateway = async (site?: RequestListener, origins?: string[]): Promise<string> => {
  const app = origins ? { origins } : {}
  const { url } = site ? await attachGateway(app, {}, { site }) : await startGateway(app)
  return url
}

/** Opens a page that records errors and warnings. */
export const watch = async (context: BrowserContext): Promise<{ page: Page; complaints: string[] }> => {
  const page = await context.newPage()
  return { page, complaints: complaintsOf(page) }
}

/** Records every violation of the page's Content-Security-Policy. Called before the page loads. */
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
