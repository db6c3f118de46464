import { expect } from '@open-wc/testing'
import {
  SessionEndedEvent,
  SessionErrorEvent,
  SessionFailedEvent,
  SessionStartedEvent,
  SessionStateEvent,
  SessionUserEvent,
} from '../../../src/element/chat-session.js'
import { SessionError } from '../../../src/session/index.js'
import { cutConnections } from '../../support/gateway/gateway-commands.js'
import { until } from '../../support/until.js'
import { nextEvent, listenTo, nextTask, roundTrip, useGateway } from '../support.js'

describe("<chat-session>'s events", () => {
  const gateway = useGateway()

  it('bubble and cross shadow roots', async () => {
    const host = document.body.appendChild(document.createElement('div'))
    const events = [
      nextEvent(document, 'session-state'),
      nextEvent(document, 'session-started'),
      nextEvent(window, 'session-user'),
    ]
    const element = gateway.mount(
      { userId: 'e', token: await gateway.token('e') },
      host.attachShadow({ mode: 'closed' }),
    )
    for (const event of await Promise.all(events)) {
      expect([event.bubbles, event.composed]).to.deep.equal([true, true])
      expect(event.target).to.equal(host)
    }
    const ended = nextEvent(document, 'session-ended')
    await element.end()
    await ended
    element.remove()
  })

  it('have a class each, with typed detail', async () => {
    const element = gateway.make({ userId: 'e', token: await gateway.token('e'), user: { name: 'E' } })
    document.body.append(element)
    const [state, started, user] = await Promise.all([
      nextEvent(element, 'session-state'),
      nextEvent(element, 'session-started'),
      nextEvent(element, 'session-user'),
    ])
    expect(state).to.be.instanceOf(SessionStateEvent)
    expect(state.detail).to.deep.equal({ state: 'starting', previous: 'idle', error: null, retryAt: null })
    expect(started).to.be.instanceOf(SessionStartedEvent)
    const { sessionId } = element
    expect(started.detail).to.deep.equal({ sessionId, user: { id: 'e', name: 'E' }, guest: false })
    expect(user).to.be.instanceOf(SessionUserEvent)
    expect(user.detail).to.deep.equal({ user: { id: 'e', name: 'E' } })
    const over = nextEvent(element, 'session-ended')
    await element.end()
    expect(await over).to.be.instanceOf(SessionEndedEvent)
    expect((await over).detail).to.deep.equal({ error: null })
  })

  it('report a failure with the code that the gateway sent', async () => {
    const element = gateway.mount({ appId: 'unknown', userId: 'e', guest: true })
    const events = listenTo(element)
    const rejected = element.whenStarted().catch((reason: unknown) => reason)
    const failed = await nextEvent(element, 'session-failed')
    expect(failed).to.be.instanceOf(SessionFailedEvent)
    expect(failed.detail.error).to.be.instanceOf(SessionError)
    expect(failed.detail.error).to.include({ code: 'unknown-app', retryable: false })
    expect(element.error).to.include({ code: 'unknown-app' })
    expect(await rejected, 'whenStarted').to.include({ code: 'unknown-app' })
    expect(events).to.deep.equal(['state:starting', 'state:failed', 'failed'])
  })

  it('report a failure in the console once, unless a listener prevents the default', async () => {
    const warnings: unknown[] = []
    const { warn } = console
    console.warn = (...what) => warnings.push(...what)
    try {
      const elements = [1, 2].map(() => gateway.mount({ appId: 'unknown', userId: 'e', guest: true }))
      await Promise.all(elements.map((element) => nextEvent(element, 'session-failed')))
      await nextTask()
      expect(warnings).to.have.lengthOf(1)
      expect(warnings[0]).to.match(/^<chat-session> unknown-app: The gateway knows no app with this id/)
      const prevented = gateway.make({ appId: 'another unknown app', userId: 'e', guest: true })
      prevented.addEventListener('session-failed', (event) => event.preventDefault())
      document.body.append(prevented)
      await nextEvent(prevented, 'session-failed')
      await nextTask()
      expect(warnings).to.have.lengthOf(1)
    } finally {
      console.warn = warn
    }
  })

  it('report an error that does not end the session', async () => {
    const element = await gateway.active('e')
    const { sessionId } = element
    element.token = 'not.a.token'
    const event = await nextEvent(element, 'session-error')
    expect(event).to.be.instanceOf(SessionErrorEvent)
    expect(event.detail.error.code).to.equal('unauthenticated')
    await roundTrip(element)
    expect(element.sessionId).to.equal(sessionId)
  })

  it('report a lost connection and the reconnect', async () => {
    const element = await gateway.active('e')
    const events = listenTo(element)
    await cutConnections(gateway.url)
    await until('it is active again', () => events.includes('state:active'))
    expect(events.slice(0, 2)).to.deep.equal(['state:reconnecting', 'state:active'])
  })

  it('come with a state in CSS', async () => {
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

  it('break nothing if they throw: window.onerror gets the error, and the session goes on', async () => {
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
    await nextEvent(element, 'session-started')
    await roundTrip(element)
    element.removeEventListener('session-state', fail)
    window.onerror = before
    expect(errors).to.deep.equal([failure, failure])
  })

  it('may take the element out and put it elsewhere when its user changes', async () => {
    const element = await gateway.active('x')
    const place = document.body.appendChild(document.createElement('main'))
    element.addEventListener('session-ended', () => place.append(element), { once: true })
    Object.assign(element, { userId: 'y', token: await gateway.token('y') })
    expect((await element.whenStarted()).user?.id).to.equal('y')
    await roundTrip(element)
    await until('the first connection is closed', async () => (await gateway.connections()).open === 1)
  })

  it('may take the element out for good when its user changes: no session starts', async () => {
    const element = await gateway.active('x')
    const { total } = await gateway.connections()
    const events = listenTo(element)
    element.addEventListener('session-ended', () => element.remove())
    Object.assign(element, { userId: 'y', token: await gateway.token('y') })
    await nextEvent(element, 'session-ended')
    const other = await gateway.active('z')
    await roundTrip(other)
    expect(events).to.deep.equal(['state:ended', 'ended'])
    await until('its connection is closed', async () => (await gateway.connections()).open === 1)
    expect((await gateway.connections()).total).to.equal(total + 1)
  })

  it('may put the element back when its session ended', async () => {
    const element = await gateway.active('x')
    element.addEventListener('session-ended', () => document.body.append(element), { once: true })
    element.remove()
    await nextEvent(element, 'session-started')
    await roundTrip(element)
    await until('the first connection is closed', async () => (await gateway.connections()).open === 1)
  })

  it('may start the session again when it failed', async () => {
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
    await nextEvent(element, 'session-started')
    await roundTrip(element)
  })
})
