// The script in the content script of an extension, which has no custom elements.
import { strict as assert } from 'node:assert'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { siteOf, startSite, startSiteGateway } from '../../../support/sites/element-page.js'
import { scratchFolder } from '../../../support/scratch-folder.js'
import { tokenFor } from '../../../support/tokens.js'
import { until } from '../../../support/until.js'
import { executablePath } from './lone-browser.js'

const manifest = {
  manifest_version: 3,
  name: 'Chat',
  version: '1',
  content_scripts: [{ matches: ['http://127.0.0.1/*'], js: ['content.js'] }],
  web_accessible_resources: [{ resources: ['*.js'], matches: ['http://127.0.0.1/*'] }],
}

/** Writes what became of the session into the page's title. */
const content = (given: unknown): string => `
  const talk = async ({ endpoint, token }) => {
    const { ChatSession } = await import(chrome.runtime.getURL('chat-session.js'))
    const session = new ChatSession({ endpoint, appId: 'app', token })
    const { error } = await session.start()
    if (error) throw error
    await session.send({ to: 'ada', body: 'Hello' })
    const [message] = await session.history()
    return [customElements, message.body].join()
  }
  talk(${JSON.stringify(given)}).catch(String).then((text) => (document.title = text))`

test('an extension that brings the script and its parts has a session in its content script', async () => {
  const endpoint = await startSiteGateway()
  const folder = scratchFolder()
  cpSync(fileURLToPath(new URL('../../../../dist/cdn', import.meta.url)), folder, { recursive: true })
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  writeFileSync(join(folder, 'content.js'), content({ endpoint, token: await tokenFor('ada') }))
  const context = await chromium.launchPersistentContext('', {
    executablePath,
    args: ['--no-sandbox', `--disable-extensions-except=${folder}`, `--load-extension=${folder}`],
    ignoreDefaultArgs: ['--disable-extensions'],
    timeout: 120_000,
  })
  after(() => context.close())
  const page = await context.newPage()
  await page.goto(await startSite(siteOf({ '/': { html: '<!doctype html><title>Page</title>' } })))
  await until('what became of the session', async () => (await page.title()) !== 'Page', true)
  assert.equal(await page.title(), ',Hello')
})
