// Runs the page of docs/SERVER-RENDERED.md that a server draws from the inbox, and goes on live from there.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { newContext } from '../../support/browsers/browser.js'
import { startGateway } from '../../support/gateway.js'
import { startSite, watch } from '../../support/sites/element-page.js'
import { secret, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const guide = readFileSync(new URL('../../../docs/SERVER-RENDERED.md', import.meta.url), 'utf8')
const blockWith = (text: string): string =>
  [...guide.matchAll(/^```\w+\n(.*?)^```$/gms)]
    .map(([, code = '']) => code)
    .find((code) => code.includes(text)) ?? assert.fail(text)

/** Opens the page, with these items and this position, for a user who has two messages, and then gets a third. */
const open = async (items: string, sinceOf: (since: string) => string) => {
  const { gateway, url } = await startGateway({ secrets: [secret] })
  const backend = gateway.client('app')
  const send = (body: string) => backend.sendMessage({ user: '12345', body: { body } })
  for (const body of ['one', 'two']) await send(body)
  const { since = '' } = await backend.listMessages({ user: '12345' })
  const token = await tokenFor('12345')
  const site = await startSite((_, response) => {
    const page = blockWith('since="')
      .replace(/<li>.*<\/li>/, items)
      .replace('hF83jaq', 'app')
      .replace('eyJhbGciOi…', token)
      .replace(/since=".*?"/, `since="${sinceOf(since)}"`)
    response.setHeader('content-type', 'text/html').end(`<!doctype html>
<script type="module" src="${url}/v1/chat-session.js"></script>
${page}<script>${blockWith('replaceChildren')}</script>`)
  })
  const { page, complaints } = await watch(await newContext())
  await page.goto(site)
  await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
  await send('three')
  const shown = page.locator('#messages li')
  await until(
    'the page shows three messages',
    async () => (await shown.allTextContents()).join(),
    'one,two,three',
  )
  assert.deepEqual(complaints, [])
}

test('a page that a server drew gets the messages after those that it shows', async () => {
  await open('<li>one</li>\n<li>two</li>', (since) => since)
})

test('a page that a server drew while the gateway was away fills its list when the session has started', async () => {
  await open('', () => '')
})
