import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newContext } from '../../support/browsers/browser.js'
import { siteOf, startSiteGateway, startSite, watch } from '../../support/sites/element-page.js'
import { tokenFor } from '../../support/tokens.js'

const context = await newContext('--host-resolver-rules=MAP lan.test 127.0.0.1')

const tag = async (userId: string, attributes = ''): Promise<string> =>
  `<chat-session app-id="app" user-id="${userId}" token="${await tokenFor(userId)}" ${attributes}></chat-session>`

const active = { state: 'attached' } as const

test('on an http page without a secure context a session becomes active', async () => {
  const url = await startSiteGateway(
    siteOf({
      '/': {
        html: `<!doctype html><title>LAN</title><script type="module" async src="/v1/chat-session.js"></script>${await tag('lan')}`,
      },
    }),
  )
  const { page, complaints } = await watch(context)
  await page.goto(url.replace('127.0.0.1', 'lan.test'))
  assert.equal(await page.evaluate(() => isSecureContext), false)
  await page.locator('chat-session:state(active)').waitFor(active)
  assert.deepEqual(complaints, [])
})

test('in a sandboxed iframe, whose origin is null, a session becomes active', async () => {
  const gateway = await startSiteGateway()
  const framed = `<script type="module" src="${gateway}/v1/chat-session.js"></script>${await tag('sandbox')}`
  const site = await startSite(
    siteOf({
      '/': {
        html: `<!doctype html><title>Page</title><iframe sandbox="allow-scripts" src="/framed"></iframe>`,
      },
      '/framed': { html: `<!doctype html><title>Framed</title>${framed}` },
    }),
  )
  const { page, complaints } = await watch(context)
  await page.goto(site)
  const frame = page.frameLocator('iframe')
  await frame.locator('chat-session:state(active)').waitFor(active)
  assert.equal(await frame.locator('chat-session').evaluate(() => origin), 'null')
  assert.deepEqual(complaints, [])
})

test('a script that no gateway served sends credentials nowhere before it has an endpoint', async () => {
  const gateway = await startSiteGateway()
  const script = await (await fetch(`${gateway}/v1/chat-session.js`)).text()
  const site = await startSite(
    siteOf({
      '/': {
        html: `<!doctype html><title>CDN</title><script type="module" src="/npm/chat-session.js"></script>${await tag('cdn')}`,
      },
      '/npm/chat-session.js': { html: script, headers: { 'content-type': 'text/javascript' } },
    }),
  )
  const page = await context.newPage()
  const sockets: string[] = []
  page.on('websocket', (socket) => sockets.push(socket.url()))
  await page.goto(site)
  const failed = page.locator('chat-session:state(failed)')
  await failed.waitFor(active)
  const code = await failed.evaluate(({ error }: HTMLElementTagNameMap['chat-session']) => error?.code)
  assert.equal(code, 'no-endpoint')
  assert.deepEqual(sockets, [])

  await failed.evaluate((element, endpoint) => element.setAttribute('endpoint', endpoint), gateway)
  await page.locator('chat-session:state(active)').waitFor(active)
})
