// The pages that docs/BACKENDS.md draws from a user's inbox, in a browser: each goes on live from what it shows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {} from '../../../src/element/define.js'
import { newContext } from '../../support/browsers/browser.js'
import { startServer } from '../../support/network/http-server.js'
import { APP, SECRET, startShopGateway } from '../../support/sites/shop-gateway.js'
import { createToken } from '../../../src/tokens/index.js'
import { startCaller } from './caller.js'
import { mintersOf, names } from './workspace.js'

const gateway = await startShopGateway()
const { sendMessage } = gateway.gateway.client(APP)

const hostile = `</li></ol><script>document.broken = 1</script> "it's" & &amp; <b>Zoë 😀</b>`

for (const language of names)
  test(`${language}: a page shows the inbox, and goes on live from there`, async () => {
    const [minter] = mintersOf(language)
    assert.ok(minter)
    const env = { CHAT_APP_ID: APP, CHAT_SECRET: SECRET, CHAT_ENDPOINT: gateway.url }
    const caller = startCaller(language, env, minter)
    const draw = async (user: string): Promise<string> => {
      const token = await createToken({ appId: APP, userId: user, secret: SECRET })
      const { answer, error } = await caller.call('chatPage', user, token)
      assert.equal(error, undefined)
      return answer as string
    }
    assert.match(await draw(`${language} never came`), /<ol id="messages"><\/ol>[^]* since=""/)

    const user = `${language} "><b>Zoë`
    await sendMessage({ user, body: { body: 'first' } })
    await sendMessage({ user, body: { body: hostile } })
    const html = await draw(user)
    await caller.close()
    await sendMessage({ user, body: { body: 'on its way' } })
    const site = await startServer((_, response) => {
      const script = `<script type="module" src="${gateway.url}/v1/chat-session.js"></script>`
      const list = `<script>window.seen = []
        document.addEventListener('session-message', ({ detail }) => seen.push(detail.message.body))</script>`
      response
        .setHeader('content-type', 'text/html; charset=utf-8')
        .end(`<!doctype html>${list}${script}${html}`)
    })
    const page = await (await newContext()).newPage()
    await page.goto(site.url)
    const seen = (length: number) =>
      page.waitForFunction(
        (length) => (window as unknown as { seen: string[] }).seen.length >= length,
        length,
      )
    await seen(1)
    await sendMessage({ user, body: { body: 'live' } })
    await seen(2)
    const shown = await page.evaluate(() => ({
      drawn: [...document.querySelectorAll('#messages > li')].map(({ textContent }) => textContent),
      user: document.querySelector('chat-session')?.session?.user?.id,
      seen: (window as unknown as { seen: string[] }).seen,
      broken: 'broken' in document,
    }))
    assert.deepEqual(shown, {
      drawn: ['first', hostile],
      user,
      seen: ['on its way', 'live'],
      broken: false,
    })
    await page.context().close()
    await site.close()
  })
