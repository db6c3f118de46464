import { expect } from '@open-wc/testing'
import { connectionsAt, startGateway, stopGateway } from '../support/gateway-commands.js'
import { until } from '../support/until.js'
import { heard, listenTo, make, nextTask, useGateway } from './page.js'

describe('<chat-session> boots', () => {
  const gateway = useGateway()

  it('a verified session from its attributes, and ends it when it leaves the document', async () => {
    const started = heard(document, 'session-started')
    document.body.insertAdjacentHTML(
      'beforeend',
      `<chat-session app-id="app" user-id="1" token="${await gateway.token('1')}" endpoint="${gateway.url}"></chat-session>`,
    )
    expect((await started).detail.user).to.deep.equal({ id: '1' })
    const element = document.querySelector('chat-session')
    const ended = heard(element ?? document, 'session-ended')
    element?.remove()
    expect((await ended).detail.error).to.equal(null)
    await until('the gateway sees it go', async () => (await gateway.connections()).open === 0)
  })

  it('with a user id that is a number', async () => {
    const element = gateway.mount({ userId: 12345, token: await gateway.token('12345') })
    expect((await element.whenStarted()).user?.id).to.equal('12345')
  })

  it('with the user 0, who is one', async () => {
    const element = gateway.mount({ userId: 0, signature: await gateway.signature('0') })
    expect((await element.whenStarted()).user?.id).to.equal('0')
  })

  it('with a token alone, which names its user', async () => {
    const element = gateway.mount({ token: await gateway.token('named by the token') })
    expect((await element.whenStarted()).user?.id).to.equal('named by the token')
  })

  for (const absent of [null, undefined, ''])
    it(`without an app or a user never: ${JSON.stringify(absent)} is none`, async () => {
      const tokenFetcher = (): never => {
        throw new Error('nobody may ask')
      }
      const { total } = await gateway.connections()
      const elements = [
        gateway.mount({ appId: absent, userId: '1', tokenFetcher }),
        gateway.mount({ userId: absent, tokenFetcher }),
        gateway.mount({ userId: '1', token: absent, signature: absent, tokenUrl: absent, guest: false }),
      ]
      await Promise.all(elements.map((element) => element.updateComplete))
      await nextTask()
      expect(elements.map(({ state, session }) => [state, session === null])).to.deep.equal(
        elements.map(() => ['idle', true]),
      )
      expect(await gateway.connections()).to.deep.equal({ open: 0, total })
    })

  it('when what was missing is set later', async () => {
    const element = gateway.mount({ appId: null, signature: await gateway.signature('late') })
    await nextTask()
    element.setAttribute('app-id', 'app')
    await nextTask()
    expect(element.state).to.equal('idle')
    element.userId = 'late'
    expect((await element.whenStarted()).user?.id).to.equal('late')
  })

  it('when a credential is set later, after it waited in idle', async () => {
    const element = gateway.mount({ userId: 'waits' })
    await nextTask()
    expect(element.state).to.equal('idle')
    element.token = await gateway.token('waits')
    expect((await element.whenStarted()).user?.id).to.equal('waits')
  })

  it('nobody by guest="false", as frameworks write it where there is none', async () => {
    const { total } = await gateway.connections()
    const element = gateway.make({})
    element.setAttribute('guest', 'false')
    document.body.append(element)
    await element.updateComplete
    await nextTask()
    expect([element.guest, element.state]).to.deep.equal([false, 'idle'])
    expect(await gateway.connections()).to.deep.equal({ open: 0, total })
    element.setAttribute('guest', '')
    await element.whenStarted()
  })

  it('nobody by a property that says false as a text, and no flag is set by one', async () => {
    const { total } = await gateway.connections()
    const said = { guest: 'false', manual: 'false', notifications: 'false' }
    const element = gateway.mount(said as object)
    await nextTask()
    expect(element.state).to.equal('idle')
    expect(await gateway.connections()).to.deep.equal({ open: 0, total })
    Object.assign(element, { guest: 'true' })
    // By itself, though `manual` says false.
    await element.whenStarted()
  })

  it('a guest, who must be asked for', async () => {
    const element = gateway.mount({ guest: true })
    const session = await element.whenStarted()
    expect(session.guest).to.equal(true)
    expect(session.user?.id).to.match(/^guest:./)
  })

  it('a manual one when it is started, and answers what came of it', async () => {
    const element = gateway.mount({ manual: true, userId: 'm', token: await gateway.token('m') })
    await element.updateComplete
    await nextTask()
    expect(element.state).to.equal('idle')
    const result = await element.start()
    expect(result.succeeded && result.session.user?.id).to.equal('m')
    expect(element.state).to.equal('active')
  })

  it('a manual one again by start() alone, once it has been out of the document', async () => {
    const element = gateway.mount({ manual: true, userId: 'm', token: await gateway.token('m') })
    await element.start()
    const ended = heard(element, 'session-ended')
    element.remove()
    await ended
    document.body.append(element)
    await element.updateComplete
    await nextTask()
    expect(element.session === null).to.equal(true)
    expect((await element.start()).succeeded).to.equal(true)
  })

  it('not by start() without a credential, which says so', async () => {
    const result = await gateway.mount({ userId: '1' }).start()
    expect(result.failed && result.error.code).to.equal('no-credentials')
  })

  it('no second session by start(): the first goes on', async () => {
    const element = await gateway.active('once')
    const { sessionId } = element
    const result = await element.start()
    expect(result.failed && result.error.code).to.equal('session-active')
    expect(element.sessionId).to.equal(sessionId)
  })

  it('once when start() is called while it starts by itself', async () => {
    const { total } = await gateway.connections()
    const element = gateway.mount({ userId: 'both', token: await gateway.token('both') })
    const results = await Promise.all([element.start(), element.start()])
    expect(results.map(({ succeeded }) => succeeded)).to.deep.equal([true, true])
    expect(await gateway.connections()).to.deep.equal({ open: 1, total: total + 1 })
  })

  it('without an endpoint never: that fails once, and says why', async () => {
    const element = make({ userId: '1', token: await gateway.token('1'), manual: true })
    const events = listenTo(element)
    document.body.append(element)
    const result = await element.start()
    expect(result.failed && result.error.code).to.equal('no-endpoint')
    expect(element.error?.code).to.equal('no-endpoint')
    expect(events.filter((name) => name === 'failed')).to.deep.equal(['failed'])
  })

  it('with what is no address of a gateway neither', async () => {
    const element = gateway.mount({
      userId: '1',
      token: await gateway.token('1'),
      endpoint: 'mailto:me@example.com',
    })
    expect((await heard(element, 'session-failed')).detail.error.code).to.equal('bad-endpoint')
  })

  it('with an endpoint that is relative to the page', async () => {
    const { host } = new URL(gateway.url)
    const element = gateway.mount({ userId: '1', token: await gateway.token('1'), endpoint: `//${host}/` })
    expect((await element.whenStarted()).user?.id).to.equal('1')
  })

  it('once the gateway is there, when it was down at first', async () => {
    const apps = { app: { environment: 'test' } } as const
    const url = await startGateway({ apps })
    await stopGateway(url)
    const element = make({ guest: true, endpoint: url })
    const waits = new Promise<number>((resolve) =>
      element.addEventListener('session-state', ({ detail }) => detail.retryAt && resolve(detail.retryAt)),
    )
    document.body.append(element)
    expect(await waits).to.be.greaterThan(Date.now() - 5_000)
    expect(element.state).to.equal('starting')
    expect(element.error?.code).to.equal('unavailable')
    await startGateway({ apps }, { port: Number(new URL(url).port) })
    window.dispatchEvent(new Event('online'))
    await element.whenStarted()
    element.remove()
    await until('it is gone', async () => (await connectionsAt(url)).open === 0)
    await stopGateway(url)
  })
})
