import { getRequestListener } from '@hono/node-server'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import { createShop } from '../../../demo/shop/shop.mjs'
import { newContext } from '../browsers/browser.js'
import type { Proxy } from '../network/proxy.js'
import type { AttachedGateway } from '../gateway.js'
import { SECRET, startShopGateway } from './shop-gateway.js'
import { startServer } from '../network/http-server.js'
import { untilState } from './page-state.js'

export interface ShopSite {
  url: string
  gateway: AttachedGateway
  /** The number of requests for `/chat-token`. */
  tokensAsked(): number
}

/**
 * Starts the real shop and a real gateway on free ports. Pages connect to the gateway at the address that `reach` returns,
 * which can be a proxy's.
 */
export const startShop = async (
  tokenLife?: number,
  reach: (gateway: string) => Promise<string> = (url) => Promise.resolve(url),
): Promise<ShopSite> => {
  const gateway = await startShopGateway()
  const shop = createShop({ gateway: await reach(gateway.url), secret: SECRET, tokenLife })
  const listener = getRequestListener(shop.fetch)
  let tokensAsked = 0
  const { url } = await startServer((request, response) => {
    if (request.url === '/chat-token') tokensAsked += 1
    void listener(request, response)
  })
  return { url, gateway, tokensAsked: () => tokensAsked }
}

export const logIn = async (page: Page, { url }: ShopSite, customer = 'Alice Moreau'): Promise<void> => {
  await page.goto(`${url}/login`)
  await page.getByRole('button', { name: customer }).click()
  await page.getByRole('link', { name: customer }).waitFor()
}

/** Logs a customer in by a request, in a new browser context. Returns the context and a page whose session is active. */
export const customerIn = async (
  site: ShopSite,
  name = 'Alice Moreau',
): Promise<{ context: BrowserContext; page: Page }> => {
  const context = await newContext()
  await context.request.post(`${site.url}/login`, {
    form: { customer: name.split(' ')[0]?.toLowerCase() ?? '' },
    headers: { origin: site.url },
    maxRedirects: 0,
  })
  const page = await context.newPage()
  await page.goto(site.url)
  await page.getByRole('link', { name }).waitFor()
  await untilState(page, 'active')
  return { context, page }
}

/** Writes a message in the thread that the page shows, and sends it. */
export const write = async (page: Page, body: string): Promise<void> => {
  await page.getByLabel('Write to').fill(body)
  await page.getByRole('button', { name: 'Send' }).click()
}

/** The stored messages of a thread that contain `body`. */
export const message = (page: Page, body: string): Locator =>
  page.locator('[data-messages] li:not(.unsent)').filter({ hasText: body })

/** Sends a question on the page of a product, and waits until it is stored. */
export const ask = async (page: Page, { url }: ShopSite, product: string, body: string): Promise<void> => {
  await page.goto(`${url}/products/${product}`)
  await write(page, body)
  await message(page, body).waitFor()
}

/** Sends a message that does not reach the gateway for now. */
export const writeUnsent = async (page: Page, proxy: Proxy, body: string): Promise<void> => {
  await page.getByLabel('Write to').waitFor()
  // The page may connect again, as from an event stream to a WebSocket.
  proxy.stall()
  await write(page, body)
  await page.locator('.unsent').getByText('Sending').waitFor()
}
