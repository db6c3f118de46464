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

  it('and fails as signed-out if the answer is null', async () => {
    answering(() => null)
    const element = gateway.mount({ userId: 'n' })
    expect((await nextEvent(element, 'session-failed')).detail.error.code).to.equal('signed-out')
  })

  it('again if the answer is a rejection', async () => {
    let asked = 0
    const reasons = answering(() => {
      asked += 1
      return asked === 1 ? Promise.reject(new Error('the backend is down')) : gateway.token('n')
    })
    const element = gateway.mount({ userId: 'n' })
    const error = await nextEvent(element, 'session-error')
    expect(error.detail.error.code).to.equal('unavailable')
    await element.whenStarted()
    expect(reasons).to.deep.equal(['first', 'first'])
  })

  it('before its token expires', async () => {
    const reasons = answering(() => gateway.token('n'))
    const element = gateway.mount({ userId: 'n', token: await gateway.token('n', 4) })
    await element.whenStarted()
    const { sessionId } = element
    await until('it asks', () => reasons.length > 0)
    await roundTrip(element)
    expect(reasons).to.deep.equal(['expiring'])
    expect(element.sessionId).to.equal(sessionId)
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

  it('and takes one answer, during the dispatch', async () => {
    const token = await gateway.token('n')
    let kept: TokenNeededEvent | undefined
    const thrown: unknown[] = []
    answering((event) => {
      kept = event
      event.respondWith(token)
      try {
        event.respondWith(token)
      } catch (error) {
        thrown.push(error)
      }
      return undefined
    })
    const second = answering(() => null)
    const element = gateway.mount({ userId: 'n' })
    await element.whenStarted()
    expect(thrown).to.have.length(1)
    expect(thrown[0]).to.be.instanceOf(DOMException).and.include({ name: 'InvalidStateError' })
    expect(second).to.deep.equal([])
    expect(() => kept?.respondWith(token)).to.throw(DOMException)
  })

  it('and takes no answer after the dispatch', async () => {
    const events: TokenNeededEvent[] = []
    answering((event) => {
      events.push(event)
      return undefined
    })
    const element = gateway.mount({ userId: 'n' })
    await until('it asks', () => events.length === 1)
    await nextTask()
    expect(() => events[0]?.respondWith('a.b.c')).to.throw(DOMException)
    expect(element.state).to.equal('idle')
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

  it('and ignores the answer if a token is set meanwhile', async () => {
    const signals: AbortSignal[] = []
    let answer: (token: string | null) => void = () => undefined
    answering(({ signal }) => {
      signals.push(signal)
      return new Promise((resolve) => (answer = resolve))
    })
    const element = gateway.mount({ userId: 'n' })
    await nextEvent(element, 'session-state')
    element.token = await gateway.token('n')
    await element.whenStarted()
    answer(null)
    await roundTrip(element)
    expect(element.state).to.equal('active')
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true])
  })

  it('once for two elements of one user, if the first is answered', async () => {
    const reasons = answering(() => gateway.token('n'))
    const elements = [gateway.mount({ userId: 'n' }), gateway.mount({ userId: 'n' })]
    await Promise.all(elements.map((element) => element.whenStarted()))
    expect(reasons).to.deep.equal(['first'])
  })
})
