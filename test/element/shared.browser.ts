import { expect } from '@open-wc/testing'
import { until } from '../support/until.js'
import { heard, listenTo, nextTask, roundTrip, useGateway } from './page.js'

describe('Two <chat-session> for one user', () => {
  const gateway = useGateway()
  let listening: AbortController
  let bubbled: string[]

  beforeEach(() => {
    listening = new AbortController()
    bubbled = listenTo(document, listening.signal)
  })
  afterEach(() => listening.abort())

  it('have one connection; each hears every event, and only the first in the document bubbles it', async () => {
    const { total } = await gateway.connections()
    const token = await gateway.token('two')
    const second = gateway.make({ userId: 'two', token })
    const heardBySecond = listenTo(second)
    document.body.append(second)
    const first = gateway.make({ userId: 'two', token })
    const heardByFirst = listenTo(first)
    document.body.prepend(first)
    await Promise.all([first.whenStarted(), second.whenStarted()])
    await nextTask()
    const boot = ['state:starting', 'state:active', 'started', 'user']
    expect(heardByFirst).to.deep.equal(boot)
    expect(heardBySecond).to.deep.equal(boot)
    expect(second.session === first.session).to.equal(true)
    expect(await gateway.connections()).to.deep.equal({ open: 1, total: total + 1 })

    bubbled.length = heardByFirst.length = heardBySecond.length = 0
    await roundTrip(second, first)
    expect([heardByFirst, heardBySecond, bubbled]).to.deep.equal([['user'], ['user'], ['user']])
  })

  it('in shadow trees, deep or not, bubble each event once, where the first of them is', async () => {
    const hosts = ['a', 'b', 'c'].map(() => document.body.appendChild(document.createElement('div')))
    const token = await gateway.token('deep')
    const shadows = hosts.map((host) => host.attachShadow({ mode: 'open' }))
    const inner = document.createElement('div')
    shadows[0]?.append(inner)
    // The last one in the document is made first: where they stand counts, not when they came.
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

  it('with different credentials are served by the last one that was set', async () => {
    const short = await gateway.token('u', 3)
    const first = gateway.mount({ userId: 'u', token: short })
    await first.whenStarted()
    const { sessionId } = first
    const lapses = Date.now() + 3_000
    const second = gateway.mount({ userId: 'u', token: await gateway.token('u') })
    await second.whenStarted()
    await until('the token of the first one lapses', () => Date.now() > lapses + 500)
    await roundTrip(first, second)
    expect([first.sessionId, second.sessionId]).to.deep.equal([sessionId, sessionId])
  })

  it('are started by the good credential of the second, when that of the first is bad', async () => {
    const first = gateway.mount({ userId: 'u', token: 'not.a.token' })
    await heard(first, 'session-failed')
    const second = gateway.mount({ userId: 'u', signature: await gateway.signature('u') })
    await Promise.all([first.whenStarted(), second.whenStarted()])
    await until('the one that was refused is gone', async () => (await gateway.connections()).open === 1)
  })

  it('are started by the good credential of the second, when both come at once', async () => {
    const signature = await gateway.signature('u')
    const first = gateway.mount({ userId: 'u', signature: '0'.repeat(64) })
    const events = listenTo(first)
    const second = gateway.mount({ userId: 'u', signature })
    await Promise.all([first.whenStarted(), second.whenStarted()])
    expect(events).to.deep.equal(['state:starting', 'state:active', 'started', 'user'])
  })

  it('go on undisturbed when the second brings nothing new', async () => {
    const first = await gateway.active('busy', { user: { email: 'u@example.com', custom: { a: 'b' } } })
    const events = listenTo(first)
    const second = gateway.mount({ userId: 'busy' })
    await second.whenStarted()
    gateway.mount({ userId: 'busy', signature: await gateway.signature('busy') })
    await nextTask()
    second.setAttribute('user-role', 'buyer')
    const { user } = (await heard(first, 'session-user')).detail
    expect(user).to.deep.equal({ id: 'busy', email: 'u@example.com', custom: { a: 'b' }, role: 'buyer' })
    expect(events).to.deep.equal(['user'])
  })

  it('ask nobody for a token when one of them holds a session', async () => {
    await gateway.active('u')
    const second = gateway.mount({ userId: 'u' })
    expect((await second.whenStarted()).user?.id).to.equal('u')
    expect(bubbled).to.not.include('token-needed')
  })

  it('keep the session when one of them goes, whichever it is', async () => {
    const first = await gateway.active('u')
    const second = await gateway.active('u')
    const third = await gateway.active('u')
    const { sessionId } = first
    const events = listenTo(second)
    const letGo = listenTo(first)
    first.remove()
    third.userId = 'somebody else'
    await until('both have let go', () => first.session === null && third.session !== second.session)
    await roundTrip(second)
    expect(second.sessionId).to.equal(sessionId)
    expect(letGo).to.deep.equal(['state:idle'])
    expect(events).to.deep.equal(['user'])
  })

  it('keep the session when one goes for good while the other is on its way to another place', async () => {
    const first = await gateway.active('u')
    const second = await gateway.active('u')
    const { sessionId } = first
    first.remove()
    second.userId = null
    second.token = null
    await nextTask()
    document.body.append(first)
    await until('the second has let go', () => second.session === null)
    await roundTrip(first)
    expect(first.sessionId).to.equal(sessionId)
  })

  it('are both logged out by end(), and stay so until start()', async () => {
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

  it('are different sessions for different users or apps', async () => {
    const first = await gateway.active('u')
    const second = gateway.mount({ appId: 'other', userId: 'u', guest: true })
    await second.whenStarted()
    await first.end()
    expect(second.state).to.equal('active')
    await roundTrip(second)
  })

  it('log in as somebody else after end(), without start()', async () => {
    const element = await gateway.active('u')
    await element.end()
    Object.assign(element, { userId: 'v', token: await gateway.token('v') })
    expect((await element.whenStarted()).user?.id).to.equal('v')
  })
})
