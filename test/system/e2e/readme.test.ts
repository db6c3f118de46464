// Runs the README's first snippets in a page, its calls from a server, and the pinned tag of docs/ELEMENT.md.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import type { GatewayConfig } from '../../../src/gateway/index.js'
import { createToken } from '../../../src/tokens/index.js'
import type {} from '../../../src/element/define.js'
import { startDev } from '../../../src/cli/dev/dev.js'
import { newContext } from '../../support/browsers/browser.js'
import { startGateway } from '../../support/gateway.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { siteOf, startSiteGateway, startSite, watch } from '../../support/sites/element-page.js'
import { startClient } from '../../support/raw-client.js'
import { startOf } from '../../support/starts.js'
import { secret, tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

const context = await newContext()
const read = (name: string): Promise<string> => readFile(new URL(`../../../${name}`, import.meta.url), 'utf8')
const readme = await read('README.md')
const elementPage = await read('docs/ELEMENT.md')

/** Returns the first block of a language on a page that contains `text`. */
const blockWith = (text: string, page = readme, language = 'html'): string => {
  const block = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].find(
    ([, its, code]) => its === language && code?.includes(text),
  )?.[2]
  assert.ok(block, text)
  return block
}

const firstScreen = blockWith('session-started')
const pinnedTag = blockWith('integrity=', elementPage)
const plainTag = /<script type="module".*<\/script>/

/** Serves the README's page, for a user of a gateway at another address. */
const pageOn = async (gateway: string, html: string): Promise<string> => {
  const token = await tokenFor('12345')
  return startSite(
    siteOf({
      '/': {
        html: html
          .replaceAll('https://chat.example.com', gateway)
          .replace('hF83jaq', 'app')
          .replace('eyJhbGciOi…', token),
      },
    }),
  )
}

test('the README’s first lines start a session and receive session-started', async () => {
  const { page, complaints } = await watch(context)
  const logged = page.waitForEvent('console')
  await page.goto(await pageOn(await startSiteGateway(), firstScreen))
  assert.equal((await logged).text(), 'live as 12345')
  assert.deepEqual(complaints, [])
})

test('the README’s page without a server connects when this machine serves it', async () => {
  const dev = await startDev({ host: '127.0.0.1', port: 0, data: scratchFolder() })
  after(() => dev.close())
  const html = blockWith('Not connected').replace('http://127.0.0.1:8080', dev.url)
  const { page, complaints } = await watch(context)
  await page.goto(await startSite(siteOf({ '/': { html } })))
  await page.getByText('active', { exact: true }).waitFor()
  assert.deepEqual(complaints, [])
})

test('the README’s calls from a server send a message and end the user’s sessions', async () => {
  const gateway = await startSiteGateway()
  const client = await startClient(gateway, await startOf('12345'))
  process.env['CHAT_SECRET'] = secret
  const code = blockWith('createRestClient', readme, 'js')
    .replace('chat-session/rest', new URL('../../../dist/rest-client/index.js', import.meta.url).href)
    .replace('https://chat.example.com', gateway)
    .replace('hF83jaq', 'app')
  await import(`data:text/javascript,${encodeURIComponent(code)}`)
  assert.equal((await client.next('message'))['body'], 'Your order is on its way.')
  assert.equal((await client.next('ended'))['code'], 'revoked')
})

const stepFour = blockWith('send({ to')

/** Starts a gateway with the README's config, and a site whose page has the README's tag and the code of its step 4. */
const startStepFour = async () => {
  const site = { html: '' }
  const siteUrl = await startSite((_, response) =>
    response.setHeader('content-type', 'text/html').end(site.html),
  )
  const config = blockWith('"apps"', readme, 'json')
    .replace('{ "env": "CHAT_SECRET" }', JSON.stringify(secret))
    .replace('https://www.example.com', siteUrl)
  const { apps } = JSON.parse(config) as Pick<GatewayConfig, 'apps'>
  const { gateway, url } = await startGateway({}, { apps })
  const createUserToken = (userId: string) => createToken({ appId: 'hF83jaq', userId, secret })
  site.html = `<!doctype html>
<script>
  document.addEventListener('session-unread', ({ detail }) => console.info(detail.unread, 'unread'))
</script>
<script type="module" async src="${url}/v1/chat-session.js"></script>
<chat-session app-id="hF83jaq" user-id="12345" token="${await createUserToken('12345')}"></chat-session>
${stepFour}`
  /** Opens the page. `shown` has what its console and its uncaught errors say. */
  const open = async () => {
    const { page } = await watch(context)
    const shown: string[] = []
    page.on('console', (message) => shown.push(message.text()))
    page.on('pageerror', ({ message }) => shown.push(message))
    await page.goto(siteUrl)
    await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
    await page.locator('#hello').click()
    return { page, shown }
  }
  return { url, backend: gateway.client('hF83jaq'), createUserToken, open }
}

test('on the README’s config its step 4 says that there is no bob, and when a user exists', async () => {
  const { url, backend, createUserToken, open } = await startStepFour()
  const { shown } = await open()
  await until('send() rejects', () => shown.length, 1)
  const explained = await (await fetch(`${url}/v1/errors`)).text()
  for (const words of ['first session', 'putUser', 'message of the backend', 'unknownRecipients'])
    for (const text of [shown[0], /<article id="unknown-user">.*?<\/article>/s.exec(explained)?.[0]])
      assert.ok(text?.includes(words), `${words} in ${text}`)

  await backend.putUser({ user: 'bob', body: {} })
  const bob = await startClient(url, { type: 'start', appId: 'hF83jaq', token: await createUserToken('bob') })
  await open()
  assert.equal((await bob.next('message'))['body'], 'Hello')
})

test('with the README’s step 4 a message that the page has shown is read, so `unread` falls to 0', async () => {
  const { backend, open } = await startStepFour()
  await backend.putUser({ user: 'bob', body: {} })
  const { page, shown } = await open()
  await backend.sendMessage({ user: '12345', body: { from: 'bob', body: 'Hi' } })
  for (const line of ['bob Hi', '1 unread', '0 unread'])
    await until(`the console says ${line}`, () => shown.includes(line))
  assert.equal(await page.evaluate(() => document.querySelector('chat-session')?.unread), 0)
})

test('the tag with a version and a hash starts a session with a gateway of another origin', async () => {
  const { page, complaints } = await watch(context)
  await page.goto(await pageOn(await startSiteGateway(), firstScreen.replace(plainTag, pinnedTag)))
  await page.locator('chat-session:state(active)').waitFor({ state: 'attached' })
  assert.deepEqual(complaints, [])
})

test('the browser does not run a script with another hash', async () => {
  const wrong = pinnedTag.replace(
    /sha384-./,
    (start) => `${start.slice(0, -1)}${start.endsWith('A') ? 'B' : 'A'}`,
  )
  assert.notEqual(wrong, pinnedTag)
  const { page, complaints } = await watch(context)
  const refused = page.waitForEvent('console', (message) => message.type() === 'error')
  await page.goto(await pageOn(await startSiteGateway(), firstScreen.replace(plainTag, wrong)))
  assert.match((await refused).text(), /integrity/)
  assert.equal(complaints.length, 1)
  assert.equal(await page.evaluate(() => customElements.get('chat-session')), undefined)
  assert.equal(await page.locator('chat-session:not(:defined)').count(), 1)
})
