/** The script in pages whose other scripts, or the browser, have changed or removed built-ins. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import { siteOf, startSite, startSiteGateway } from '../../support/sites/element-page.js'
import { chatOf, complaintsOf, untilState } from '../../support/sites/page-state.js'
import { tokenFor } from '../../support/tokens.js'

const context = await newContext()

/** Opens a page with a `<chat-session>` in which `change` runs before all other scripts. */
const open = async (
  change: string,
  attributes = '',
): Promise<{ page: Page; gateway: string; complaints: string[] }> => {
  const gateway = await startSiteGateway()
  const page = await context.newPage()
  const complaints = complaintsOf(page)
  const tag = `<chat-session app-id="app" token="${await tokenFor('ada')}" ${attributes}></chat-session>`
  const html = `<!doctype html><title>Page</title><link rel="icon" href="data:,"><script>${change}</script>
    <script type="module" src="${gateway}/v1/chat-session.js"></script>${tag}`
  await page.goto(await startSite(siteOf({ '/': { html } })))
  return { page, gateway, complaints }
}

const withoutWebSocket = {
  'without a WebSocket': 'delete window.WebSocket',
  'whose WebSocket throws': `window.WebSocket = class { constructor() { throw new Error('Blocked.') } }`,
}

for (const [name, change] of Object.entries(withoutWebSocket))
  test(`in a page ${name} a stream carries the session`, async () => {
    const { page, complaints } = await open(change)
    await untilState(page, 'active')
    assert.equal(
      await page.evaluate(() => document.querySelector('chat-session')?.session?.transport),
      'stream',
    )
    assert.deepEqual(complaints, [])
  })

test('in a page without a WebSocket a session that may use no stream fails as no-websocket', async () => {
  const { page } = await open(withoutWebSocket['without a WebSocket'], 'transports="websocket"')
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'no-websocket')
})

test('in a page whose WebSocket throws, a session that may use no stream fails with the reason', async () => {
  const { page, complaints } = await open(
    withoutWebSocket['whose WebSocket throws'],
    'transports="websocket"',
  )
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'bad-endpoint')
  assert.match(complaints.join('\n'), /bad-endpoint.*Blocked\./)
})
