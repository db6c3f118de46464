import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newContext } from '../../support/browsers/browser.js'
import {
  recordViolations,
  siteOf,
  startSiteGateway,
  startSite,
  violationsOf,
} from '../../support/sites/element-page.js'
import { tokenFor } from '../../support/tokens.js'

const context = await newContext()

test('a page with a strict Content-Security-Policy has an active session and no violation', async () => {
  const policy = "default-src 'none'; script-src 'self'; connect-src 'self' ws:"
  const token = await tokenFor('csp')
  const url = await startSiteGateway(
    siteOf({
      '/': {
        headers: { 'content-security-policy': policy },
        html: `<!doctype html><title>Strict</title>          <script type="module" async src="/v1/chat-session.js"></script>
          <chat-session app-id="app" user-id="csp" token="${token}"></chat-session>`,
      },
    }),
  )
  const page = await context.newPage()
  await recordViolations(page)
  await page.goto(url)
  await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
  assert.equal(
    await page.locator('chat-session').evaluate((element) => getComputedStyle(element).display),
    'contents',
  )
  assert.deepEqual(await violationsOf(page), [])

  await page.evaluate(() => document.body.setAttribute('style', 'color: red'))
  await page.waitForFunction(() => 'violations' in window && String(window.violations))
  assert.deepEqual(await violationsOf(page), ['style-src-attr inline'], 'a violation is recorded')
})

test('if the policy forbids the connection, the session fails at once as blocked-by-csp', async () => {
  const gateway = await startSiteGateway()
  const token = await tokenFor('csp')
  const site = await startSite(
    siteOf({
      '/': {
        headers: { 'content-security-policy': `script-src ${gateway}; connect-src 'self'` },
        html: `<!doctype html><title>Forbidden</title>
          <chat-session app-id="app" user-id="csp" token="${token}"></chat-session>
          <script type="module" src="${gateway}/v1/chat-session.js"></script>`,
      },
    }),
  )
  const page = await context.newPage()
  await page.goto(site)
  await page.locator('chat-session:state(failed)').waitFor({ state: 'attached' })
  const error = await page
    .locator('chat-session')
    .evaluate(({ error }: HTMLElementTagNameMap['chat-session']) => ({
      code: error?.code,
      message: error?.message,
    }))
  assert.deepEqual(error, {
    code: 'blocked-by-csp',
    message: `blocked-by-csp: ${gateway}/v1/errors#blocked-by-csp`,
  })
})

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
