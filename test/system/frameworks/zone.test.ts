/** Pages of older Angular apps, whose zone.js replaces `addEventListener`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChatSessionElement } from '../../../src/element/chat-session.js'
import { newContext } from '../../support/browsers/browser.js'
import { siteOf, startSite, startSiteGateway } from '../../support/sites/element-page.js'
import { tokenFor } from '../../support/tokens.js'
import { until } from '../../support/until.js'

interface Listened {
  target: EventTarget
  type: string
  capture: boolean
}

declare global {
  interface Window {
    /** What was listened to on targets that outlive a session, before zone.js or the element could replace anything. */
    listened: Listened[]
  }
}

const packages = new URL('../../../demo/frameworks/node_modules/', import.meta.url)
const context = await newContext()

/** Opens a page whose first script is this version of zone.js, and whose last one is the gateway's. */
const open = async (zone: string, tags: string, prepare?: (page: Page) => Promise<void>): Promise<Page> => {
  const source = readFileSync(new URL(`${zone}/bundles/zone.umd.js`, packages), 'utf8')
  const gateway = await startSiteGateway()
  const page = await context.newPage()
  const html = `<!doctype html><title>Zone</title><link rel="icon" href="data:,"><body>
    <script>${source}</script><script type="module" src="${gateway}/v1/chat-session.js"></script>${tags}`
  await prepare?.(page)
  await page.addInitScript(() => {
    window.listened = []
    const { addEventListener } = EventTarget.prototype
    EventTarget.prototype.addEventListener = function (type, listener, options) {
      const outlives = this === window || this === document || this === navigator.serviceWorker
      const capture = typeof options === 'object' ? !!options.capture : !!options
      if (outlives) window.listened.push({ target: this, type, capture })
      return addEventListener.call(this, type, listener, options)
    }
  })
  await page.goto(await startSite(siteOf({ '/': { html }, '/next': { html } })))
  return page
}

const tagFor = async (userId: string, attributes: string): Promise<string> =>
  `<chat-session app-id="app" user-id="${userId}" token="${await tokenFor(userId)}" ${attributes}></chat-session>`

const untilActive = (page: Page): Promise<void> =>
  page.locator('chat-session:state(active)').first().waitFor({ state: 'attached' })

for (const version of ['0.11', '0.13', '0.14'])
  for (const transport of ['websocket', 'stream'])
    test(`zone.js ${version}: when a session by ${transport} has ended, the site’s own listeners hear all that it listened to`, async () => {
      const attributes = `transports="${transport}" badge="title favicon" notifications sleep-hidden`
      const page = await open(
        `zone.js-${version}`,
        `${await tagFor('ada', attributes)}<chat-unread></chat-unread>`,
      )
      await untilActive(page)
      // The parts are loaded once the page has listened to what they need.
      await until('the parts listen', () =>
        page.evaluate(() =>
          [navigator.serviceWorker, document].every((target) =>
            window.listened.some((each) => each.target === target),
          ),
        ),
      )
      await page.locator('chat-unread').evaluate((element) => element.remove())
      const missed = await page.locator('chat-session').evaluate(async (element: ChatSessionElement) => {
        const ended = new Promise((resolve) => element.addEventListener('session-ended', resolve))
        element.remove()
        await ended
        const heard = new Set<Listened>()
        const listened = [...window.listened]
        for (const each of listened) {
          const { target, type, capture } = each
          target.addEventListener(type, () => heard.add(each), { capture, once: true })
          target.dispatchEvent(new Event(type))
        }
        return listened.filter((each) => !heard.has(each)).map(({ type }) => type)
      })
      assert.deepEqual(missed, [])
    })

test('zone.js 0.11: an element that shares a session hears its messages after the other element has left', async () => {
  const page = await open('zone.js-0.11', (await tagFor('ada', '')) + (await tagFor('ada', 'id="two"')))
  await untilActive(page)
  const two = page.locator('#two')
  await two.evaluate((element: ChatSessionElement) =>
    element.addEventListener(
      'session-message',
      ({ detail }) => (element.textContent = detail.message.body ?? ''),
    ),
  )
  await page.evaluate(() => document.querySelector('chat-session')?.remove())
  await two.evaluate((element: ChatSessionElement) => element.send({ to: 'ada', body: 'Still here' }))
  await until('the message', () => two.textContent(), 'Still here')
})

test('zone.js 0.11: a message that waits when the page is left is sent by the next page, after an earlier session has ended', async () => {
  let connections = 0
  const page = await open('zone.js-0.11', await tagFor('ada', ''), (page) =>
    page.routeWebSocket('**', (socket) => {
      connections += 1
      // The second session gets no answer, so its message waits until the page is left.
      if (connections !== 2) socket.connectToServer()
    }),
  )
  await untilActive(page)
  const tag = page.locator('chat-session')
  await tag.evaluate(async (element: ChatSessionElement) => {
    const ended = new Promise((resolve) => element.addEventListener('session-ended', resolve))
    element.remove()
    await ended
    const starting = new Promise((resolve) => element.addEventListener('session-state', resolve))
    document.body.append(element)
    await starting
    void element.send({ to: 'ada', body: 'Before I left' })
    location.href = '/next'
  })
  await page.waitForURL('**/next')
  await untilActive(page)
  await until(
    'the message in the inbox',
    () => tag.evaluate(async (element: ChatSessionElement) => (await element.history())[0]?.body),
    'Before I left',
  )
})
