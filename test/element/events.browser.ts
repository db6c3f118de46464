import { expect } from '@open-wc/testing'
import {
  SessionEndedEvent,
  SessionErrorEvent,
  SessionFailedEvent,
  SessionStartedEvent,
  SessionStateEvent,
  SessionUserEvent,
} from '../../src/element/chat-session.js'
import { SessionError } from '../../src/session/index.js'
import { cutConnections } from '../support/gateway-commands.js'
import { until } from '../support/until.js'
import { heard, listenTo, nextTask, roundTrip, useGateway } from './page.js'

describe("<chat-session>'s events", () => {
  const gateway = useGateway()

  it('tell of a start in order, to whom listens with the element', async () => {
    const element = gateway.make({ userId: 'e', token: await gateway.token('e') })
    document.body.append(element)
    const events = listenTo(element)
    await heard(element, 'session-user')
    expect(events).to.deep.equal(['state:starting', 'state:active', 'started', 'user'])
  })

  it('bubble and cross shadow roots', async () => {
    const host = document.body.appendChild(document.createElement('div'))
    const told = [
      heard(document, 'session-state'),
      heard(document, 'session-started'),
      heard(window, 'session-user'),
    ]
    const element = gateway.mount(
      { userId: 'e', token: await gateway.token('e') },
      host.attachShadow({ mode: 'closed' }),
    )
    for (const event of await Promise.all(told)) {
      expect([event.bubbles, event.composed]).to.deep.equal([true, true])
      expect(event.target).to.equal(host)
    }
    const ended = heard(document, 'session-ended')
    await element.end()
    await ended
    element.remove()
  })

  it('have a class each, with what happened as detail', async () => {
    const element = gateway.make({ userId: 'e', token: await gateway.token('e'), user: { name: 'E' } })
    document.body.append(element)
    const [state, started, user] = await Promise.all([
      heard(element, 'session-state'),
      heard(element, 'session-started'),
      heard(element, 'session-user'),
    ])
    expect(state).to.be.instanceOf(SessionStateEvent)
    expect(state.detail).to.deep.equal({ state: 'starting', previous: 'idle', error: null, retryAt: null })
    expect(started).to.be.instanceOf(SessionStartedEvent)
    const { sessionId } = element
    expect(started.detail).to.deep.equal({ sessionId, user: { id: 'e', name: 'E' }, guest: false })
    expect(user).to.be.instanceOf(SessionUserEvent)
    expect(user.detail).to.deep.equal({ user: { id: 'e', name: 'E' } })
    const over = heard(element, 'session-ended')
    await element.end()
    expect(await over).to.be.instanceOf(SessionEndedEvent)
    expect((await over).detail).to.deep.equal({ error: null })
  })

  it('tell of a failure, with the code that the gateway gave', async () => {
    const element = gateway.mount({ appId: 'nobody', userId: 'e', guest: true })
    const events = listenTo(element)
    const failed = await heard(element, 'session-failed')
    expect(failed).to.be.instanceOf(SessionFailedEvent)
    expect(failed.detail.error).to.be.instanceOf(SessionError)
    expect(failed.detail.error).to.include({ code: 'unknown-app', retryable: false })
    expect(element.error).to.include({ code: 'unknown-app' })
    expect(events).to.deep.equal(['state:starting', 'state:failed', 'failed'])
  })

  it('have the console told of a failure once, unless a listener deals with it', async () => {
    const said: unknown[] = []
    const { warn } = console
    console.warn = (...what) => said.push(...what)
    try {
      const elements = [1, 2].map(() => gateway.mount({ appId: 'nobody', userId: 'e', guest: true }))
      await Promise.all(elements.map((element) => heard(element, 'session-failed')))
      await nextTask()
      expect(said).to.have.lengthOf(1)
      expect(said[0]).to.match(/^<chat-session> unknown-app: The gateway knows no app with this id/)
      const dealtWith = gateway.make({ appId: 'nobody either', userId: 'e', guest: true })
      dealtWith.addEventListener('session-failed', (event) => event.preventDefault())
      document.body.append(dealtWith)
      await heard(dealtWith, 'session-failed')
      await nextTask()
      expect(said).to.have.lengthOf(1)
    } finally {
      console.warn = warn
    }
  })

  it('tell of what is not the end', async () => {
    const element = await gateway.active('e')
    const { sessionId } = element
    element.token = 'not.a.token'
    const event = await heard(element, 'session-error')
    expect(event).to.be.instanceOf(SessionErrorEvent)
    expect(event.detail.error.code).to.equal('unauthenticated')
    await roundTrip(element)
    expect(element.sessionId).to.equal(sessionId)
  })

  it('tell of a session that ended by itself, and why', async () => {
    const element = gateway.mount({ userId: 'e', token: await gateway.token('e', 3) })
    const { error } = (await heard(element, 'session-ended')).detail
    expect(error?.code).to.equal('token-expired')
    expect(element.error?.code).to.equal('token-expired')
    expect(element.state).to.equal('ended')
  })

  it('tell of a lost connection and of the one that is made at once', async () => {
    const element = await gateway.active('e')
    const events = listenTo(element)
    await cutConnections(gateway.url)
    await until('it is active again', () => events.includes('state:active'))
    expect(events.slice(0, 2)).to.deep.equal(['state:reconnecting', 'state:active'])
  })

  it('were missed by a late listener, who reads the properties', async () => {
    const element = await gateway.active('e')
    expect(element.state).to.equal('active')
    expect(element.sessionId).to.match(/./)
    expect(element.session?.user?.id).to.equal('e')
    expect(element.error).to.equal(null)
    expect((await element.whenStarted()) === element.session).to.equal(true)
  })

  it('are not needed to wait for a start: whenStarted rejects with the error when there will be none', async () => {
    const element = gateway.mount({ appId: 'nobody', guest: true })
    const error = await element.whenStarted().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).to.be.instanceOf(SessionError)
    expect(error).to.include({ code: 'unknown-app' })
  })

  it('have a state in CSS beside them', async () => {
    const element = gateway.mount({ userId: 'e' })
    const matching = (): string[] =>
      ['idle', 'starting', 'active', 'ended'].filter((state) => element.matches(`:state(${state})`))
    expect(matching()).to.deep.equal(['idle'])
    const seen: string[][] = []
    element.addEventListener('session-state', () => seen.push(matching()))
    element.token = await gateway.token('e')
    await element.whenStarted()
    expect(document.querySelector('chat-session:state(active)')).to.equal(element)
    await element.end()
    expect(seen).to.deep.equal([['starting'], ['active'], ['ended']])
  })
})

describe("<chat-session>'s listeners", () => {
  const gateway = useGateway()

  it('break nothing when they throw: the page is told, and the session goes on', async () => {
    const errors: unknown[] = []
    const before = window.onerror
    window.onerror = (_message, _source, _line, _column, error) => errors.push(error) > 0
    const failure = new Error('thrown by a listener of the page')
    const element = gateway.make({ userId: 'x', token: await gateway.token('x') })
    const fail = (): void => {
      throw failure
    }
    element.addEventListener('session-state', fail)
    document.body.append(element)
    await heard(element, 'session-started')
    await roundTrip(element)
    element.removeEventListener('session-state', fail)
    window.onerror = before
    expect(errors).to.deep.equal([failure, failure])
  })

  it('may end the session in the middle of its start', async () => {
    const element = gateway.make({ userId: 'x', token: await gateway.token('x') })
    element.addEventListener('session-started', () => void element.end())
    document.body.append(element)
    await heard(element, 'session-ended')
    expect(element.state).to.equal('ended')
  })

  it('may take the element out and put it elsewhere when its user changes', async () => {
    const element = await gateway.active('x')
    const place = document.body.appendChild(document.createElement('main'))
    element.addEventListener('session-ended', () => place.append(element), { once: true })
    Object.assign(element, { userId: 'y', token: await gateway.token('y') })
    expect((await element.whenStarted()).user?.id).to.equal('y')
    await roundTrip(element)
    await until('the former one is gone', async () => (await gateway.connections()).open === 1)
  })

  it('may take the element out for good when its user changes: nothing boots', async () => {
    const element = await gateway.active('x')
    const { total } = await gateway.connections()
    const events = listenTo(element)
    element.addEventListener('session-ended', () => element.remove())
    Object.assign(element, { userId: 'y', token: await gateway.token('y') })
    await heard(element, 'session-ended')
    const other = await gateway.active('z')
    await roundTrip(other)
    expect(events).to.deep.equal(['state:ended', 'ended'])
    await until('its connection is gone', async () => (await gateway.connections()).open === 1)
    expect((await gateway.connections()).total).to.equal(total + 1)
  })

  it('may put the element back when it hears that its session ended', async () => {
    const element = await gateway.active('x')
    element.addEventListener('session-ended', () => document.body.append(element), { once: true })
    element.remove()
    await heard(element, 'session-started')
    await roundTrip(element)
    await until('the former one is gone', async () => (await gateway.connections()).open === 1)
  })

  it('may start the session again when it hears that it failed', async () => {
    const element = gateway.make({ userId: 'x', token: 'not.a.token' })
    const token = await gateway.token('x')
    element.addEventListener(
      'session-failed',
      () => {
        element.token = token
        void element.start()
      },
      { once: true },
    )
    document.body.append(element)
    await heard(element, 'session-started')
    await roundTrip(element)
  })
})
