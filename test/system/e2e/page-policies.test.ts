/** Every feature of the script in pages whose headers forbid what pages may forbid. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import { newSession, nextEvent } from '../../support/clients/client-sessions.js'
import {
  recordViolations,
  siteOf,
  startSite,
  startSiteGateway,
  violationsOf,
} from '../../support/sites/element-page.js'
import { complaintsOf } from '../../support/sites/page-state.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

type ChatElement = HTMLElementTagNameMap['chat-session']

const context = await newContext()

const integrity = JSON.parse(
  readFileSync(new URL('../../../dist/cdn/integrity.json', import.meta.url), 'utf8'),
) as Record<string, string>

/** An icon of 2 × 2 pixels. */
const icon = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAYAAABytg0kAAAAEElEQVR42mP8z8AARAwQCgAf7gMAbNWbUAAAAABJRU5ErkJggg==',
  'base64',
)

const tagFor = async (userId: string, attributes: string): Promise<string> =>
  `<chat-session app-id="app" user-id="${userId}" token="${await tokenFor(userId)}" ${attributes}></chat-session>`

type Headers = Record<string, string>

/** Opens a page with these headers, of a site that is not the gateway's. Its service worker loads the gateway's script. */
const open = async (
  gateway: string,
  headers: Headers,
  workerHeaders: Headers,
): Promise<{ page: Page; url: string }> => {
  const pages = siteOf({
    '/': {
      headers,
      html: `<!doctype html><title>Inbox</title><link rel="icon" href="/icon.png">
        <script type="module" src="${gateway}/v1/chat-session.js" crossorigin integrity="${integrity['chat-session.js']}"></script>
        ${await tagFor('ada', 'badge="title favicon app" notifications sleep-hidden')}
        ${await tagFor('eve', 'transports="stream"')}
        <chat-unread></chat-unread>
        <form method="post" action="/messages" data-chat-session>
          <input type="hidden" name="to" value="bob"><input name="body" value="By a form"><button>Send</button>
        </form>`,
    },
  })
  const url = await startSite((request, response) => {
    if (request.url === '/icon.png')
      response.writeHead(200, { 'content-type': 'image/png', 'access-control-allow-origin': '*' }).end(icon)
    else if (request.url === '/sw.js')
      response
        .writeHead(200, { 'content-type': 'text/javascript', ...workerHeaders })
        .end(`importScripts('${gateway}/v1/chat-session-worker.js')`)
    else pages(request, response)
  })
  const page = await context.newPage()
  await recordViolations(page)
  await page.goto(url)
  return { page, url }
}

/** What a page may forbid without any effect on the rest. */
type Forbidden = 'favicon' | 'stream' | 'worker'

/** Tries every feature as a user would, and fails if one does not work that the page does not forbid. */
const tryAll = async (
  { page, url }: { page: Page; url: string },
  gateway: string,
  forbidden: readonly Forbidden[],
): Promise<void> => {
  const bob = newSession({ endpoint: gateway, user: { id: 'bob' }, token: await tokenFor('bob') })
  await bob.start()
  await page.locator('chat-session:state(active)').first().waitFor({ state: 'attached' })
  await bob.send({ to: 'ada', body: 'Hello' })
  await page.locator('chat-unread', { hasText: '1' }).waitFor()
  await page.waitForFunction(() => document.title === '(1) Inbox')
  const received = nextEvent(bob, 'message')
  await page.locator('form button').click()
  assert.equal((await received).detail.message.body, 'By a form')
  assert.equal(page.url(), `${url}/`)
  const ada = page.locator('chat-session').first()
  assert.equal(await ada.evaluate((element) => getComputedStyle(element).display), 'contents')
  assert.equal(await ada.evaluate(async (element: ChatElement) => (await element.history()).length), 2)

  const eve = page.locator('chat-session').nth(1)
  const streamed = (): Promise<string | undefined> =>
    eve.evaluate(({ session, error }: ChatElement) => session?.transport ?? error?.code)
  await until(
    'what became of the stream',
    streamed,
    forbidden.includes('stream') ? 'blocked-by-csp' : 'stream',
  )

  const worker = await page.evaluate(async () => {
    try {
      await navigator.serviceWorker.register('/sw.js')
      await navigator.serviceWorker.ready
      return true
    } catch {
      return false
    }
  })
  assert.equal(worker, !forbidden.includes('worker'))

  const iconOf = (): Promise<string> => page.evaluate(() => document.querySelector('link')?.href ?? '')
  if (!forbidden.includes('favicon'))
    await until('the icon has a dot', async () => (await iconOf()).startsWith('data:'), true)
  else assert.equal(await iconOf(), `${url}/icon.png`)
}

const webSocketOf = (gateway: string): string => gateway.replace('http', 'ws')

const rows: {
  name: string
  headers: (gateway: string) => Headers
  workerHeaders?: Headers
  forbidden?: Forbidden[]
  /** The violations that the page reports, without the addresses of its own site. */
  violations?: (gateway: string) => string[]
}[] = [
  {
    name: 'isolates itself with require-corp',
    headers: () => ({
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-opener-policy': 'same-origin',
    }),
    workerHeaders: { 'cross-origin-embedder-policy': 'require-corp' },
  },
  {
    name: 'isolates itself with credentialless',
    headers: () => ({
      'cross-origin-embedder-policy': 'credentialless',
      'cross-origin-opener-policy': 'same-origin',
    }),
    workerHeaders: { 'cross-origin-embedder-policy': 'credentialless' },
  },
  {
    name: 'forbids scripts without a hash',
    headers: () => ({ 'integrity-policy': 'blocked-destinations=(script)' }),
  },
  {
    name: 'forbids styles',
    headers: () => ({ 'content-security-policy': "style-src 'none'" }),
  },
  {
    name: 'forbids what Permissions-Policy can forbid',
    headers: () => ({
      'permissions-policy': 'unload=(), sync-xhr=(), storage-access=(), clipboard-write=(), fullscreen=()',
    }),
  },
  {
    name: 'forbids all images',
    headers: () => ({ 'content-security-policy': "img-src 'none'" }),
    forbidden: ['favicon'],
    violations: () => ['img-src'],
  },
  {
    name: 'forbids images by data:',
    headers: () => ({ 'content-security-policy': "img-src 'self'" }),
    forbidden: ['favicon'],
    violations: () => ['img-src data'],
  },
  {
    name: 'forbids workers',
    headers: () => ({ 'content-security-policy': "worker-src 'none'" }),
    forbidden: ['worker'],
    violations: () => ['worker-src'],
  },
  {
    name: 'has a worker that may load scripts of its own site only',
    headers: () => ({}),
    workerHeaders: { 'content-security-policy': "script-src 'self'" },
    forbidden: ['worker'],
  },
  {
    name: 'allows WebSockets only',
    headers: (gateway) => ({ 'content-security-policy': `connect-src ${webSocketOf(gateway)}` }),
    forbidden: ['stream'],
    violations: (gateway) => [`connect-src ${gateway}/v1/session/stream`],
  },
  {
    name: 'forbids WebSockets',
    headers: (gateway) => ({ 'content-security-policy': `connect-src ${gateway}` }),
    violations: (gateway) => [`connect-src ${webSocketOf(gateway)}/v1/session`],
  },
]
for (const { name, headers, workerHeaders = {}, forbidden = [], violations = () => [] } of rows)
  test(`a page that ${name} has everything else`, async () => {
    const gateway = await startSiteGateway()
    const opened = await open(gateway, headers(gateway), workerHeaders)
    const complaints = complaintsOf(opened.page)
    await tryAll(opened, gateway, forbidden)
    const own = new RegExp(` ${opened.url}/.*`)
    const reported = new Set((await violationsOf(opened.page)).map((text) => text.replace(own, '')))
    assert.deepEqual([...reported], violations(gateway))
    if (!forbidden.length && !reported.size) assert.deepEqual(complaints, [])
  })
