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
} from './pages-site.js'
import { until } from '../support/until.js'
import { chatOf, complaintsOf, framesSentBy, startShopGateway, untilState } from './site.js'

test('a page with one tag and one script has a live session', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(gatewayScript(gateway.url) + chatTag({ token: await shopTokenFor('ada') }))
  const complaints: string[] = []
  const page = await openPage(url, async (page) => {
    complaints.push(...complaintsOf(page))
    await recordEvents(page)
  })
  await untilState(page, 'active')
  assert.equal((await chatOf(page)).user, 'ada')
  assert.deepEqual(await receivedIn(page), ['started'])
  assert.deepEqual(complaints, [])
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

test('moving the element, or taking it out and putting it back, leaves the session as it is', async () => {
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
  // What a move could have done has happened by the time that another user's session has come and gone.
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

/** Seconds: whoever retries does so sooner. Who does not answer a ping in twice as long is cut off, which none may be here. */
const PING = 4

test('a token that the gateway refuses is told once, and not tried again', async () => {
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

test('a source of tokens that are all refused is asked twice, and then the session has failed', async () => {
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

test('a source of tokens that fails twice is asked a third time', async () => {
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

test('a page of somebody whom the token is not for says so and stays out', async () => {
  const gateway = await startShopGateway()
  const { url } = await servePage(
    gatewayScript(gateway.url) + chatTag({ 'user-id': 'grace', token: await shopTokenFor('ada') }),
  )
  const page = await openPage(url)
  await untilState(page, 'failed')
  assert.equal((await chatOf(page)).error, 'bad-request')
  assert.equal(gateway.tried(), 1)
})
