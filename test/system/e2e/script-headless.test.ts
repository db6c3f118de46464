/** `ChatSession` of the script, where there are no custom elements. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatSession } from '../../../src/session/index.js'
import { newContext } from '../../support/browsers/browser.js'
import { siteOf, startSite, startSiteGateway } from '../../support/sites/element-page.js'
import { complaintsOf } from '../../support/sites/page-state.js'
import { tokenFor } from '../../support/tokens.js'

const context = await newContext()

/** Starts a session, sends a message and reads it back, as a page or a worker would. Runs in the browser, as text. */
const converse = `async ({ gateway, token, transports }) => {
  const { ChatSession } = await import(gateway + '/v1/chat-session.js')
  const session = new ChatSession({ endpoint: gateway, appId: 'app', token, transports })
  const received = new Promise((resolve) => session.addEventListener('message', resolve))
  const { error } = await session.start()
  if (error) return error.message
  await session.send({ to: 'ada', body: 'Hello' })
  const { detail } = await received
  const [message] = await session.history()
  const { transport } = session
  await session.end()
  return [transport, detail.message.body, message.body, session.state].join()
}`

declare global {
  interface Window {
    ChatSession: typeof ChatSession
  }
}

for (const transport of ['websocket', 'stream'])
  for (const [place, isWorker] of [
    ['where customElements is null, as in the content script of an extension,', false],
    ['in a module worker, which has no HTMLElement,', true],
  ] as const)
    test(`${place} the script’s ChatSession works by ${transport}`, async () => {
      const gateway = await startSiteGateway()
      const page = await context.newPage()
      const complaints = complaintsOf(page)
      if (!isWorker)
        await page.addInitScript(() => Object.defineProperty(window, 'customElements', { value: null }))
      await page.goto(
        await startSite(
          siteOf({ '/': { html: '<!doctype html><title>Headless</title><link rel="icon" href="data:,">' } }),
        ),
      )
      const given = JSON.stringify({ gateway, token: await tokenFor('ada'), transports: [transport] })
      const worker = `(${converse})(${given}).then(postMessage, (error) => postMessage(String(error)))`
      const result = isWorker
        ? await page.evaluate(
            (text) =>
              new Promise((resolve) => {
                const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
                new Worker(url, { type: 'module' }).onmessage = ({ data }) => resolve(data)
              }),
            worker,
          )
        : await page.evaluate(`(${converse})(${given})`)
      assert.equal(result, `${transport},Hello,Hello,ended`)
      // A stream closes with a post that the gateway may answer with 404, which the console shows.
      if (transport === 'websocket') assert.deepEqual(complaints, [])
    })
