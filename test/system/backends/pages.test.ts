// The pages that the code of docs/backends/ draws from a user's inbox, in a browser: each goes on live from what it shows, and is drawn without the
// gateway too.
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
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

/** What may answer in place of a gateway that is away. */
const failures: Record<string, (response: ServerResponse) => void> = {
  'an error of a proxy': (response) =>
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
  'an error of the gateway': (response) =>
    response
      .writeHead(503, { 'content-type': 'application/problem+json' })
      .end('{"status":503,"code":"unavailable","title":"Not now."}'),
  silence: () => undefined,
  'an answer without an end': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 100)
    response.once('close', () => clearInterval(timer))
  },
}

for (const language of names)
  test(`${language}: while the gateway is away a page is drawn without messages, and does not wait for it`, async () => {
    const [minter] = mintersOf(language)
    assert.ok(minter)
    let respond = failures['an error of a proxy']
    const server = await startServer((_, response) => respond?.(response))
    const env = { CHAT_APP_ID: APP, CHAT_SECRET: SECRET, CHAT_ENDPOINT: server.url }
    const caller = startCaller(language, env, minter)
    const assertDrawn = async (failure: string): Promise<void> => {
      const began = performance.now()
      const { answer, error } = await caller.call('chatPage', 'ada', 'a-token')
      const seconds = (performance.now() - began) / 1000
      assert.equal(error, undefined, failure)
      assert.match(answer as string, /<ol id="messages"><\/ol>[^]* token="a-token"[^]* since=""/, failure)
      // Half a second, and what a busy machine needs.
      assert.ok(seconds < 5, `${failure} took ${seconds} s`)
    }
    // The program's first call takes the time in which the program starts.
    await caller.call('chatPage', 'ada', 'a-token')
    for (const [failure, answer] of Object.entries(failures)) {
      respond = answer
      await assertDrawn(failure)
    }
    await server.close()
    await assertDrawn('a port that nobody listens on')
    await caller.close()
  })
