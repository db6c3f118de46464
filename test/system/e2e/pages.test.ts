import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { freePort } from '../../support/network/free-port.js'
import {
  chatTag,
  forgedToken,
  gatewayScript,
  openPage,
  ownScript,
  receivedIn,
  recordEvents,
  servePage,
  shopTokenFor,
} from '../../support/sites/static-page.js'
import { until } from '../../support/until.js'
import { startShopGateway } from '../../support/sites/shop-gateway.js'
import { chatOf, complaintsOf, framesSentBy, stateOf, untilState } from '../../support/sites/page-state.js'

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

/** Whether an error is the browser's own about a failed connection. A page can't prevent it. */
const isOfTheNetwork = (complaint: string): boolean =>
  /ERR_CONNECTION_|WebSocket connection to/.test(complaint)

test('a page that loads while the gateway is down becomes active by itself when the gateway is up', async () => {
  const port = await freePort()
  const { url } = await servePage(
    ownScript + chatTag({ endpoint: `http://127.0.0.1:${port}`, token: await shopTokenFor('ada') }),
  )
  let complaints: string[] = []
  const page = await openPage(url, (page) => void (complaints = complaintsOf(page)))
  await until('errors in the console', () => complaints.length >= 3, true)
  assert.equal(await stateOf(page), 'starting')
  await startShopGateway(port)
  await untilState(page, 'active')
  // The element says once why it does not start, and not with each attempt.
  assert.deepEqual(
    complaints.filter((complaint) => !isOfTheNetwork(complaint)),
    ['<chat-session> unavailable: the gateway is down'],
  )
})
