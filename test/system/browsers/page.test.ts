import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { chatTag, gatewayScript, servePage, shopTokenFor } from '../../support/sites/static-page.js'
import { until } from '../../support/until.js'
import { startShopGateway } from '../../support/sites/shop-gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { activeId, logOut, serveAda, startBob, tabs, untilReceived, untilIs, untilState } from './tabs.js'

for (const [name, tab] of tabs) {
  test(`${name}: the script tag starts a session that gets a message, and logs out`, async () => {
    const gateway = await startShopGateway()
    const bob = await startBob(gateway)
    const { url } = await serveAda(gateway)
    await tab.goto(url)
    await activeId(tab)
    await untilIs(tab, `document.querySelector('chat-session').matches(':state(active)')`, true)
    assert.equal(
      await tab.evaluate(`getComputedStyle(document.querySelector('chat-session')).display`),
      'contents',
    )
    await bob.send({ to: 'ada', body: 'Hello' })
    await untilReceived(tab, 'message Hello')
    await untilIs(tab, `document.querySelector('chat-session').matches(':state(unread)')`, true)
    await logOut(tab)
    await untilReceived(tab, 'over: logged out')
    await bob.end()
    await until('open connections', gateway.open, 0)
  })

  test(`${name}: the next page of the tab has the same session, on a new connection`, async () => {
    const gateway = await startShopGateway()
    const { url } = await serveAda(gateway)
    await tab.goto(url)
    const id = await activeId(tab)
    for (const connections of [2, 3]) {
      const path = `/next?${connections}`
      await tab.evaluate(
        `void (document.querySelector('a').href = '${path}', document.querySelector('a').click())`,
      )
      await untilIs(tab, 'location.pathname + location.search', path)
      assert.equal(await activeId(tab), id)
      assert.equal(gateway.tried(), connections)
    }
  })

  test(`${name}: a link that answers 204 leaves the page's session as it is`, async () => {
    const gateway = await startShopGateway()
    const bob = await startBob(gateway)
    const { url } = await serveAda(gateway, {}, () => ({ status: 204 }))
    await tab.goto(url)
    const id = await activeId(tab)
    await tab.evaluate(
      `void (document.querySelector('a').href = '/api/', document.querySelector('a').click())`,
    )
    await bob.send({ to: 'ada', body: 'Still there?' })
    await untilReceived(tab, 'message Still there?')
    assert.equal(await activeId(tab), id)
  })

  test(`${name}: a Content-Security-Policy that forbids the connection fails the session as blocked-by-csp`, async () => {
    const gateway = await startShopGateway()
    const html = `<!doctype html><title>Forbidden</title>${gatewayScript(gateway.url)}${chatTag({ token: await shopTokenFor('ada') })}`
    const { url } = await startServer((_, response) =>
      response
        .setHeader('content-security-policy', `script-src ${gateway.url}; connect-src 'self'`)
        .setHeader('content-type', 'text/html')
        .end(html),
    )
    await tab.goto(url)
    await untilState(tab, 'failed')
    assert.equal(await tab.evaluate(`document.querySelector('chat-session').error.code`), 'blocked-by-csp')
    assert.equal(gateway.tried(), 0)
  })

  test(`${name}: a page with Trusted Types loads the parts by the script’s policy, and an error names it where it is forbidden`, async () => {
    const gateway = await startShopGateway()
    const html = `<!doctype html><title>Inbox</title>${gatewayScript(gateway.url)}${chatTag({ token: await shopTokenFor('ada') })}`
    const historyWith = async (list: string): Promise<unknown> => {
      const { url } = await startServer((_, response) =>
        response
          .setHeader('content-security-policy', `require-trusted-types-for 'script'; trusted-types ${list}`)
          .setHeader('content-type', 'text/html')
          .end(html),
      )
      await tab.goto(url)
      await activeId(tab)
      await tab.evaluate(`void document.querySelector('chat-session').history().then(
        ({ length }) => (document.title = length), ({ message }) => (document.title = message))`)
      await untilIs(tab, `document.title !== 'Inbox'`, true)
      return tab.evaluate('document.title')
    }
    assert.equal(await tab.evaluate('typeof trustedTypes'), 'object')
    assert.equal(await historyWith('chat-session'), '0')
    assert.match(
      String(await historyWith('default')),
      /^script-unavailable: trusted-types needs chat-session/,
    )
  })

  test(`${name}: a sandboxed frame, where storage is forbidden, has a session of its own`, async () => {
    const gateway = await startShopGateway()
    const framed = `${gatewayScript(gateway.url)}${chatTag({ token: await shopTokenFor('ada') })}
      <script>
        let storage = 'allowed'
        try { sessionStorage.length } catch ({ name }) { storage = name }
        document.addEventListener('session-started', () => parent.postMessage([origin, storage].join(' '), '*'))
      </script>`
    const { url } =
      await servePage(`<script>addEventListener('message', ({ data }) => (window.received = data))</script>
      <iframe sandbox="allow-scripts" srcdoc='${framed.replaceAll("'", '&#39;')}'></iframe>`)
    await tab.goto(url)
    await untilIs(tab, 'window.received', 'null SecurityError')
  })
}
