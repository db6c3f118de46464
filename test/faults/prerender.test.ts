// A browser that is watched renders no page ahead: here the pages report what they do to the site that they are from.
import { strict as assert } from 'node:assert'
import { serveSite } from '../e2e/session-site.js'
import { until } from '../support/until.js'
import { startGateway, tokenFor } from '../session/support.js'
import { startProxy } from '../support/proxy.js'
import { testAgain, TooSlow, visit } from './lone-browser.js'

/** In each page: reports its session and whether it is visited, has `/next` prerendered, and goes there on request. */
const script = `
  const say = (...words) => fetch('/api/' + [location.pathname, ...words].map(encodeURIComponent).join('/'))
  document.addEventListener('session-started', ({ detail }) =>
    say('started', detail.sessionId, document.prerendering ? 'ahead' : 'visited'))
  customElements.whenDefined('chat-session').then(() =>
    setTimeout(() => say('defined', document.prerendering ? 'ahead' : 'visited')))
  if (location.pathname === '/') {
    const rules = document.createElement('script')
    rules.type = 'speculationrules'
    rules.textContent = JSON.stringify({ prerender: [{ source: 'list', urls: ['/next'], eagerness: 'immediate' }] })
    document.head.append(rules)
    say('go').then(() => (location.href = '/next'))
    addEventListener('pagehide', () => navigator.sendBeacon('/api/' + ['/', 'left', Date.now()].map(encodeURIComponent).join('/')))
  } else document.addEventListener('prerenderingchange', () => say('visited', Date.now()))`

/** Milliseconds in which the page that is left has to leave its session, or the one that is visited starts another. */
const LEFT_WITHIN = 150

testAgain(
  'a page that is rendered ahead starts no session; when it is visited it has the one of the page before',
  async () => {
    // However long a slow machine takes from one page to the next.
    const gateway = await startGateway({}, { leaveWindow: 300 })
    const proxy = await startProxy(gateway.url)
    const reported: string[] = []
    let go: () => void = () => undefined
    const site = await serveSite(
      gateway,
      async () => ({ endpoint: proxy.url, token: await tokenFor('ada') }),
      async (path) => {
        const said = path.slice('/api/'.length).split('/').map(decodeURIComponent).join(' ')
        reported.push(said)
        if (said === '/ go') await new Promise<void>((resolve) => (go = resolve))
        return { status: 204 }
      },
      script,
    )
    await visit(site.url)
    const startedOn = (path: string): string | undefined =>
      reported.find((said) => said.startsWith(`${path} started `))
    const id = (path: string): string | undefined => startedOn(path)?.split(' ')[2]

    await until('the first page has a session', () => id('/') !== undefined, true)
    await until('the next is rendered ahead', () => reported.includes('/next defined ahead'), true)
    assert.equal(proxy.heads.length, 1, 'it has not connected')
    await until('the first page waits to go', () => reported.includes('/ go'), true)
    go()
    await until('the next has a session', () => id('/next') !== undefined, true)
    const timeOf = (what: string): number | undefined => {
      const said = reported.find((said) => said.startsWith(`${what} `))
      return said === undefined ? undefined : Number(said.split(' ')[2])
    }
    await until('it was not rendered anew', () => timeOf('/next visited') !== undefined, true)
    await until('the first was left', () => timeOf('/ left') !== undefined, true)
    assert.deepEqual(site.views, ['/', '/next'])
    const took = (timeOf('/ left') ?? 0) - (timeOf('/next visited') ?? 0)
    if (took > LEFT_WITHIN && id('/next') !== id('/'))
      throw new TooSlow(`The first page was left ${took} ms after the next was visited.`)
    assert.equal(startedOn('/next'), `/next started ${id('/')} visited`)
  },
)
