/** What the console of a page says about mistakes that a new user makes. */
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { startGateway } from '../../support/gateway.js'
import { newContext } from '../../support/browsers/browser.js'
import { siteOf, startSite } from '../../support/sites/element-page.js'
import { chatOf, untilState } from '../../support/sites/page-state.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const context = await newContext()
const gateway = await startGateway()

/** Opens a page with this tag, on a site that answers other addresses than `/` as `backend` does. Returns the lines of its console. */
const open = async (
  attributes: string,
  backend: RequestListener = (_, response) => void response.writeHead(404).end(),
): Promise<{ page: Page; site: string; lines: string[] }> => {
  const html = `<!doctype html><title>Page</title><link rel="icon" href="data:,">
    <script type="module" src="${gateway.url}/v1/chat-session.js"></script>
    <script>errors = []; document.addEventListener('session-error', ({ detail }) => errors.push(detail.error.message))</script>
    <chat-session app-id="app" ${attributes}></chat-session>`
  const pages = siteOf({ '/': { html } })
  const site = await startSite((request, response) =>
    request.url === '/' ? pages(request, response) : backend(request, response),
  )
  const page = await context.newPage()
  const lines: string[] = []
  page.on('console', (message) => lines.push(message.text()))
  await page.goto(site)
  return { page, site, lines }
}

const ownLines = (lines: string[]): string[] => lines.filter((line) => line.startsWith('<chat-session>'))

/** Waits until the console has one line of the element, and returns it. */
const lineOf = async (lines: string[]): Promise<string> => {
  await until('the lines of the element', () => ownLines(lines).length, 1)
  return ownLines(lines).join('\n')
}

test('a bad field of the profile is left out, which the console and session-error say once, also after a new connection', async () => {
  const { page, lines } = await open(
    `token="${await tokenFor('ada')}" user-name="Ada" user-photo-url="/ada.png"`,
  )
  await untilState(page, 'active')
  const sentence =
    "The session has started without a part of the profile: 'photoUrl' must be an https URL, or be left out."
  assert.equal(await lineOf(lines), `<chat-session> ${sentence}`)
  const connectAgain = async (): Promise<unknown> => {
    const element = document.querySelector('chat-session')
    if (!element?.session) return 'There is no session.'
    const { session } = element
    dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
    while (session.state !== 'active')
      await new Promise((resolve) => session.addEventListener('state', resolve, { once: true }))
    // The answer comes after what the gateway says of the start.
    await session.history({ limit: 1 })
    return [session.user?.name, (window as unknown as { errors: string[] }).errors]
  }
  assert.deepEqual(await page.evaluate(connectAgain), ['Ada', [sentence]])
  assert.equal(await lineOf(lines), `<chat-session> ${sentence}`)
  await page.close()
})

test('a tag with a user and no credentials is told of them after five seconds', async () => {
  const { page, lines } = await open('user-id="ada"')
  assert.equal(await lineOf(lines), `<chat-session> no-credentials: ${gateway.url}/v1/errors#no-credentials`)
  assert.equal((await chatOf(page)).state, 'idle')
  await page.close()
})

test('a token URL that redirects is named', async () => {
  const { page, lines } = await open('user-id="ada" token-url="/api/token"', (request, response) => {
    if (request.url === '/api/token') response.writeHead(301, { location: '/api/token/' }).end()
    else response.end('a.b.c')
  })
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'signed-out')
  assert.deepEqual(ownLines(lines), [
    '<chat-session> token-url redirects: signed out',
    `<chat-session> signed-out: ${gateway.url}/v1/errors#signed-out`,
  ])
  await page.close()
})

for (const status of [404, 200])
  test(`a token URL that answers ${status} without a token is told what is wanted`, async () => {
    const { page, lines } = await open('user-id="ada" token-url="/api/token"', (_, response) => {
      response.writeHead(status).end('<!doctype html>Nothing')
    })
    assert.equal(
      await lineOf(lines),
      `<chat-session> unavailable: Error: token-url ${status}, not 200 with a token`,
    )
    await page.close()
  })
