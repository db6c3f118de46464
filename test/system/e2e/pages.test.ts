import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import {
  chatTag,
  forgedToken,
  gatewayScript,
  receivedIn,
  openPage,
  recordEvents,
  servePage,
  shopTokenFor,
} from '../../support/sites/static-page.js'
import { until } from '../../support/until.js'
import { startShopGateway } from '../../support/sites/shop-gateway.js'
import { chatOf, complaintsOf, framesSentBy, untilState } from '../../support/sites/page-state.js'

test('a page with one tag and one script has a live session', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  let complaints: string[] = []
  const page = await openPage(url, async (page) => {
    complaints = complaintsOf(page)
    await recordEvents(page)
  })
  await untilState(page, 'active')
  assert.equal((await chatOf(page)).user, 'ada')
  assert.deepEqual(await receivedIn(page), ['started'])
  assert.deepEqual(complaints, [])
})

test('a message that waits says that the page is offline', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  const page = await openPage(url)
  await untilState(page, 'active')
  await page.context().setOffline(true)
  const reason = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const chat = document.querySelector('chat-session')
        chat?.addEventListener('session-pending', ({ detail }) => resolve(detail.reason))
        chat?.send({ to: 'bob', body: 'Hello' }).catch(() => undefined)
      }),
  )
  await page.context().setOffline(false)
  assert.equal(reason, 'offline')
})

test('removing the element ends the session, for the gateway too', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  let sent: string[] = []
  const page = await openPage(url, (page) => void (sent = framesSentBy(page)))
  await untilState(page, 'active')
  await page.evaluate(() => document.querySelector('chat-session')?.remove())
  await until('open connections', gateway.open, 0)
  await until('the last frame that was sent', () => sent.at(-1), 'end')
})

test('moving the element, or removing and adding it in one task, keeps the session', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(
    `${gatewayScript(gateway.url)}<div></div>${chatTag({ token: await shopTokenFor('ada') })}`,
  )
  const page = await openPage(url, recordEvents)
  await untilState(page, 'active')
  const before = await chatOf(page)
  await page.evaluate(() =>
    document.querySelector('div')?.append(document.querySelector('chat-session') ?? ''),
  )
  await page.evaluate(() => {
    const element = document.querySelector('chat-session')
    element?.remove()
    queueMicrotask(() => document.body.append(element ?? ''))
  })
  // When another user's session has started and ended, a move that ends the session would have ended it too.
  await page.evaluate(
    (tag) => document.body.insertAdjacentHTML('beforeend', tag),
    chatTag({ id: 'other', token: await shopTokenFor('grace') }),
  )
  await until('sessions started', async () => (await receivedIn(page)).length, 2)
  await page.evaluate(() => document.querySelector('#other')?.remove())
  await until('open connections', gateway.open, 1)
  assert.deepEqual(await chatOf(page), before)
  assert.equal(gateway.tried(), 2)
  assert.deepEqual(await receivedIn(page), ['started', 'started'])
})

/** Seconds. A client that retries does so sooner than the first ping comes. A slow client must answer within twice the time. */
const PING = 4

test('a refused token fails the session once, and is not sent again', async () => {
  const gateway = await startShopGateway(0, PING)
  const { url } = await servePage(
    gatewayScript(gateway.url) +
      chatTag({ token: await forgedToken('ada') }) +
      chatTag({ token: await shopTokenFor('grace') }),
  )
  let sent: string[] = []
  const page = await openPage(url, async (page) => {
    sent = framesSentBy(page)
    await recordEvents(page)
  })
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'unauthenticated')
  await until('the other session has answered a ping', () => sent.includes('pong'), true)
  assert.equal(gateway.tried(), 2)
  await until('open connections', gateway.open, 1)
  const received = await receivedIn(page)
  assert.deepEqual(received.sort(), ['failed unauthenticated', 'started'])
})

test('a token source whose tokens are refused is asked twice, then the session fails', async () => {
  const gateway = await startShopGateway(0, PING)
  let asked = 0
  const { url } = await servePage(
    gatewayScript(gateway.url) +
      chatTag({ 'user-id': 'ada', 'token-url': '/token' }) +
      chatTag({ token: await shopTokenFor('grace') }),
    async () => {
      asked += 1
      return { status: 200, body: await forgedToken('ada') }
    },
  )
  let sent: string[] = []
  const page = await openPage(url, (page) => void (sent = framesSentBy(page)))
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'unauthenticated')
  await until('the other session has answered a ping', () => sent.includes('pong'), true)
  assert.equal(asked, 2)
  assert.equal(gateway.tried(), 3)
})

test('a token source that fails twice is asked a third time', async () => {
  const gateway = await startShopGateway()
  const answers = [500, 500, 200]
  let asked = 0
  const { url } = await servePage(
    gatewayScript(gateway.url) + chatTag({ 'user-id': 'ada', 'token-url': '/token' }),
    async () => {
      const status = answers[asked++] ?? 404
      return { status, body: status === 200 ? JSON.stringify({ token: await shopTokenFor('ada') }) : 'Sorry' }
    },
  )
  const page = await openPage(url, recordEvents)
  await untilState(page, 'active')
  assert.equal(asked, 3)
  assert.deepEqual(await receivedIn(page), ['error unavailable', 'error unavailable', 'started'])
})

test('a token for another user than user-id fails the session as bad-request', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(
    gatewayScript(gateway.url) + chatTag({ 'user-id': 'grace', token: await shopTokenFor('ada') }),
  )
  const page = await openPage(url)
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'bad-request')
  assert.equal(gateway.tried(), 1)
})
