import { expect } from '@open-wc/testing'
import { TokenNeededEvent } from '../../src/session/index.js'
import { until } from '../support/until.js'
import { nextEvent, listenTo, nextTask, roundTrip, useGateway } from './support.js'

describe('<chat-session> asks for a token', () => {
  const gateway = useGateway()
  let listening: AbortController
  /** Answers the event with the result of `answer`. Returns the reasons of the events. */
  const answering = (
    answer: (event: TokenNeededEvent) => Promise<string | null> | string | null | undefined,
    target: EventTarget = document,
  ): string[] => {
    const reasons: string[] = []
    target.addEventListener(
      'session-token-needed',
      (event) => {
        if (!(event instanceof TokenNeededEvent)) throw new TypeError('The event is no TokenNeededEvent.')
        reasons.push(event.reason)
        const token = answer(event)
        if (token !== undefined) event.respondWith(token)
      },
      { signal: listening.signal },
    )
    return reasons
  }

  beforeEach(() => (listening = new AbortController()))
  afterEach(() => listening.abort())

  it('if it has none, and a listener on the document answers', async () => {
    const reasons = answering(() => gateway.token('n'))
    const element = gateway.mount({ userId: 'n' })
    expect((await element.whenStarted()).user?.id).to.equal('n')
    expect(reasons).to.deep.equal(['first'])
  })

  it('once, and then waits in idle', async () => {
    const reasons = answering(() => undefined)
    const element = gateway.mount({ userId: 'n' })
    element.remove()
    document.body.append(element)
    await element.updateComplete
    element.setAttribute('user-name', 'N')
    await nextTask()
    await nextTask()
    expect(reasons).to.deep.equal(['first'])
    expect([element.state, element.session === null]).to.deep.equal(['idle', true])
    element.signature = await gateway.signature('n')
    expect((await element.whenStarted()).user?.id).to.equal('n')
  })

  it('again for another user, and when it is put into the page again', async () => {
    const reasons = answering(() => undefined)
    const element = gateway.mount({ userId: 'n' })
    await nextTask()
    element.userId = 'other'
    await nextTask()
    expect(reasons).to.deep.equal(['first', 'first'])
    element.remove()
    for (let tasks = 0; tasks < 4; tasks += 1) await nextTask()
    document.body.append(element)
    await nextTask()
    expect(reasons).to.deep.equal(['first', 'first', 'first'])
  })

  it('again by start()', async () => {
    let token = ''
    const reasons = answering(() => token || undefined)
    const element = gateway.mount({ userId: 'n' })
    await nextTask()
    token = await gateway.token('n')
    expect((await element.start()).succeeded).to.equal(true)
    expect(reasons).to.deep.equal(['first', 'first'])
  })

  it('and not if it has another credential', async () => {
    const reasons = answering(() => null)
    const element = await gateway.active('n')
    await roundTrip(element)
    gateway.mount({ appId: 'other', guest: true })
    await nextEvent(document, 'session-started')
    expect(reasons).to.deep.equal([])
  })

  it('and no more once it has a token-url', async () => {
    const reasons = answering(() => gateway.token('n', 4))
    const element = gateway.mount({ userId: 'n' })
    await element.whenStarted()
    const url = `/backend/token?value=${await gateway.token('n')}`
    element.tokenUrl = url
    const isFetched = (): boolean =>
      performance.getEntriesByType('resource').some(({ name }) => name.endsWith(url))
    await until('it gets another token', () => isFetched() || reasons.length > 1)
    await roundTrip(element)
    expect(reasons).to.deep.equal(['first'])
  })

  it('if the gateway refuses its token', async () => {
    const reasons = answering(() => gateway.token('n'))
    const element = gateway.mount({ userId: 'n', token: 'not.a.token' })
    const events = listenTo(element)
    await element.whenStarted()
    expect(reasons).to.deep.equal(['rejected'])
    expect(events).to.not.include('failed')
  })

  it('and aborts the signal when the answer is no longer needed', async () => {
    const signals: AbortSignal[] = []
    const never = new Promise<string>(() => undefined)
    answering(({ signal }) => {
      signals.push(signal)
      return never
    })
    const element = gateway.mount({ userId: 'n' })
    await nextEvent(element, 'session-state')
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([false])
    element.remove()
    await nextEvent(element, 'session-ended')
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true])
  })

  it('once for two elements of one user, if the first is answered', async () => {
    const reasons = answering(() => gateway.token('n'))
    const elements = [gateway.mount({ userId: 'n' }), gateway.mount({ userId: 'n' })]
    await Promise.all(elements.map((element) => element.whenStarted()))
    expect(reasons).to.deep.equal(['first'])
  })
})
