/*
 * Back and forth in the tab's history. Every page here may go into the back/forward cache. Firefox keeps no page that had a
 * connection: there going back loads the page again.
 */
import { strict as assert } from 'node:assert'
import { after, test } from 'node:test'
import { startShopGateway } from '../../support/sites/shop-gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { startScripted } from '../../support/gateway/scripted-gateway.mjs'
import {
  activeId,
  logOut,
  noteShown,
  serveAda,
  startBob,
  tabs,
  untilReceived,
  untilIs,
  untilState,
  type Tab,
} from './tabs.js'

/** Goes to `path`. Resolves with whether the page came from the cache. */
const goTo = async (tab: Tab, delta: 1 | -1, path: string): Promise<unknown> => {
  await tab.evaluate(`void setTimeout(() => history.go(${delta}))`)
  await untilIs(tab, `location.pathname + ' ' + (shown !== null)`, `${path} true`)
  return tab.evaluate('shown')
}

/** Serves pages that have only a script. */
const serveScript = async (script: string): Promise<string> => {
  const html = `<!doctype html><title>Probe</title><script>${noteShown};${script}</script>`
  const { url } = await startServer((_, response) =>
    response.setHeader('content-type', 'text/html').end(html),
  )
  return url
}

/** Resolves with whether the browser keeps a page that closes its connection at `pagehide`. */
const keepsConnected = async (tab: Tab): Promise<unknown> => {
  const { url: address, close } = await startScripted()
  const url = await serveScript(`
    const socket = new WebSocket('${address.replace('http', 'ws')}', ['chat-session.v1', 'start.e30'])
    socket.onopen = () => (window.isOpen = true)
    addEventListener('pagehide', () => socket.close())
  `)
  await tab.goto(url)
  await untilIs(tab, 'window.isOpen', true)
  await tab.goto(`${url}/next`)
  const kept = await goTo(tab, -1, '/')
  await close()
  return kept
}

/** Resolves with whether a page from the cache sees the values that another page of the tab wrote to `sessionStorage` meanwhile. */
const sharesStorage = async (tab: Tab): Promise<unknown> => {
  const url = await serveScript(`sessionStorage.setItem('page', location.pathname)`)
  await tab.goto(url)
  await tab.goto(`${url}/next`)
  assert.equal(await goTo(tab, -1, '/'), true)
  return (await tab.evaluate(`sessionStorage.getItem('page')`)) === '/next'
}

for (const [name, tab] of tabs) {
  test(`${name}: back and forth is one session; a page from the cache receives each message once, and while it is shown`, async () => {
    const kept = await keepsConnected(tab)
    const gateway = await startShopGateway()
    const bob = await startBob(gateway)
    const { url } = await serveAda(gateway)
    await tab.goto(url)
    const id = await activeId(tab)
    await tab.goto(`${url}/next`)
    assert.equal(await activeId(tab), id)
    for (const [delta, path, body] of [
      [-1, '/', 'one'],
      [1, '/next', 'two'],
      [-1, '/', 'three'],
    ] as const) {
      assert.equal(await goTo(tab, delta, path), kept)
      assert.equal(await activeId(tab), id)
      await bob.send({ to: 'ada', body })
      await untilReceived(tab, `message ${body}`)
    }
    const messages = await tab.evaluate(`received.filter((line) => line.startsWith('message'))`)
    assert.deepEqual(messages, kept ? ['message one', 'message two', 'message three'] : ['message three'])
  })

  test(`${name}: a page that is reconnecting is kept in the cache, and continues the session when it comes back`, async () => {
    const scripted = await startScripted()
    after(() => scripted.close())
    const { url } = await serveAda(await startShopGateway(), { endpoint: scripted.url })
    await tab.goto(url)
    const id = await activeId(tab)
    scripted.sendAway()
    await untilState(tab, 'reconnecting')
    await tab.goto(`${url}/plain`)
    assert.equal(await goTo(tab, -1, '/'), true)
    assert.equal(await activeId(tab), id)
  })

  test(`${name}: a page from the cache asks its token source first: a user who signed out meanwhile stays signed out`, async () => {
    let isIn = true
    const scripted = await startScripted()
    after(() => scripted.close())
    const { url } = await serveAda(
      await startShopGateway(),
      { endpoint: scripted.url, 'token-url': '/api/token' },
      () => ({ status: isIn ? 503 : 401 }),
    )
    await tab.goto(url)
    await activeId(tab)
    scripted.sendAway()
    await untilState(tab, 'reconnecting')
    await tab.goto(`${url}/plain`)
    isIn = false
    assert.equal(await goTo(tab, -1, '/'), true)
    await untilReceived(tab, 'over: signed-out')
    // The page may have closed the connection before it was open.
    assert.deepEqual(
      scripted.connections.slice(1).filter(({ start }) => start !== null),
      [],
    )
  })

  test(`${name}: a page from the cache stays logged out after a log-out on the next page, if it sees the new sessionStorage`, async () => {
    const seesLogOut = await sharesStorage(tab)
    const scripted = await startScripted()
    after(() => scripted.close())
    const { url } = await serveAda(await startShopGateway(), { endpoint: scripted.url })
    await tab.goto(url)
    const id = await activeId(tab)
    scripted.sendAway()
    await untilState(tab, 'reconnecting')
    await tab.goto(`${url}/next`)
    assert.equal(await activeId(tab), id)
    await logOut(tab)
    assert.equal(await goTo(tab, -1, '/'), true)
    await untilState(tab, seesLogOut ? 'ended' : 'active')
  })
}
