import { expect } from '@open-wc/testing'
import type { ChatSessionElement } from '../../../src/element/define.js'
import { until } from '../../support/until.js'
import { nextEvent, listenTo, nextTask, roundTrip, useGateway } from '../support.js'

describe('<chat-session> compares values:', () => {
  const gateway = useGateway({ authParams: [{ code: 1, nested: { a: 1, b: 2 } }, { code: 2 }] })

  it('a render with the same values in new objects and functions restarts nothing', async () => {
    const render = (): Partial<ChatSessionElement> => ({
      userId: 1,
      authParams: { code: 1, nested: { a: 1, b: 2 } },
      tokenFetcher: () => null,
      user: { name: 'One', custom: { a: 'b' } },
    })
    const { total } = await gateway.connections()
    const { authParams, user } = render()
    const element = gateway.mount({ userId: '1', authParams, user })
    await element.whenStarted()
    const events = listenTo(element)
    for (let renders = 0; renders < 3; renders += 1) {
      Object.assign(element, render())
      await nextTask()
    }
    await roundTrip(element)
    expect(events).to.deep.equal(['user'])
    expect((await gateway.connections()).total).to.equal(total + 1)
  })

  it('the same token set again changes nothing', async () => {
    const token = await gateway.token('same')
    const element = gateway.mount({ userId: 'same', token })
    await element.whenStarted()
    const events = listenTo(element)
    element.setAttribute('token', token)
    await roundTrip(element)
    expect(events).to.deep.equal(['user'])
  })

  it('a token for another user starts a new session', async () => {
    const element = gateway.mount({ token: await gateway.token('one') })
    await element.whenStarted()
    const events = listenTo(document)
    element.token = await gateway.token('other')
    expect((await nextEvent(element, 'session-user')).detail.user.id).to.equal('other')
    expect(events.slice(0, 2)).to.deep.equal(['state:ended', 'ended'])
  })

  it('other auth params start a new session', async () => {
    const element = gateway.mount({ userId: 'a', authParams: { code: 1, nested: { a: 1, b: 2 } } })
    await element.whenStarted()
    const { sessionId } = element
    element.authParams = { code: 2 }
    await nextEvent(element, 'session-started')
    expect(element.sessionId).to.not.equal(sessionId)
  })

  it('several changes in one task restart once', async () => {
    const element = await gateway.active('one')
    const { total } = await gateway.connections()
    const events = listenTo(element)
    const next = await gateway.token('two')
    const signature = await gateway.signature('two')
    const wrong = await gateway.signature('3')
    element.setAttribute('user-id', 'two')
    element.token = next
    element.setAttribute('user-name', 'Two')
    element.userId = 2
    element.token = null
    element.signature = wrong
    await nextEvent(element, 'session-failed')
    events.length = 0
    Object.assign(element, { userId: 2 })
    Object.assign(element, { userId: 'two', token: next, signature })
    await nextEvent(element, 'session-user')
    expect(events.filter((name) => name === 'started')).to.deep.equal(['started'])
    expect((await gateway.connections()).total).to.equal(total + 2)
  })

  it('after quick changes of the user the session belongs to the last one', async () => {
    const element = await gateway.active('0')
    const tokens = await Promise.all(['1', '2', '3', '4'].map((userId) => gateway.token(userId)))
    const users: string[] = []
    element.addEventListener('session-user', ({ detail }) => users.push(detail.user.id))
    for (const [index, token] of tokens.entries()) {
      Object.assign(element, { userId: index + 1, token })
      await nextTask()
    }
    await until('the last user is there', () => users.at(-1) === '4')
    await until('the other connections are closed', async () => (await gateway.connections()).open === 1)
    expect(element.session?.user?.id).to.equal('4')
  })

  it('another endpoint or app starts a new session', async () => {
    const element = gateway.mount({ appId: 'other', guest: true })
    await element.whenStarted()
    element.appId = 'app'
    await nextEvent(element, 'session-started')
    const { sessionId } = element
    element.endpoint = `${gateway.url}/`
    await nextTask()
    await roundTrip(element)
    expect(element.sessionId).to.equal(sessionId)
    element.endpoint = gateway.url.replace('127.0.0.1', 'localhost')
    await nextEvent(element, 'session-ended')
  })

  it('a fresh credential does not start a session after end(); start() does', async () => {
    const element = await gateway.active('out')
    await element.end()
    const { total } = await gateway.connections()
    for (const credentials of [{ token: await gateway.token('out', 60) }, { authParams: { code: 2 } }]) {
      Object.assign(element, credentials)
      await nextTask()
      await nextTask()
      expect(element.state).to.equal('ended')
    }
    expect((await gateway.connections()).total).to.equal(total)
    expect((await element.start()).succeeded).to.equal(true)
  })
})

describe("<chat-session>'s profile", () => {
  const gateway = useGateway()

  it('takes each field from its attribute, else from the property', async () => {
    const element = gateway.make({
      userId: 'p',
      token: await gateway.token('p'),
      user: { name: 'Property', email: 'p@example.com', custom: { plan: 'free' } },
    })
    element.setAttribute('user-name', 'Attribute')
    element.setAttribute('user-email', '')
    element.setAttribute('user-photo-url', 'https://example.com/p.png')
    element.setAttribute('user-locale', 'de')
    element.setAttribute('user-role', 'buyer')
    document.body.append(element)
    expect((await element.whenStarted()).user).to.deep.equal({
      id: 'p',
      name: 'Attribute',
      email: 'p@example.com',
      photoUrl: 'https://example.com/p.png',
      locale: 'de',
      role: 'buyer',
      custom: { plan: 'free' },
    })
  })

  it('is sent when it changes, and restarts nothing', async () => {
    const element = await gateway.active('p', { user: { name: 'Before' } })
    const events = listenTo(element)
    const { sessionId } = element
    element.user = { name: 'After', role: 'buyer' }
    const { user } = (await nextEvent(element, 'session-user')).detail
    expect(user).to.include({ id: 'p', name: 'After', role: 'buyer' })
    expect(element.session?.user).to.deep.equal(user)
    element.setAttribute('user-name', 'Attribute')
    expect((await nextEvent(element, 'session-user')).detail.user.name).to.equal('Attribute')
    expect(events).to.deep.equal(['user', 'user'])
    expect(element.sessionId).to.equal(sessionId)
  })

  it('is not sent again by a render or by a second element', async () => {
    const properties = { appId: 'vouched', userId: 'p', guest: true }
    const element = gateway.mount({ ...properties, user: { name: 'P', custom: { a: 'b' } } })
    await element.whenStarted()
    const codes: string[] = []
    element.addEventListener('session-error', ({ detail }) => codes.push(detail.error.code))
    element.user = { custom: { a: 'b' }, name: 'P' }
    await nextTask()
    await gateway.mount({ ...properties, user: { name: 'P' } }).whenStarted()
    await gateway.mount(properties).whenStarted()
    await nextTask()
    // The app refuses every change of a profile that a user sends. If the session had sent the equal objects above, their refusals would
    // come before these.
    element.setAttribute('user-role', 'buyer')
    element.token = 'not.a.token'
    await until('the profile and the token are refused', () =>
      ['refused', 'unauthenticated'].every((code) => codes.includes(code)),
    )
    expect(codes).to.have.members(['refused', 'unauthenticated'])
  })
})
