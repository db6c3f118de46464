import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ChatSession, Message } from '../../../src/session/index.js'
import {
  eventually,
  newSession,
  nextEvent,
  reaches,
  statesOf,
} from '../../support/clients/client-sessions.js'
import { startProxy, type Proxy, type Wire } from '../../support/network/proxy.js'
import { gatewayProcess } from '../../support/gateway/gateway-process.js'
import { tokenFor } from '../../support/tokens.js'

/** Milliseconds of silence, more than the ping interval and ten seconds: by then a client counts the connection as dead. */
const SILENCE = 60_000

const gateway = await gatewayProcess()
/** A short ping interval, so that a silent connection is noticed soon, but not so short that a slow machine looks dead. */
const pinging = await gatewayProcess({ pingInterval: 5 })
await Promise.all([gateway.start(), pinging.start()])

const bodiesOf = (messages: Message[]): (string | undefined)[] => messages.map(({ body }) => body)

const first = ({ wires }: Proxy): Wire => {
  const [wire] = wires
  assert.ok(wire, 'there is a connection')
  return wire
}

interface TestUser {
  session: ChatSession
  received: Message[]
}

const sessionOf = async (userId: string, endpoint: string): Promise<TestUser> => {
  const session = newSession({ endpoint, token: await tokenFor(userId) })
  const received: Message[] = []
  session.addEventListener('message', ({ detail }) => received.push(detail.message))
  return { session, received }
}

const begin = async (userId: string, endpoint: string): Promise<TestUser> => {
  const user = await sessionOf(userId, endpoint)
  assert.ok((await user.session.start()).succeeded)
  return user
}

/** Starts `user` behind a proxy, and a friend without one. */
const pair = async (name: string, target = gateway.endpoint, met?: (wire: Wire) => void) => {
  const proxy = await startProxy(target, undefined, met)
  const user = await begin(name, proxy.url)
  return { proxy, user, friend: await begin(`${name}'s friend`, target), id: user.session.sessionId }
}

/** Fails unless both inboxes have these messages in this order, and the listeners received each message once. */
const assertBothHold = async (users: TestUser[], bodies: string[]): Promise<void> => {
  for (const { session, received } of users) {
    await eventually(() => received.length >= bodies.length)
    assert.deepEqual(bodiesOf(await session.history({ after: 0 })), bodies)
    assert.deepEqual(bodiesOf(received), bodies)
  }
}

/** Starts the session with a target for page events. Node has no `online` event. */
const startOnPage = async (session: ChatSession): Promise<EventTarget> => {
  const page = new EventTarget()
  // The session removes its listeners when it ends.
  Object.assign(globalThis, {
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
  })
  const result = session.start()
  Reflect.deleteProperty(globalThis, 'addEventListener')
  assert.ok((await result).succeeded)
  return page
}

void describe('a session on a faulty network', { concurrency: true }, () => {
  void it('is resumed after the heartbeat timeout when the connection stalls without a close', async () => {
    const { proxy, user, friend, id } = await pair('silent', pinging.endpoint)
    const { up, down } = first(proxy)
    up.stall()
    down.stall()
    await friend.session.send({ to: 'silent', body: 'one' })
    const sent = user.session.send({ to: "silent's friend", body: 'two' })
    await nextEvent(user.session, 'state', ({ detail }) => detail.error?.code === 'timeout', SILENCE)
    await sent
    assert.equal(user.session.sessionId, id)
    await assertBothHold([user, friend], ['one', 'two'])
  })

  void it('is resumed soon after the `online` event, and the older connection is replaced', async () => {
    const proxy = await startProxy(gateway.endpoint)
    const user = await sessionOf('woken', proxy.url)
    const page = await startOnPage(user.session)
    const { sessionId: id } = user.session
    const friend = await begin("woken's friend", gateway.endpoint)
    const states = statesOf(user.session)
    const old = first(proxy)
    old.up.stall()
    old.down.stall()
    await friend.session.send({ to: 'woken', body: 'one' })
    page.dispatchEvent(new Event('online'))
    // The session notices before the heartbeat timeout.
    await nextEvent(user.session, 'state', ({ detail }) => detail.error?.code === 'timeout', 30_000)
    await reaches(user.session, 'active')
    await eventually(() => old.down.held().includes('"code":"replaced"'))
    await user.session.send({ to: "woken's friend", body: 'two' })
    assert.equal(user.session.sessionId, id)
    assert.deepEqual(states, ['reconnecting', 'active'])
    await assertBothHold([user, friend], ['one', 'two'])

    // The proxy lets the bytes of the older connection through, and they change nothing.
    old.up.flow()
    old.down.flow()
    await eventually(() => !proxy.wires.has(old))
    await friend.session.send({ to: 'woken', body: 'three' })
    await assertBothHold([user, friend], ['one', 'two', 'three'])
    assert.equal(user.session.state, 'active')
    assert.equal(user.session.sessionId, id)
  })

  for (const [way, who] of [
    ['up', 'the gateway'],
    ['down', 'the client'],
  ] as const)
    void it(`is resumed when only ${who} receives the end of the connection`, async () => {
      const { proxy, user, friend, id } = await pair(`half ${way}`)
      const old = first(proxy)
      const lost = nextEvent(user.session, 'state', ({ detail }) => detail.state === 'reconnecting')
      old[way].end()
      const sent = user.session.send({ to: `half ${way}'s friend`, body: 'one' })
      await lost
      await friend.session.send({ to: `half ${way}`, body: 'two' })
      await sent
      assert.equal(user.session.sessionId, id)
      for (const { session, received } of [user, friend]) {
        await eventually(() => received.length === 2)
        // Either message may be stored first.
        assert.deepEqual(bodiesOf(await session.history({ after: 0 })).sort(), ['one', 'two'])
        assert.deepEqual(
          received.map(({ offset }) => offset),
          [1, 2],
        )
      }
    })

  void it('sends in order and receives its answers after any delay', async () => {
    const addDelay = (wire: Wire): void => {
      wire.up.delay(150)
      wire.down.delay(300)
    }
    const { user, friend, proxy } = await pair('late', gateway.endpoint, addDelay)
    const bodies = Array.from({ length: 10 }, (_, index) => `${index}`)
    const sends = bodies.map((body) => user.session.send({ to: "late's friend", body }))
    // All messages are stored, and the proxy keeps their answers back.
    first(proxy).down.stall()
    await eventually(() => friend.received.length === bodies.length)
    assert.equal(user.received.length, 0)
    first(proxy).cut()
    assert.deepEqual(
      (await Promise.all(sends)).map(({ offset }) => offset),
      bodies.map((_, index) => index + 1),
    )
    await assertBothHold([user, friend], bodies)
  })

  void it('stores a message once if its answer was cut off, and resolves the send', async () => {
    const { proxy, user, friend, id } = await pair('cut')
    const { down } = first(proxy)
    down.stall()
    let settled = false
    const sent = user.session.send({ to: "cut's friend", body: 'one' }).finally(() => (settled = true))
    await eventually(() => down.held().includes('"type":"sent"'))
    assert.equal(settled, false)
    first(proxy).cut()
    assert.equal((await sent).offset, 1)
    assert.equal(user.session.sessionId, id)
    await assertBothHold([user, friend], ['one'])
  })

  void it('is resumed by the previous key when the `started` frame with the next key is lost, twice', async () => {
    const wires: Wire[] = []
    const { user, friend, id } = await pair('key', gateway.endpoint, (wire) => {
      wires.push(wire)
      if (wires.length === 2 || wires.length === 3) wire.down.stall('"type":"started"')
    })
    const states = statesOf(user.session)
    wires[0]?.cut()
    for (const lost of [1, 2]) {
      await eventually(() => wires[lost]?.down.held().includes('"type":"started"') ?? false)
      await friend.session.send({ to: 'key', body: `${lost}` })
      wires[lost]?.cut()
    }
    await reaches(user.session, 'active')
    assert.equal(wires.length, 4)
    assert.equal(user.session.sessionId, id)
    assert.deepEqual(states, ['reconnecting', 'active'])
    await assertBothHold([user, friend], ['1', '2'])
  })

  void it('goes on if the start of an attempt that it gave up arrives after the start of the next attempt', async () => {
    const wires: Wire[] = []
    const started = '"type":"started"'
    const { user, friend, id } = await pair('overtaken', gateway.endpoint, (wire) => {
      wires.push(wire)
      if (wires.length === 2) wire.up.stall()
      if (wires.length === 3) wire.down.stall(started)
    })
    const states = statesOf(user.session)
    wires[0]?.cut()
    await eventually(() => wires[2]?.down.held().includes(started) ?? false)
    // The gateway does not hear that the client has received its new key.
    wires[2]?.up.stall()
    wires[2]?.down.flow()
    await reaches(user.session, 'active')
    wires[1]?.up.flow()
    await reaches(user.session, 'reconnecting')
    await reaches(user.session, 'active')
    assert.equal(user.session.sessionId, id)
    assert.deepEqual(states, ['reconnecting', 'active', 'reconnecting', 'active'])
    await friend.session.send({ to: 'overtaken', body: 'one' })
    await assertBothHold([user, friend], ['one'])
  })
})
