// Pages with a `<chat-window>` by the script tag, on a site that is not the gateway's.
import { readFile } from 'node:fs/promises'
import type { BrowserContext, Page } from 'playwright-core'
import type { ChatSession } from '../../../src/session/index.js'
import { newSession } from '../clients/client-sessions.js'
import { tokenFor } from '../tokens.js'
import { recordViolations, siteOf, startSite } from './element-page.js'

const written = await readFile(new URL('../../../dist/cdn/integrity.json', import.meta.url), 'utf8')
export const integrity = JSON.parse(written) as Record<string, string>
const integrityOf = (file: string): string => `crossorigin integrity="${integrity[file] ?? ''}"`

export interface WindowPage {
  context: BrowserContext
  gateway: string
  body: string
  policy?: string
  lang?: string
  /** The attributes of both script tags. */
  attributes?: string
  /** Which scripts the page has, in this order. */
  scripts?: string[]
  prepare?: (page: Page) => Promise<unknown>
}

/** The first script and the window's. */
export const BOTH = ['chat-session.js', 'chat-window.js']

/** Opens a page of a site that is not the gateway's. Resolves with the page and with the parts of the window that it has asked for. */
export const open = async ({
  context,
  gateway,
  body,
  policy,
  lang = 'en',
  attributes = '',
  scripts = BOTH,
  prepare,
}: WindowPage): Promise<{ page: Page; parts: string[]; complaints: string[] }> => {
  const tags = scripts.map(
    (file) =>
      `<script type="module" async ${attributes || integrityOf(file)} src="${gateway}/v1/${file}"></script>`,
  )
  const site = await startSite(
    siteOf({
      '/': {
        headers: policy ? { 'content-security-policy': policy } : {},
        html: `<!doctype html><html lang="${lang}"><title>Window</title><link rel="icon" href="data:,">
          ${tags.join('')}${body}`,
      },
    }),
  )
  const page = await context.newPage()
  const parts: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => {
    const [, part] = /chat-window-([a-z]+)-\w{8}\.js$/.exec(request.url()) ?? []
    if (part) parts.push(part)
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  await recordViolations(page)
  await prepare?.(page)
  await page.goto(site)
  return { page, parts, complaints }
}

export const tagFor = async (user: string): Promise<string> =>
  `<chat-session app-id="app" user-id="${user}" token="${await tokenFor(user)}"></chat-session>`

export const ready = (page: Page): Promise<void> =>
  page.locator('chat-window:state(ready)').first().waitFor({ state: 'attached' })

/** Starts a session of a user in Node. */
export const sessionOf = async (gateway: string, user: string): Promise<ChatSession> => {
  const session = newSession({ endpoint: gateway, token: await tokenFor(user) })
  await session.start()
  return session
}

/** Writes a message in the open conversation, and waits until it is stored. */
export const write = async (page: Page, body: string): Promise<void> => {
  await page.locator('textarea').fill(body)
  await page.keyboard.press('Enter')
  await page.locator('[part~=own]').filter({ hasText: body }).getByRole('img', { name: 'Sent' }).waitFor()
}
