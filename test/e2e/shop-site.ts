import { getRequestListener } from '@hono/node-server'
import type { BrowserContext, Page } from 'playwright-core'
import { createShop } from '../../demo/shop/shop.mjs'
import { newContext, serve } from '../support/browser.js'
import { SECRET, startGateway, untilState, type TestGateway } from './site.js'

export interface ShopSite {
  url: string
  gateway: TestGateway
  /** How often a token was asked for at the shop. */
  tokensAsked(): number
}

/**
 * The demonstration shop beside a gateway, both real, on ports of their own. `reach` answers the address by which pages
 * come to the gateway.
 */
export const startShop = async (
  tokenLife?: number,
  reach: (gateway: string) => Promise<string> = (url) => Promise.resolve(url),
): Promise<ShopSite> => {
  const gateway = await startGateway()
  const shop = createShop({ gateway: await reach(gateway.url), secret: SECRET, tokenLife })
  const listener = getRequestListener(shop.fetch)
  let tokensAsked = 0
  const { url } = await serve((request, response) => {
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

/** A browser of its own in which somebody has logged in, without the form for it, with a page whose chat is active. */
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
