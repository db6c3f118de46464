import { expect } from '@open-wc/testing'
import type { ChatSessionElement } from '../../../src/element/define.js'
import { startGateway, stopGateway } from '../../support/gateway/gateway-commands.js'
import { until } from '../../support/until.js'
import { listenTo, nextEvent, nextTask, useGateway } from '../support.js'

/** More messages than a session has on their way at once, so that some wait for the answers to others. */
const MANY = 300

describe('<chat-session> of a guest with user-id, when the user logs in,', () => {
  const gateway = useGateway()

  const guestOf = async (userId: string): Promise<ChatSessionElement> => {
    const element = gateway.mount({ userId, guest: true })
    await element.whenStarted()
    expect([element.session?.guest, element.session?.user?.id]).to.deep.equal([true, `guest:${userId}`])
    return element
  }
  const becomes = async (element: ChatSessionElement, userId: string): Promise<void> => {
    await until('the session is the user’s', () => element.session?.user?.id, userId)
    expect([element.state, element.session?.guest]).to.deep.equal(['active', false])
  }

  for (const [what, credentials] of Object.entries<(userId: string) => Promise<Partial<ChatSessionElement>>>({
    'a token': async (userId) => ({ token: await gateway.token(userId) }),
    'a token-url': async (userId) => ({ tokenUrl: `/backend/token?value=${await gateway.token(userId)}` }),
    'a tokenFetcher': (userId) => Promise.resolve({ tokenFetcher: () => gateway.token(userId) }),
    'a signature': async (userId) => ({ signature: await gateway.signature(userId) }),
    'a token, without guest': async (userId) => ({ token: await gateway.token(userId), guest: false }),
  }))
    it(`becomes the user by ${what}, in one new session`, async () => {
      const element = await guestOf('ada')
      const { total } = await gateway.connections()
      const events = listenTo(element)
      const users: string[] = []
      element.addEventListener('session-started', ({ detail }) => users.push(detail.user.id))
      Object.assign(element, await credentials('ada'))
      await becomes(element, 'ada')
      expect(events.filter((name) => name.startsWith('state:'))).to.deep.equal([
        'state:ended',
        'state:starting',
        'state:active',
      ])
      expect(users).to.deep.equal(['ada'])
      expect((await gateway.connections()).total).to.equal(total + 1)
    })

  it('becomes the user if user-id comes first, or the token', async () => {
    const token = await gateway.token('ada')
    for (const steps of [
      [{ userId: 'ada' }, { token }],
      [{ token }, { userId: 'ada' }],
      [{ tokenUrl: `/backend/token?value=${token}` }, { userId: 'ada' }],
    ]) {
      const element = gateway.mount({ guest: true })
      await element.whenStarted()
      for (const step of steps) {
        Object.assign(element, step)
        await nextTask()
      }
      await becomes(element, 'ada')
      element.remove()
    }
  })

  it('becomes the user by a token that comes while the guest starts', async () => {
    const element = gateway.mount({ userId: 'ada', guest: true })
    await nextEvent(element, 'session-state')
    element.token = await gateway.token('ada')
    await becomes(element, 'ada')
  })

  it('first sends what the guest has left, as the guest', async () => {
    const bob = await gateway.active('bob')
    const got: unknown[] = []
    bob.addEventListener('session-message', ({ detail }) =>
      got.push([detail.message.from, detail.message.body]),
    )
    const element = await guestOf('ada')
    const token = await gateway.token('ada')
    const bodies = ['one', 'two', 'three']
    const sending = Promise.all(bodies.map((body) => element.send({ to: 'bob', body })))
    element.token = token
    await sending
    await becomes(element, 'ada')
    await element.send({ to: 'bob', body: 'after the log-in' })
    await until('all have come', () => got.length, bodies.length + 1)
    expect(got).to.deep.equal([...bodies.map((body) => ['guest:ada', body]), ['ada', 'after the log-in']])
  })

  it('does not wait for long to send what the guest has left, where the gateway is away', async () => {
    const url = await startGateway({ apps: { app: { environment: 'test' } } })
    const element = gateway.mount({ userId: 'ada', guest: true, endpoint: url })
    await element.whenStarted()
    await stopGateway(url)
    const sending = element.send({ to: 'guest:ada', body: 'too late' }).catch((error: unknown) => error)
    element.token = await gateway.token('ada')
    const ended = nextEvent(element, 'session-ended')
    expect(await sending).to.include({ code: 'ended' })
    expect((await ended).detail.error).to.equal(null)
    await until('the session of the user starts', () => element.state, 'starting')
    expect(element.session?.guest).to.equal(false)
  })

  it('answers start() and whenStarted() with the session of the user', async () => {
    const element = await guestOf('ada')
    element.token = await gateway.token('ada')
    const sending = element.send({ to: 'guest:ada', body: 'a message that waits' })
    const [session, result] = await Promise.all([element.whenStarted(), element.start()])
    await sending
    expect([session.user?.id, result.succeeded]).to.deep.equal(['ada', true])
  })

  it('stays the guest with the token of somebody else, and says so', async () => {
    const element = await guestOf('ada')
    const { sessionId } = element
    const refused = nextEvent(element, 'session-error')
    element.token = await gateway.token('eve')
    expect((await refused).detail.error.code).to.equal('unauthenticated')
    expect([element.sessionId, element.session?.user?.id]).to.deep.equal([sessionId, 'guest:ada'])
    element.token = await gateway.token('ada')
    await becomes(element, 'ada')
  })

  it('becomes the user for all elements that share the session, whichever gets the token', async () => {
    const first = await guestOf('ada')
    const second = gateway.mount({ userId: 'ada', token: await gateway.token('ada') })
    await becomes(first, 'ada')
    expect(second.session === first.session).to.equal(true)
    expect((await second.whenStarted()).user?.id).to.equal('ada')
  })

  for (const [what, leave] of Object.entries<(element: ChatSessionElement) => unknown>({
    'leaves the document': (element) => element.remove(),
    'is ended': (element) => element.end(),
  }))
    it(`starts no session if it ${what} while the guest still sends`, async () => {
      const element = await guestOf('ada')
      const { session } = element
      const { total } = await gateway.connections()
      const token = await gateway.token('ada')
      const sends = Array.from({ length: MANY }, () => element.send({ to: 'guest:ada', body: 'it waits' }))
      element.token = token
      await element.updateComplete
      await nextTask()
      expect([element.pending > 0, session?.guest]).to.deep.equal([true, true])
      leave(element)
      await Promise.allSettled(sends)
      await until('the guest has left', async () => (await gateway.connections()).open, 0)
      expect([session?.state, (await gateway.connections()).total]).to.deep.equal(['ended', total])
    })
})
