// A browser with connected developer tools prerenders no page, so the pages report their events to their server.
import { strict as assert } from 'node:assert'
import { serveSite } from '../../../support/sites/rendered-site.js'
import { until } from '../../../support/until.js'
import { startGateway } from '../../../support/gateway.js'
import { tokenFor } from '../../../support/tokens.js'
import { startProxy } from '../../../support/network/proxy.js'
import { testAgain, TooSlow, visit } from './lone-browser.js'

/**
 * The script of each page reports the page's session, and whether the page is prerendered. `/` also asks the browser to prerender
 * `/next`, and goes there on request.
 */
const script = `
  const report = (...words) => fetch('/api/' + [location.pathname, ...words].map(encodeURIComponent).join('/'))
  document.addEventListener('session-started', ({ detail }) => {
    report('started', detail.sessionId, document.prerendering ? 'ahead' : 'visited')
    // The session has its own listener since its start, so this one is called when the resume key has been written.
    addEventListener('pagehide', () =>
      navigator.sendBeacon('/api/' + [location.pathname, 'left', Date.now()].map(encodeURIComponent).join('/')))
  })
  customElements.whenDefined('chat-session').then(() =>
    setTimeout(() => report('defined', document.prerendering ? 'ahead' : 'visited')))
  if (location.pathname === '/') {
    const rules = document.createElement('script')
    rules.type = 'speculationrules'
    rules.textContent = JSON.stringify({ prerender: [{ source: 'list', urls: ['/next'], eagerness: 'immediate' }] })
    document.head.append(rules)
    report('go').then(() => (location.href = '/next'))
  } else document.addEventListener('prerenderingchange', () => report('visited', Date.now()))`

/**
 * Milliseconds in which the first page must write its resume key. Otherwise the next page, which reads it after 200 ms, may start another
 * session: what one process of the browser writes takes its time to the other.
 */
const LEFT_WITHIN = 100

testAgain(
  'a prerendered page starts no session; when it is visited it resumes the session of the previous page',
  async () => {
    // This is longer than a slow machine takes from one page to the next.
    const gateway = await startGateway({}, { leaveWindow: 300 })
    const proxy = await startProxy(gateway.url)
    const reported: string[] = []
    let go: () => void = () => undefined
    const site = await serveSite(
      gateway,
      async () => ({ endpoint: proxy.url, token: await tokenFor('ada') }),
      async (path) => {
        const line = path.slice('/api/'.length).split('/').map(decodeURIComponent).join(' ')
        reported.push(line)
        if (line === '/ go') await new Promise<void>((resolve) => (go = resolve))
        return { status: 204 }
      },
      script,
    )
    await visit(site.url)
    const startedOn = (path: string): string | undefined =>
      reported.find((line) => line.startsWith(`${path} started `))
    const id = (path: string): string | undefined => startedOn(path)?.split(' ')[2]

    await until('the first page has a session', () => id('/') !== undefined, true)
    await until('the next page is prerendered', () => reported.includes('/next defined ahead'), true)
    assert.equal(proxy.heads.length, 1, 'the prerendered page has not connected')
    await until('the first page is ready to navigate', () => reported.includes('/ go'), true)
    go()
    await until('the next page has a session', () => id('/next') !== undefined, true)
    const timeOf = (what: string): number | undefined => {
      const line = reported.find((line) => line.startsWith(`${what} `))
      return line === undefined ? undefined : Number(line.split(' ')[2])
    }
    await until('the prerendered page was visited', () => timeOf('/next visited') !== undefined, true)
    await until('the first page was left', () => timeOf('/ left') !== undefined, true)
    assert.deepEqual(site.views, ['/', '/next'])
    const took = (timeOf('/ left') ?? 0) - (timeOf('/next visited') ?? 0)
    if (took > LEFT_WITHIN && id('/next') !== id('/'))
      throw new TooSlow(`The first page was left ${took} ms after the next was visited.`)
    assert.equal(startedOn('/next'), `/next started ${id('/')} visited`)
  },
)
