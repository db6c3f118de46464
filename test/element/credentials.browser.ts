import { expect } from '@open-wc/testing'
import type { TokenAsk } from '../../src/session/index.js'
import { nextEvent, listenTo, nextTask, roundTrip, useGateway } from './support.js'

describe('<chat-session> proves who its user is', () => {
  const gateway = useGateway({ authParams: [{ code: 1, nested: { b: 2, a: 1 } }, { code: 2 }] })

  for (const [way, credentials] of [
    ['a signature', async () => ({ signature: await gateway.signature('ada') })],
    ['auth params that the app accepts', () => ({ authParams: { code: 1, nested: { a: 1, b: 2 } } })],
    [
      'a token from a fetcher, which is asked for the first',
      () => ({ tokenFetcher: ({ reason }: TokenAsk) => (reason === 'first' ? gateway.token('ada') : null) }),
    ],
    [
      'a token from a token-url that is relative to the page',
      async () => ({ tokenUrl: `/backend/token?value=${await gateway.token('ada')}` }),
    ],
  ] as const)
    it(`with ${way}`, async () => {
      const element = gateway.mount({ userId: 'ada', ...(await credentials()) })
      expect((await element.whenStarted()).user?.id).to.equal('ada')
    })

  it('and is not started again by a page that sets a new function each time it renders, but by start()', async () => {
    let asked = 0
    const fetcher = (token: string | null) => () => {
      asked += 1
      return token
    }
    const element = gateway.mount({ userId: 'f', tokenFetcher: fetcher(null) })
    await nextEvent(element, 'session-failed')
    element.tokenFetcher = fetcher(await gateway.token('f'))
    await element.updateComplete
    await nextTask()
    await nextTask()
    expect([element.state, asked]).to.deep.equal(['failed', 1])
    expect((await element.start()).succeeded).to.equal(true)
  })

  it('with a token whose user is that of user-id; the gateway refuses another', async () => {
    const element = gateway.mount({ userId: 'mine', token: await gateway.token('of another') })
    expect((await nextEvent(element, 'session-failed')).detail.error.code).to.equal('bad-request')
    element.token = await gateway.token('mine')
    expect((await element.whenStarted()).user?.id).to.equal('mine')
  })

  it('with a good token that revived it before start(), which returns the result of the new start, once', async () => {
    const element = gateway.mount({ userId: 'mine', token: 'not.a.token' })
    await nextEvent(element, 'session-failed')
    element.token = await gateway.token('mine')
    await nextEvent(element, 'session-started')
    const codeOf = async (): Promise<unknown> => {
      const result = await element.start()
      return result.failed ? result.error.code : result.session.user?.id
    }
    expect([await codeOf(), await codeOf()]).to.deep.equal(['mine', 'session-active'])
  })

  it('with another wrong token after a wrong one by start(), which returns the new error', async () => {
    const element = gateway.mount({ userId: 'mine', token: 'not.a.token' })
    await nextEvent(element, 'session-failed')
    element.token = await gateway.token('of another')
    const result = await element.start()
    expect(result.failed && result.error.code).to.equal('bad-request')
  })

  it('once: clearing a credential does not change the session', async () => {
    const element = await gateway.active('c', { signature: await gateway.signature('c') })
    const events = listenTo(element)
    const { sessionId } = element
    element.removeAttribute('token')
    Object.assign(element, { token: null, signature: '', tokenFetcher: undefined })
    await roundTrip(element)
    expect(events).to.deep.equal(['user'])
    expect(element.sessionId).to.equal(sessionId)
  })

  it('once: clearing the token that named the user does not change the session either', async () => {
    const element = gateway.mount({ token: await gateway.token('named') })
    await element.whenStarted()
    const events = listenTo(element)
    element.token = ''
    element.setAttribute('user-name', 'after it')
    expect((await nextEvent(element, 'session-user')).detail.user).to.deep.equal({
      id: 'named',
      name: 'after it',
    })
    expect(events).to.deep.equal(['user'])
  })

  for (const cleared of ['appId', 'userId'] as const)
    it(`and ends the session when ${cleared} is cleared`, async () => {
      const element = gateway.mount({ userId: 'c', signature: await gateway.signature('c') })
      await element.whenStarted()
      const events = listenTo(element)
      element[cleared] = null
      await nextEvent(element, 'session-ended')
      await nextTask()
      expect(events).to.deep.equal(['state:ended', 'ended'])
      expect([element.session === null, element.sessionId, element.error]).to.deep.equal([true, null, null])
    })

  it('and ends the session when user-id is cleared, and the token a task later', async () => {
    const element = await gateway.active('both')
    const events = listenTo(element)
    element.removeAttribute('user-id')
    element.userId = null
    await roundTrip(element)
    expect(events).to.deep.equal(['user'])
    element.token = null
    await nextEvent(element, 'session-ended')
    expect(element.session).to.equal(null)
  })

  it('again if a user id is set after it was cleared', async () => {
    const element = gateway.mount({ userId: 'c', signature: await gateway.signature('c') })
    await element.whenStarted()
    element.removeAttribute('user-id')
    element.userId = undefined
    await nextEvent(element, 'session-ended')
    element.userId = 'c'
    expect((await element.whenStarted()).user?.id).to.equal('c')
  })
})
