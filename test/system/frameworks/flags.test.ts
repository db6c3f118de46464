// Boolean attributes as Vue sets them: as an attribute, as a property, and in the HTML of a server.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { press, startPages, visit } from './harness.js'

const pages = await startPages()
const vue = new URL('../../../demo/frameworks/node_modules/vue/', import.meta.url)

/** The elements with an id that begins with `set` have the flags. */
const template = `<div>
  <chat-session id="set bare" guest manual notifications />
  <chat-session id="set" :guest="true" :manual="true" :notifications="true" />
  <chat-session id="false" :guest="false" :manual="false" :notifications="false" />
  <chat-session id="absent" :guest="null" :manual="undefined" />
</div>`

/** Opens a page and waits until it is parsed. */
const open = async (path: string): Promise<Page> => {
  const { page } = await visit(pages, path)
  await page.waitForLoadState('domcontentloaded')
  return page
}

/** Mounts the template with Vue. */
const mount = async (page: Page): Promise<void> => {
  await page.addScriptTag({ path: fileURLToPath(new URL('dist/vue.global.js', vue)) })
  await page.evaluate(`{
    const app = Vue.createApp({ template: ${JSON.stringify(template)} })
    app.config.compilerOptions.isCustomElement = (tag) => tag === 'chat-session'
    app.mount(document.body.appendChild(document.createElement('div')))
  }`)
}

/** Returns whether each flag is set, by the elements' ids. */
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

test('Vue: a flag without a value is set, and a false flag is not set', async () => {
  const page = await open('/plain')
  await page.evaluate(() => customElements.whenDefined('chat-session').then(() => undefined))
  await mount(page)
  assert.deepEqual(await flagsIn(page), expected)
})

test('Vue: a false flag is not set on an element that is registered later', async () => {
  const page = await open('/plain/late')
  await mount(page)
  await press(page, 'Load the script')
  assert.deepEqual(await flagsIn(page), expected)
})

test('Vue: a false flag is not set by the HTML of a server, which has it as the text false', async () => {
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
