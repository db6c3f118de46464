// The developer tools freeze a page, as a browser does with a hidden page.
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { sender, serveSite } from '../../../support/sites/rendered-site.js'
import { until } from '../../../support/until.js'
import { startGateway } from '../../../support/gateway.js'
import { startProxy } from '../../../support/network/proxy.js'
import { watch } from './lone-browser.js'
import { tokenFor } from '../../../support/tokens.js'

test('a frozen page closes its connection, and when it runs again it resumes its session and gets the missed messages', async () => {
  // The session of a page that was left ends at once. A frozen page does not count as left.
  const gateway = await startGateway({}, { leaveWindow: 0 })
  const proxy = await startProxy(gateway.url)
  const bob = await sender(gateway)
  const site = await serveSite(gateway, async () => ({ endpoint: proxy.url, token: await tokenFor('ada') }))
  const context = await watch(site.url)
  const [page] = context.pages()
  assert.ok(page)
  const devtools = await context.newCDPSession(page)
  const evaluate = (expression: string): Promise<unknown> => page.evaluate(expression)
  const untilReceived = (line: string): Promise<void> =>
    until(`"${line}" was received`, () => evaluate(`received.includes('${line}')`), true)
  const id = (): Promise<unknown> => evaluate(`document.querySelector('chat-session').sessionId`)

  await untilReceived('active')
  const first = await id()
  for (const round of ['one', 'two']) {
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
    await until('connections', () => proxy.wires.size, 0)
    assert.equal(await evaluate('document.visibilityState'), 'hidden')
    // The browser may discard the page without another event.
    assert.equal(
      await evaluate('Object.values(sessionStorage).filter((value) => value.includes("epoch")).length'),
      1,
    )
    await bob.send({ to: 'ada', body: round })
    await devtools.send('Page.setWebLifecycleState', { state: 'active' })
    await untilReceived(`message ${round}`)
    assert.equal(await id(), first)
    assert.equal(
      await evaluate('Object.values(sessionStorage).filter((value) => value.includes("epoch")).length'),
      0,
    )
  }
  assert.deepEqual(await evaluate('received'), [
    'starting',
    'active',
    ...['one', 'two'].flatMap((round, index) => [
      'reconnecting',
      'active',
      `unread ${index + 1}`,
      `message ${round}`,
    ]),
  ])
})
