import { expect } from '@open-wc/testing'
import {
  SessionMessageEvent,
  SessionPendingEvent,
  SessionPresenceEvent,
  SessionSentEvent,
  SessionSignalEvent,
  SessionUnreadEvent,
} from '../../src/element/define.js'
import { SessionError } from '../../src/session/index.js'
import { nextEvent, make, roundTrip, useGateway } from './support.js'

describe('Messages and <chat-session>', () => {
  const gateway = useGateway()

  it('go from one element to the other, which counts them, marks them as read and finds them in the history', async () => {
    const ann = await gateway.active('ann')
    const bob = await gateway.active('bob')
    const received = nextEvent(document, 'session-message')
    const counted = nextEvent(bob, 'session-unread')
    const sent = await ann.send({ to: 'bob', body: 'Hi', data: { a: 1 } })
    expect(await received).to.be.instanceOf(SessionMessageEvent)
    expect(await counted).to.be.instanceOf(SessionUnreadEvent)
    expect((await counted).detail).to.deep.equal({ unread: 1 })
    expect(bob.unread).to.equal(1)
    expect(bob.matches(':state(unread)')).to.equal(true)
    expect(bob.matches(':state(active)')).to.equal(true)
    const [message] = await bob.history()
    expect(message).to.deep.include({ id: sent.id, from: 'ann', to: 'bob', body: 'Hi', data: { a: 1 } })
    await bob.markRead(message?.offset ?? 0)
    expect(bob.unread).to.equal(0)
    expect(bob.matches(':state(unread)')).to.equal(false)
    expect(ann.unread).to.equal(0)
  })

  it('are listed, counted and marked by peer', async () => {
    const bob = await gateway.active('peers-bob')
    const ann = await gateway.active('peers-ann')
    const cy = await gateway.active('peers-cy')
    await ann.send({ to: 'peers-bob', body: 'one' })
    await cy.send({ to: 'peers-bob', body: 'two' })
    await ann.send({ to: 'peers-bob', body: 'three' })
    await bob.send({ to: 'peers-cy', body: 'four' })
    const { peers, next } = await bob.peers()
    expect(peers.map(({ id, unread, newest }) => [id, unread, newest.body])).to.deep.equal([
      ['peers-cy', 1, 'four'],
      ['peers-ann', 2, 'three'],
    ])
    expect(next).to.equal(undefined)
    const thread = await bob.history({ with: 'peers-ann' })
    expect(thread.map(({ body }) => body)).to.deep.equal(['one', 'three'])
    expect((await bob.history({ with: null })).length).to.equal(0)
    await bob.markRead(thread.at(-1)?.offset ?? 0, { with: 'peers-ann' })
    expect(bob.unread).to.equal(1)
    expect((await bob.peers()).peers.map(({ unread }) => unread)).to.deep.equal([1, 0])
  })

  it('come with typing signals, which a message ends, and with who is online', async () => {
    const bob = await gateway.active('signal-bob')
    const ann = await gateway.active('signal-ann')
    await ann.send({ to: 'signal-bob', body: 'Hi' })
    const presence = nextEvent(bob, 'session-presence')
    await bob.watch(['signal-ann'])
    expect(await presence).to.be.instanceOf(SessionPresenceEvent)
    expect((await presence).detail.users.map(({ id, online }) => [id, online])).to.deep.equal([
      ['signal-ann', true],
    ])
    const typing = nextEvent(document, 'session-signal')
    expect(await ann.signal('signal-bob', 'typing', { ttl: 20_000 })).to.equal(true)
    expect(await typing).to.be.instanceOf(SessionSignalEvent)
    const { signal } = (await typing).detail
    expect([signal.from, signal.name]).to.deep.equal(['signal-ann', 'typing'])
    expect(signal.until).to.be.above(Date.now())
    const over = nextEvent(bob, 'session-signal')
    await ann.send({ to: 'signal-bob', body: 'Sent' })
    expect((await over).detail.signal.until).to.be.at.most(Date.now())
  })

  it('are pending until they are stored, and the element says so', async () => {
    const ann = await gateway.active('pending-ann')
    const [waits, stored] = [nextEvent(document, 'session-pending'), nextEvent(document, 'session-sent')]
    const sending = ann.send({ to: 'bob', body: 'Hi' })
    expect(ann.pending).to.equal(1)
    expect((await waits).detail).to.deep.equal({ count: 1, reason: null, retryAt: null, failed: [] })
    expect((await stored).detail).to.deep.equal(await sending)
    expect(await waits).to.be.instanceOf(SessionPendingEvent)
    expect(await stored).to.be.instanceOf(SessionSentEvent)
    expect(ann.pending).to.equal(0)
  })

  it('begin where `since` says, and a change of `since` alone restarts nothing', async () => {
    const ann = await gateway.active('since-ann')
    await ann.send({ to: 'since-bob', body: 'drawn by nobody' })
    const bob = gateway.make({ userId: 'since-bob', token: await gateway.token('since-bob') })
    bob.setAttribute('since', 'another epoch/7')
    const [lost, message] = [nextEvent(bob, 'session-error'), nextEvent(bob, 'session-message')]
    document.body.append(bob)
    expect((await lost).detail.error.code).to.equal('messages-lost')
    expect((await message).detail.message.body).to.equal('drawn by nobody')
    const { sessionId } = bob
    const states: unknown[] = []
    bob.addEventListener('session-state', ({ detail }) => states.push(detail.state))
    bob.setAttribute('since', 'another epoch/8')
    await roundTrip(bob)
    expect(states).to.deep.equal([])
    expect(bob.sessionId).to.equal(sessionId)
  })

  it('need a session', async () => {
    const element = make({})
    expect([element.unread, element.pending]).to.deep.equal([0, 0])
    for (const asked of [
      element.send({ to: 'bob', body: 'Hi' }),
      element.history(),
      element.peers(),
      element.markRead(1),
      element.signal('bob', 'typing'),
      element.watch(['bob']),
    ]) {
      const error: unknown = await asked.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).to.be.instanceOf(SessionError)
      expect(error).to.include({ code: 'ended' })
    }
  })
})
