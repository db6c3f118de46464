/** The script in pages whose other scripts, or the browser, have changed or removed built-ins. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browsers/browser.js'
import { siteOf, startSite, startSiteGateway } from '../../support/sites/element-page.js'
import { chatOf, complaintsOf, untilState } from '../../support/sites/page-state.js'
import { tokenFor } from '../../support/tokens.js'

const context = await newContext()

/** Opens a page with a `<chat-session>` in which `change` runs before all other scripts. */
const open = async (
  change: string,
  attributes = '',
  script = '',
): Promise<{ page: Page; complaints: string[] }> => {
  const gateway = await startSiteGateway()
  const page = await context.newPage()
  const complaints = complaintsOf(page)
  const tag = `<chat-session app-id="app" token="${await tokenFor('ada')}" ${attributes}></chat-session>`
  const html = `<!doctype html><title>Page</title><link rel="icon" href="data:,"><script>${change}</script>
    <script type="module" src="${gateway}/v1/chat-session.js"></script>${tag}<script>${script}</script>`
  await page.goto(await startSite(siteOf({ '/': { html } })))
  return { page, complaints }
}

const withoutWebSocket = {
  'without a WebSocket': 'delete window.WebSocket',
  'whose WebSocket throws': `window.WebSocket = class { constructor() { throw new Error('Blocked.') } }`,
}

for (const [name, change] of Object.entries(withoutWebSocket))
  test(`in a page ${name} a stream carries the session`, async () => {
    const { page, complaints } = await open(change)
    await untilState(page, 'active')
    assert.equal(
      await page.evaluate(() => document.querySelector('chat-session')?.session?.transport),
      'stream',
    )
    assert.deepEqual(complaints, [])
  })

test('in a page without a WebSocket a session that may use no stream fails as no-websocket', async () => {
  const { page } = await open(withoutWebSocket['without a WebSocket'], 'transports="websocket"')
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'no-websocket')
})

test('in a page whose WebSocket throws, a session that may use no stream fails with the reason', async () => {
  const { page, complaints } = await open(
    withoutWebSocket['whose WebSocket throws'],
    'transports="websocket"',
  )
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'bad-endpoint')
  assert.match(complaints.join('\n'), /bad-endpoint.*Blocked\./)
})

/** Sends a message, and returns what the gateway has stored of it and of the profile. Runs in the page. */
const converse = async (): Promise<unknown> => {
  const element = document.querySelector('chat-session')
  if (!element) return 'The page has no <chat-session>.'
  const session = await element.whenStarted()
  const data = { list: [1, ['two', { three: [3] }]], at: new Date(0), none: [] }
  const { id } = await element.send({ to: 'ada', body: 'Hello “you”', data })
  const [message] = await element.history({ limit: 1 })
  await element.markRead(message?.offset ?? 0)
  const { peers } = await element.peers()
  const { user } = session
  const changed = new Promise((resolve) => element.addEventListener('session-user', resolve, { once: true }))
  element.user = { custom: { plan: 'free' } }
  await changed
  return [
    message?.id === id,
    message?.body,
    message?.data,
    user,
    session.user?.custom,
    peers[0]?.newest.id === id,
    element.unread,
  ]
}

const result = [
  true,
  'Hello “you”',
  { list: [1, ['two', { three: [3] }]], at: '1970-01-01T00:00:00.000Z', none: [] },
  { id: 'ada', name: 'Ada', custom: { plan: 'pro' } },
  { plan: 'free' },
  true,
  0,
]

/** Scripts that change built-ins as libraries do, or did. */
const changes = {
  'replaceAll takes the text as a pattern': `
    String.prototype.replaceAll = function (text, by) { return this.replace(new RegExp(text, 'g'), by) }`,
  'Array.from and bind know one argument, and remove does nothing': `
    Array.from = function (list) { return [].slice.call(list) }
    Function.prototype.bind = function (self) { var own = this; return function () { return own.apply(self, arguments) } }
    Element.prototype.remove = function () {}`,
  'values of every kind have a toJSON': `
    for (const type of [Array, Boolean, Number, Object, String])
      type.prototype.toJSON = function () { return '"' + this + '"' }`,
  'every object has more fields': `
    Object.prototype.extend = function () {}
    Object.prototype.id = 'x'
    Object.prototype.data = { from: 'another script' }`,
  'JSON.stringify is wrapped': `
    JSON.stringify = (function (own) { return function (a, b, c) { return own.call(this, a, b, c) } })(JSON.stringify)`,
}

for (const [name, change] of Object.entries(changes))
  for (const transport of ['websocket', 'stream'])
    test(`in a page where ${name}, what goes over the wire by ${transport} is right`, async () => {
      const { page, complaints } = await open(
        change,
        `transports="${transport}" user-name="Ada"`,
        `document.querySelector('chat-session').user = { custom: { plan: 'pro' } }`,
      )
      assert.deepEqual(await page.evaluate(converse), result)
      assert.deepEqual(complaints, [])
    })
