import { expect } from '@open-wc/testing'
import { until } from '../../support/until.js'
import { nextEvent, listenTo, nextTask, roundTrip, useGateway } from '../support.js'

describe('Two <chat-session> for one user', () => {
  const gateway = useGateway()
  let listening: AbortController
  let bubbled: string[]

  beforeEach(() => {
    listening = new AbortController()
    bubbled = listenTo(document, listening.signal)
  })
  afterEach(() => listening.abort())

  it('have one connection; each gets every event, and only the first in the document bubbles it', async () => {
    const { total } = await gateway.connections()
    const token = await gateway.token('two')
    const second = gateway.make({ userId: 'two', token })
    const secondEvents = listenTo(second)
    document.body.append(second)
    const first = gateway.make({ userId: 'two', token })
    const firstEvents = listenTo(first)
    document.body.prepend(first)
    await Promise.all([first.whenStarted(), second.whenStarted()])
    await nextTask()
    const boot = ['state:starting', 'state:active', 'started', 'user']
    expect(firstEvents).to.deep.equal(boot)
    expect(secondEvents).to.deep.equal(boot)
    expect(second.session === first.session).to.equal(true)
    expect(await gateway.connections()).to.deep.equal({ open: 1, total: total + 1 })

    bubbled.length = firstEvents.length = secondEvents.length = 0
    await roundTrip(second, first)
    expect([firstEvents, secondEvents, bubbled]).to.deep.equal([['user'], ['user'], ['user']])
  })

  it('in nested shadow trees bubble each event once, from the first in document order', async () => {
    const hosts = ['a', 'b', 'c'].map(() => document.body.appendChild(document.createElement('div')))
    const token = await gateway.token('deep')
    const shadows = hosts.map((host) => host.attachShadow({ mode: 'open' }))
    const inner = document.createElement('div')
    shadows[0]?.append(inner)
    // The elements are made in reverse: the order in the document counts, not the order of creation.
    const places = [
      document.body,
      ...[...hosts].reverse(),
      ...shadows.reverse(),
      inner.attachShadow({ mode: 'open' }),
    ]
    const elements = places.map((place) => gateway.mount({ userId: 'deep', token }, place))
    await Promise.all(elements.map((element) => element.whenStarted()))
    const targets: unknown[] = []
    const { signal } = listening
    const note = ({ target }: Event): unknown => targets.push(hosts.findIndex((host) => host === target))
    document.addEventListener('session-user', note, { signal })
    for (const element of elements) await roundTrip(element)
    expect(targets).to.deep.equal(elements.map(() => 0))
    for (const element of elements) element.remove()
    for (const host of hosts) host.remove()
  })

  it('with different credentials use the credential that was set last', async () => {
    const short = await gateway.token('u', 3)
    const first = gateway.mount({ userId: 'u', token: short })
    await first.whenStarted()
    const { sessionId } = first
    const expires = Date.now() + 3_000
    const second = gateway.mount({ userId: 'u', token: await gateway.token('u') })
    await second.whenStarted()
    await until('the token of the first one expires', () => Date.now() > expires + 500)
    await roundTrip(first, second)
    expect([first.sessionId, second.sessionId]).to.deep.equal([sessionId, sessionId])
  })

  it('start with the good credential of the second after the first one failed', async () => {
    const first = gateway.mount({ userId: 'u', token: 'not.a.token' })
    await nextEvent(first, 'session-failed')
    const second = gateway.mount({ userId: 'u', signature: await gateway.signature('u') })
    await Promise.all([first.whenStarted(), second.whenStarted()])
    await until('the refused connection is closed', async () => (await gateway.connections()).open === 1)
  })

  it('start with the good credential of the second if both are connected at once', async () => {
    const signature = await gateway.signature('u')
    const first = gateway.mount({ userId: 'u', signature: '0'.repeat(64) })
    const events = listenTo(first)
    const second = gateway.mount({ userId: 'u', signature })
    await Promise.all([first.whenStarted(), second.whenStarted()])
    expect(events).to.deep.equal(['state:starting', 'state:active', 'started', 'user'])
  })

  it('go on undisturbed if the second changes nothing', async () => {
    const first = await gateway.active('busy', { user: { email: 'u@example.com', custom: { a: 'b' } } })
    const events = listenTo(first)
    const second = gateway.mount({ userId: 'busy' })
    await second.whenStarted()
    gateway.mount({ userId: 'busy', signature: await gateway.signature('busy') })
    await nextTask()
    second.setAttribute('user-role', 'buyer')
    const { user } = (await nextEvent(first, 'session-user')).detail
    expect(user).to.deep.equal({ id: 'busy', email: 'u@example.com', custom: { a: 'b' }, role: 'buyer' })
    expect(events).to.deep.equal(['user'])
  })

  it('dispatch no session-token-needed while one of them holds a session', async () => {
    await gateway.active('u')
    const second = gateway.mount({ userId: 'u' })
    expect((await second.whenStarted()).user?.id).to.equal('u')
    expect(bubbled).to.not.include('token-needed')
  })

  it('keep the session when one of them leaves, the first or another', async () => {
    const first = await gateway.active('u')
    const second = await gateway.active('u')
    const third = await gateway.active('u')
    const { sessionId } = first
    const events = listenTo(second)
    const released = listenTo(first)
    first.remove()
    third.userId = 'another user'
    await until(
      'both have released the session',
      () => first.session === null && third.session !== second.session,
    )
    await roundTrip(second)
    expect(second.sessionId).to.equal(sessionId)
    expect(released).to.deep.equal(['state:idle'])
    expect(events).to.deep.equal(['user'])
  })

  it('keep the session when one is cleared while the other moves', async () => {
    const first = await gateway.active('u')
    const second = await gateway.active('u')
    const { sessionId } = first
    first.remove()
    second.userId = null
    second.token = null
    await nextTask()
    document.body.append(first)
    await until('the second has released the session', () => second.session === null)
    await roundTrip(first)
    expect(first.sessionId).to.equal(sessionId)
  })

  it('both end by end(), and stay ended until start()', async () => {
    const first = await gateway.active('u')
    const second = await gateway.active('u')
    await first.end()
    expect([first.state, second.state]).to.deep.equal(['ended', 'ended'])
    second.remove()
    const third = gateway.mount({ userId: 'u', token: await gateway.token('u', 60) })
    await nextTask()
    await nextTask()
    expect(third.state).to.equal('ended')
    expect((await third.start()).succeeded).to.equal(true)
    expect(first.state).to.equal('active')
  })

  for (const type of ['session-state', 'session-started', 'session-user', 'session-unread'] as const)
    it(`both end last, if a listener of the first ends the session in ${type}`, async () => {
      const reader = await gateway.active('u')
      const bob = await gateway.active('bob')
      await bob.send({ to: 'u', body: 'to be unread' })
      reader.remove()
      await until('the reader has left', async () => (await gateway.connections()).open, 1)
      const properties = { userId: 'u', token: await gateway.token('u') }
      const [first, second] = [gateway.mount(properties), gateway.mount(properties)]
      let ending: Promise<void> | undefined
      first.addEventListener(type, () => {
        if (first.state === 'active') ending ??= first.end()
      })
      const [firstEvents, secondEvents] = [listenTo(first), listenTo(second)]
      await until('the session has ended', () => ending !== undefined)
      await ending
      await nextTask()
      for (const [element, events] of [
        [first, firstEvents],
        [second, secondEvents],
      ] as const) {
        const states = events.filter((name) => name.startsWith('state:'))
        expect(states).to.deep.equal(['state:starting', 'state:active', 'state:ended'])
        expect(events.indexOf('started')).to.be.below(events.indexOf('state:ended'))
        expect(element.state).to.equal('ended')
      }
    })

  it('have different sessions for different apps', async () => {
    const first = await gateway.active('u')
    const second = gateway.mount({ appId: 'other', userId: 'u', guest: true })
    await second.whenStarted()
    await first.end()
    expect(second.state).to.equal('active')
    await roundTrip(second)
  })

  it('start for another user after end(), without start()', async () => {
    const element = await gateway.active('u')
    await element.end()
    Object.assign(element, { userId: 'v', token: await gateway.token('v') })
    expect((await element.whenStarted()).user?.id).to.equal('v')
  })

  it('have a new session if the second comes while that of the first ends', async () => {
    const first = await gateway.active('late')
    const { session } = first
    const second = gateway.make({ userId: 'late', token: await gateway.token('late') })
    // The session says that it ends while it is released.
    session?.addEventListener('state', () => document.body.append(second), { once: true })
    first.remove()
    await nextEvent(second, 'session-started')
    expect(second.session === session).to.equal(false)
    expect(second.state).to.equal('active')
  })
})
