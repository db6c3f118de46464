// Runs the README's first snippets in a page, its calls from a server, and the pinned tag of docs/ELEMENT.md.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { startDev } from '../../../src/cli/dev/dev.js'
import { newContext } from '../../support/browsers/browser.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { siteOf, startSiteGateway, startSite, watch } from '../../support/sites/element-page.js'
import { startClient } from '../../support/raw-client.js'
import { startOf } from '../../support/starts.js'
import { secret, tokenFor } from '../../support/tokens.js'

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
