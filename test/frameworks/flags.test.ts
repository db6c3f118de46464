// Flags as Vue sets them, which has the most ways: as an attribute, as a property, and in the HTML that a server sends.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../src/element/chat-session.js'
import { press, startPages, visit } from './harness.js'

const pages = await startPages()
const vue = new URL('../../demo/frameworks/node_modules/vue/', import.meta.url)

/** Those with an id that begins with `set` have the flags. */
const template = `<div>
  <chat-session id="set bare" guest manual notifications />
  <chat-session id="set" :guest="true" :manual="true" :notifications="true" />
  <chat-session id="false" :guest="false" :manual="false" :notifications="false" />
  <chat-session id="absent" :guest="null" :manual="undefined" />
</div>`

/** A page that has arrived as a whole. */
const open = async (path: string): Promise<Page> => {
  const { page } = await visit(pages, path)
  await page.waitForLoadState('domcontentloaded')
  return page
}

/** Has Vue mount what the template says. */
const mount = async (page: Page): Promise<void> => {
  await page.addScriptTag({ path: fileURLToPath(new URL('dist/vue.global.js', vue)) })
  await page.evaluate(`{
    const app = Vue.createApp({ template: ${JSON.stringify(template)} })
    app.config.compilerOptions.isCustomElement = (tag) => tag === 'chat-session'
    app.mount(document.body.appendChild(document.createElement('div')))
  }`)
}

/** By id, whether each flag is set. */
const flagsIn = (page: Page): Promise<Record<string, boolean[]>> =>
  page.evaluate(async () => {
    await customElements.whenDefined('chat-session')
    const elements = [...document.querySelectorAll<ChatSessionElement>('chat-session[id]')]
    return Object.fromEntries(
      elements.map(({ id, guest, manual, notifications }) => [
        id,
        [guest, manual, notifications].map(Boolean),
      ]),
    )
  })

const expected = {
  'set bare': [true, true, true],
  set: [true, true, true],
  false: [false, false, false],
  absent: [false, false, false],
}

test('Vue: a flag without a value is set, and one that is false is not', async () => {
  const page = await open('/plain')
  await page.evaluate(() => customElements.whenDefined('chat-session').then(() => undefined))
  await mount(page)
  assert.deepEqual(await flagsIn(page), expected)
})

test('Vue: nor is it in front of an element that is registered later', async () => {
  const page = await open('/plain/late')
  await mount(page)
  await press(page, 'Load the script')
  assert.deepEqual(await flagsIn(page), expected)
})

test('Vue: nor is it in the HTML of a server, which has it as a text', async () => {
  const { createSSRApp } = (await import(new URL('index.mjs', vue).href)) as {
    createSSRApp: (component: unknown) => { config: { compilerOptions: Record<string, unknown> } }
  }
  const { renderToString } = (await import(new URL('server-renderer/index.mjs', vue).href)) as {
    renderToString: (app: unknown) => Promise<string>
  }
  const app = createSSRApp({ template })
  app.config.compilerOptions['isCustomElement'] = (tag: string) => tag === 'chat-session'
  const html = await renderToString(app)
  assert.match(html, /guest="false"/)
  const page = await open('/plain')
  await page.evaluate((html) => document.body.insertAdjacentHTML('beforeend', html), html)
  assert.deepEqual(await flagsIn(page), expected)
})
