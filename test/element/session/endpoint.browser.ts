import { expect } from '@open-wc/testing'
import { ChatSessionElement } from '../../../src/element/define.js'
import { recordedAt, startScripted, stopScripted } from '../../support/gateway/gateway-commands.js'
import { until } from '../../support/until.js'
import { listenTo, nextEvent, nextTask, useGateway } from '../support.js'

/* The page is a document in an iframe, with a URL of its own. The other server acts as the attacker's. */
describe('data-endpoint on the script tag', () => {
  const gateway = useGateway()
  const scriptUrl = `${location.origin}/src/element/script.ts?chat-session`
  let attacker: string
  let tokenUrl: string
  let frame: HTMLIFrameElement

  beforeEach(async () => {
    attacker = await startScripted()
    tokenUrl = `/backend/token?value=${await gateway.token('ann')}`
    frame = document.body.appendChild(document.createElement('iframe'))
  })
  afterEach(async () => {
    frame.remove()
    await stopScripted(attacker)
  })

  const script = (endpoints: string | null, src = scriptUrl): string =>
    `<script type="module" src="${src}"${endpoints === null ? '' : ` data-endpoint="${endpoints}"`}></script>`
  const tag = (endpoint: string): string =>
    `<chat-session app-id="app" user-id="ann" token-url="${tokenUrl}" endpoint="${endpoint}"></chat-session>`

  /** Opens a page, and resolves with the element's outcome: `active`, or the code of its error. */
  const open = async (html: string): Promise<string> => {
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
    frame.src = `/page?html=${encodeURIComponent(html)}`
    await loaded
    const element = frame.contentDocument?.querySelector('chat-session')
    await until('the session has started or failed', () => /active|failed/.test(element?.state ?? ''))
    return element?.error?.code ?? element?.state ?? ''
  }

  /** The URLs that the page requested at the attacker's server and for the token. */
  const requests = (): string[] =>
    (frame.contentWindow?.performance.getEntriesByType('resource') ?? [])
      .map(({ name }) => name)
      .filter((name) => name.startsWith(attacker) || name.includes('/backend/token'))

  it('keeps the token from a tag that was added with another endpoint, and does not fetch it', async () => {
    expect(await open(script(null) + tag(attacker))).to.equal('active')
    expect((await recordedAt(attacker)).map(({ start }) => typeof start?.token)).to.deep.equal(['string'])
    expect(requests()).to.have.lengthOf(1)

    expect(await open(script(gateway.url) + tag(attacker))).to.equal('bad-endpoint')
    expect(await recordedAt(attacker)).to.have.lengthOf(1)
    expect(requests()).to.deep.equal([])
  })

  it('allows each endpoint that it lists, in any spelling', async () => {
    const { host } = new URL(gateway.url)
    for (const endpoints of [
      gateway.url,
      `  https://chat.example.com\n ${gateway.url}/ `,
      `ws://${host}`,
      `//${host}`,
    ])
      expect(await open(script(endpoints) + tag(gateway.url)), endpoints).to.equal('active')
  })

  it('allows none if it is empty, or has only others', async () => {
    for (const endpoints of ['', ' ', 'https://chat.example.com', '/', 'mailto:me@example.com'])
      expect(await open(script(endpoints) + tag(gateway.url)), endpoints).to.equal('bad-endpoint')
  })

  it('is relative to the page, and ignores an added <base>', async () => {
    const html = `<base href="${attacker}/">${script('/')}${tag('/')}`
    expect(await open(html)).to.equal('bad-endpoint')
    expect(await recordedAt(attacker)).to.deep.equal([])
  })

  it('allows no more if another tag for the script is added, before or after', async () => {
    const own = script(gateway.url)
    const variant = script(attacker, `${scriptUrl}&variant`)
    const added = [script(attacker) + own, own + script(attacker), own + script(null), variant + own]
    for (const html of added) expect(await open(html + tag(attacker)), html).to.equal('bad-endpoint')
    expect(await open(own + script(`${attacker} ${gateway.url}`) + tag(gateway.url))).to.equal('active')
    expect(await recordedAt(attacker)).to.deep.equal([])
  })

  it('is not read from the tag of a classic script', async () => {
    const other = `<script src="/other.js" data-endpoint="${attacker}"></script>`
    expect(await open(other + script(null) + tag(gateway.url))).to.equal('active')
  })

  it('counts if the script comes from another URL than its tag says, as after a redirect', async () => {
    const imported = `<script type="module" data-endpoint="${gateway.url}">import '${scriptUrl}'</script>`
    expect(await open(imported + tag(attacker))).to.equal('bad-endpoint')
    expect(await open(imported + script(attacker) + tag(attacker))).to.equal('bad-endpoint')
    expect(await open(imported + tag(gateway.url))).to.equal('active')
    expect(await recordedAt(attacker)).to.deep.equal([])
  })

  it('allows only the gateway of the script if there is no tag for the script any more', async () => {
    const removing = `<script>import('${scriptUrl}')</script>`
    for (const endpoint of [attacker, gateway.url])
      expect(await open(removing + tag(endpoint)), endpoint).to.equal('bad-endpoint')
    expect(await recordedAt(attacker)).to.deep.equal([])
  })

  it('allows none if markup hides the tag from the script', async () => {
    const html = `<img name="querySelectorAll"><form name="scripts"></form>${script(gateway.url)}${tag(attacker)}`
    expect(await open(html)).to.equal('bad-endpoint')
    expect(await recordedAt(attacker)).to.deep.equal([])
  })
})

describe('ChatSessionElement.endpoints', () => {
  const gateway = useGateway()
  afterEach(() => (ChatSessionElement.endpoints = null))

  it('are the only endpoints that elements use: at another endpoint no token source is called', async () => {
    ChatSessionElement.endpoints = [new URL(gateway.url)]
    const { total } = await gateway.connections()
    const elsewhere = gateway.url.replace('127.0.0.1', 'localhost')
    let fetched = 0
    const tokenFetcher = (): Promise<string> => {
      fetched += 1
      return gateway.token('ann')
    }
    const fetching = gateway.mount({ userId: 'ann', tokenFetcher, endpoint: elsewhere })
    const asking = gateway.make({ userId: 'bob', endpoint: elsewhere })
    const events = listenTo(asking)
    const failed = Promise.all([fetching, asking].map((element) => nextEvent(element, 'session-failed')))
    document.body.append(asking)
    expect((await failed).map(({ detail }) => detail.error.code)).to.deep.equal([
      'bad-endpoint',
      'bad-endpoint',
    ])
    expect(events).to.deep.equal(['state:starting', 'state:failed', 'failed'])

    fetching.token = await gateway.token('ann')
    await nextTask()
    await nextTask()
    expect(fetching.state).to.equal('failed')
    expect(fetched).to.equal(0)
    expect((await gateway.connections()).total).to.equal(total)

    fetching.endpoint = gateway.url
    expect((await fetching.whenStarted()).user?.id).to.equal('ann')
  })

  it('end a session at an endpoint that was removed from the list, at the next change of its element', async () => {
    const element = await gateway.active('ann')
    ChatSessionElement.endpoints = []
    element.setAttribute('user-name', 'Ann')
    expect((await nextEvent(element, 'session-failed')).detail.error.code).to.equal('bad-endpoint')
    await until('its connection is closed', async () => (await gateway.connections()).open === 0)
  })
})
