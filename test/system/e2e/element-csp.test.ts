import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newContext } from '../../support/browsers/browser.js'
import { recordViolations, siteOf, startSiteGateway, violationsOf } from '../../support/sites/element-page.js'
import { tokenFor } from '../../support/tokens.js'

const context = await newContext()

test('a policy that is added later does not end a live session, and fails its next start as blocked-by-csp', async () => {
  const token = await tokenFor('csp')
  const url = await startSiteGateway(
    siteOf({
      '/': {
        html: `<!doctype html><title>Stricter</title>
          <script type="module" async src="/v1/chat-session.js"></script>
          <chat-session app-id="app" user-id="csp" token="${token}"></chat-session>`,
      },
    }),
  )
  const page = await context.newPage()
  await recordViolations(page)
  await page.goto(url)
  const tag = page.locator('chat-session')
  await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
  const address = `${url.replace('http', 'ws')}/v1/session`
  // The page itself tries to connect to the session's address, and to a prefix of that address.
  await page.evaluate((address) => {
    const policy = Object.assign(document.createElement('meta'), {
      httpEquiv: 'Content-Security-Policy',
      content: "connect-src 'none'",
    })
    document.head.append(policy)
    for (const other of [address, address.replace('/session', '')]) new WebSocket(other)
  }, address)
  await page.waitForFunction(() => 'violations' in window && (window.violations as string[]).length === 2)
  assert.deepEqual(await violationsOf(page), [
    `connect-src ${address}`,
    `connect-src ${address.replace('/session', '')}`,
  ])
  const sent = await tag.evaluate((element: HTMLElementTagNameMap['chat-session']) =>
    element.send({ to: 'csp', body: 'Still here' }),
  )
  assert.equal(sent.offset, 1)

  const code = await tag.evaluate(async (element: HTMLElementTagNameMap['chat-session']) => {
    const over = new Promise((resolve) => element.addEventListener('session-failed', resolve))
    await element.end()
    void element.start()
    await over
    return element.error?.code
  })
  assert.equal(code, 'blocked-by-csp')
})

test('a violation elsewhere in the page, which reports no URL, does not affect the session', async () => {
  const token = await tokenFor('csp')
  const url = await startSiteGateway(
    siteOf({
      '/': {
        headers: { 'content-security-policy': "object-src 'none'" },
        html: `<!doctype html><title>Forbidden elsewhere</title>
          <script type="module" src="/v1/chat-session.js"></script>
          <chat-session app-id="app" user-id="csp" token="${token}"></chat-session>`,
      },
    }),
  )
  const page = await context.newPage()
  await recordViolations(page)
  await page.goto(url)
  await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
  await page.evaluate(() => document.body.append(document.createElement('embed')))
  await page.evaluate(() => document.querySelector('embed')?.setAttribute('type', 'application/pdf'))
  await page.waitForFunction(() => 'violations' in window && String(window.violations))
  assert.equal((await violationsOf(page))[0], 'object-src ')
  assert.equal(
    await page.locator('chat-session').evaluate(({ state }: HTMLElementTagNameMap['chat-session']) => state),
    'active',
  )
})
