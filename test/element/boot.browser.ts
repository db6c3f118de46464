import { expect } from '@open-wc/testing'
import { until } from '../support/until.js'
import { nextEvent, listenTo, make, nextTask, useGateway } from './support.js'

describe('<chat-session> starts', () => {
  const gateway = useGateway()

  it('a verified session from its attributes, and ends it when it leaves the document', async () => {
    const started = nextEvent(document, 'session-started')
    document.body.insertAdjacentHTML(
      'beforeend',
      `<chat-session app-id="app" user-id="1" token="${await gateway.token('1')}" endpoint="${gateway.url}"></chat-session>`,
    )
    expect((await started).detail.user).to.deep.equal({ id: '1' })
    const element = document.querySelector('chat-session')
    const ended = nextEvent(element ?? document, 'session-ended')
    element?.remove()
    expect((await ended).detail.error).to.equal(null)
    await until('the gateway closes the connection', async () => (await gateway.connections()).open === 0)
  })

  it('with the user id 0', async () => {
    const element = gateway.mount({ userId: 0, signature: await gateway.signature('0') })
    expect((await element.whenStarted()).user?.id).to.equal('0')
  })

  for (const absent of [null, undefined, ''])
    it(`never without an app, a user or a credential: ${JSON.stringify(absent)} means absent`, async () => {
      const tokenFetcher = (): never => {
        throw new Error('The fetcher must not be called.')
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

  it('when the missing app and user are set later', async () => {
    const element = gateway.mount({ appId: null, signature: await gateway.signature('late') })
    await nextTask()
    element.setAttribute('app-id', 'app')
    await nextTask()
    expect(element.state).to.equal('idle')
    element.userId = 'late'
    expect((await element.whenStarted()).user?.id).to.equal('late')
  })

  it('no guest for guest="false", which frameworks write for a flag that is not set', async () => {
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

  it('no guest for the text false in a property, and sets no other flag by it', async () => {
    const { total } = await gateway.connections()
    const texts = { guest: 'false', manual: 'false', notifications: 'false' }
    const element = gateway.mount(texts as object)
    await nextTask()
    expect(element.state).to.equal('idle')
    expect(await gateway.connections()).to.deep.equal({ open: 0, total })
    Object.assign(element, { guest: 'true' })
    // The element starts by itself: the text `false` in `manual` does not count.
    await element.whenStarted()
  })

  it('a manual session by start() alone, also after it has been out of the document', async () => {
    const element = gateway.mount({ manual: true, userId: 'm', token: await gateway.token('m') })
    await element.updateComplete
    await nextTask()
    expect(element.state).to.equal('idle')
    const result = await element.start()
    expect(result.succeeded && result.session.user?.id).to.equal('m')
    const ended = nextEvent(element, 'session-ended')
    element.remove()
    await ended
    document.body.append(element)
    await element.updateComplete
    await nextTask()
    expect(element.session === null).to.equal(true)
    expect((await element.start()).succeeded).to.equal(true)
  })

  it('nothing by start() without a credential, and returns no-credentials', async () => {
    const result = await gateway.mount({ userId: '1' }).start()
    expect(result.failed && result.error.code).to.equal('no-credentials')
  })

  it('nothing by start() of a manual element that joins an active session, and uses that session', async () => {
    const first = await gateway.active('joined')
    const element = gateway.mount({ manual: true, userId: 'joined' })
    const result = await element.start()
    expect(result.failed && result.error.code).to.equal('session-active')
    expect(element.session === first.session).to.equal(true)
    expect(element.state).to.equal('active')
  })

  it('once if start() is called while it starts by itself', async () => {
    const { total } = await gateway.connections()
    const element = gateway.mount({ userId: 'both', token: await gateway.token('both') })
    const results = await Promise.all([element.start(), element.start()])
    expect(results.map(({ succeeded }) => succeeded)).to.deep.equal([true, true])
    expect(await gateway.connections()).to.deep.equal({ open: 1, total: total + 1 })
  })

  it('never without an endpoint: it fails once, with no-endpoint', async () => {
    const element = make({ userId: '1', token: await gateway.token('1'), manual: true })
    const events = listenTo(element)
    document.body.append(element)
    const result = await element.start()
    expect(result.failed && result.error.code).to.equal('no-endpoint')
    expect(element.error?.code).to.equal('no-endpoint')
    expect(events.filter((name) => name === 'failed')).to.deep.equal(['failed'])
  })
})
