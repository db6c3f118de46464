// Pages in the browser's back/forward cache, in a browser that really has one.
import { strict as assert } from 'node:assert'
import type { Page } from 'playwright-core'
import {
  activeId,
  messagesIn,
  sender,
  serveSite,
  startDurableGateway,
  untilReceived,
  withToken,
  type Site,
} from '../../../support/sites/rendered-site.js'
import { goTo, openTab, testAgain, watch } from './lone-browser.js'

const context = await watch()

const open = async ({ url }: Site): Promise<Page> => {
  const page = await openTab(context)
  await page.goto(url)
  return page
}

testAgain(
  'back and forth between pages in the cache is one session, and each page shown receives every message once',
  async () => {
    const gateway = await startDurableGateway()
    const bob = await sender(gateway)
    const site = await serveSite(gateway, withToken('ada'))
    const page = await open(site)
    const id = await activeId(page)
    await page.goto(`${site.url}/next`)
    assert.equal(await activeId(page), id)
    await bob.send({ to: 'ada', body: 'on the next page' })
    await untilReceived(page, 'message on the next page')
    const sent = ['message on the next page']
    for (const [round, delta, path] of [
      ['one', -1, '/'],
      ['two', 1, '/next'],
      ['three', -1, '/'],
    ] as const) {
      await goTo(page, delta, site.url + path)
      assert.equal(await activeId(page), id)
      await bob.send({ to: 'ada', body: round })
      await untilReceived(page, `message ${round}`)
      sent.push(`message ${round}`)
      // A page from the cache gets what the tab's other page has shown meanwhile.
      assert.deepEqual(await messagesIn(page), sent)
    }
    assert.deepEqual(site.views, ['/', '/next'])
  },
)

testAgain(
  'a page that the browser keeps with an open connection, which it closes, goes on with its session',
  async () => {
    const gateway = await startDurableGateway()
    const bob = await sender(gateway)
    const site = await serveSite(
      gateway,
      async (path) => (path === '/plain' ? undefined : withToken('ada')(path)),
      undefined,
      '',
      // The element's own close at `pagehide` does nothing. The browser keeps the page all the same, since Chrome 149.
      `<script>
        const { close } = WebSocket.prototype
        addEventListener('pagehide', () => (WebSocket.prototype.close = () => undefined), true)
        addEventListener('pageshow', () => (WebSocket.prototype.close = close), true)
        window.codes = []
        window.WebSocket = class extends WebSocket {
          constructor(...args) {
            super(...args)
            this.addEventListener('close', ({ code }) => codes.push(code))
          }
        }
      </script>`,
    )
    const page = await open(site)
    const id = await activeId(page)
    await page.goto(`${site.url}/plain`)
    await bob.send({ to: 'ada', body: 'meanwhile' })
    await goTo(page, -1, `${site.url}/`)
    await untilReceived(page, 'message meanwhile')
    assert.equal(await activeId(page), id)
    assert.deepEqual(await page.evaluate('codes'), [1006])
  },
)

testAgain('a page that sleeps while it is hidden is kept in the cache', async () => {
  const gateway = await startDurableGateway()
  const bob = await sender(gateway)
  const site = await serveSite(gateway, async (path) => ({
    ...(await withToken('ada')(path)),
    'sleep-hidden': '',
  }))
  const page = await open(site)
  const id = await activeId(page)
  await page.goto(`${site.url}/next`)
  assert.equal(await activeId(page), id)
  await goTo(page, -1, `${site.url}/`)
  await bob.send({ to: 'ada', body: 'back' })
  await untilReceived(page, 'message back')
  assert.equal(await activeId(page), id)
})
