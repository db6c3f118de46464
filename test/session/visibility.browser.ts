import { assert } from '@open-wc/testing'
import { START_PREFIX, type ClientFrame } from '../../src/protocol/index.js'
import { ChatSession, type SessionOptions } from '../../src/session/index.js'
import { endScripted, recordedAt, startScripted, stopScripted } from '../support/gateway/gateway-commands.js'
import { until } from '../support/until.js'
import { info } from './machine/states.js'

// A test cannot hide its own page: the property and the event are set and dispatched by hand.
const setVisibility = (state: DocumentVisibilityState): void => {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
  document.dispatchEvent(new Event('visibilitychange'))
}

/** Returns the start that the handshake has as a subprotocol. */
const startIn = (protocols: string[]): ClientFrame => {
  const text = protocols.find((name) => name.startsWith(START_PREFIX))?.slice(START_PREFIX.length) ?? ''
  return JSON.parse(atob(text.replaceAll('-', '+').replaceAll('_', '/'))) as ClientFrame
}

describe('ChatSession in a page that is hidden and visible', () => {
  let endpoint: string
  let session: ChatSession

  const make = (options?: Pick<SessionOptions, 'WebSocket' | 'trace'>): ChatSession =>
    new ChatSession({ endpoint, appId: 'app', token: 'a.b.c', user: { id: 'ann' }, ...options })
  beforeEach(async () => {
    endpoint = await startScripted()
    session = make()
  })
  afterEach(async () => {
    Reflect.deleteProperty(document, 'visibilityState')
    await session.end()
    await stopScripted(endpoint)
  })

  const reaches = (state: string): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (session.state === state) resolve()
      }
      session.addEventListener('state', check)
      check()
    })

  /** The `hidden` of each `visibility` frame so far. The answer to a request comes after all frames that were sent before it. */
  const announced = async (): Promise<boolean[]> => {
    await session.history()
    const [connection] = await recordedAt(endpoint)
    const frames = connection?.frames.filter(
      (frame): frame is ClientFrame & { type: 'visibility' } => frame.type === 'visibility',
    )
    return frames?.map(({ hidden }) => hidden) ?? []
  }

  it('starts without `hidden` if the page is visible, and announces each change once', async () => {
    await session.start()
    const [connection] = await recordedAt(endpoint)
    assert.isUndefined(connection?.start?.hidden)
    setVisibility('visible')
    assert.deepEqual(await announced(), [])
    setVisibility('hidden')
    setVisibility('hidden')
    assert.deepEqual(await announced(), [true])
    setVisibility('visible')
    assert.deepEqual(await announced(), [true, false])
  })

  it('starts with `hidden` if the page is hidden, and announces that it is visible', async () => {
    setVisibility('hidden')
    session = make()
    await session.start()
    const [connection] = await recordedAt(endpoint)
    assert.isTrue(connection?.start?.hidden)
    assert.deepEqual(await announced(), [])
    setVisibility('visible')
    assert.deepEqual(await announced(), [false])
  })

  it('announces after the start what changed during it', async () => {
    const starting = session.start()
    setVisibility('hidden')
    await starting
    assert.deepEqual(await announced(), [true])
  })

  for (const [before, ...changes] of [
    ['visible', 'hidden'],
    ['hidden', 'visible'],
    ['visible', 'hidden', 'visible', 'hidden'],
    ['hidden', 'visible', 'hidden'],
  ] as const)
    it(`is ${before}, then ${changes.join(', ')}, while the race takes over a handshake, and the gateway knows`, async () => {
      const starts: ClientFrame[] = []
      const sent: ClientFrame[] = []
      let wakes = 0
      const socket = {
        ...{ OPEN: 1, CLOSED: 3, readyState: 0 },
        onopen: undefined as (() => void) | undefined,
        onmessage: undefined as ((event: { data: string }) => void) | undefined,
        send: (json: string) => sent.push(JSON.parse(json) as ClientFrame),
        close: () => (socket.readyState = 3),
      }
      setVisibility(before)
      session = make({
        WebSocket: function (_url: string, protocols: string[]) {
          starts.push(startIn(protocols))
          return socket
        } as unknown as typeof WebSocket,
        trace: ({ type }) => (wakes += type === 'wake' ? 1 : 0),
      })
      const starting = session.start()
      for (const change of changes) setVisibility(change)
      // The race comes with a `wake`, and so does each change to visible.
      const wakesOfPage = changes.filter((change) => change === 'visible').length
      await until('the race has the socket', () => wakes, wakesOfPage + 1)
      socket.readyState = 1
      socket.onopen?.()
      socket.onmessage?.({ data: JSON.stringify(info) })
      assert.isTrue((await starting).succeeded)
      assert.lengthOf(starts, 1, 'the race goes on with the handshake of the attempt')
      const told = [...starts, ...sent].flatMap((frame) =>
        frame.type === 'start' || frame.type === 'visibility' ? [frame.hidden ?? false] : [],
      )
      assert.equal(told.at(-1), changes.at(-1) === 'hidden')
    })

  it('starts again when the page becomes visible, if the session ended as `too-many-sessions`', async () => {
    await session.start()
    setVisibility('hidden')
    await endScripted(endpoint, 'too-many-sessions', 4429)
    await reaches('ended')
    assert.equal(session.error?.code, 'too-many-sessions')
    setVisibility('hidden')
    window.dispatchEvent(new Event('online'))
    assert.equal(session.state, 'ended')
    setVisibility('visible')
    assert.equal(session.state, 'starting')
    await reaches('active')
    assert.isTrue(
      (await session.start()).succeeded,
      'nobody has asked for the result of the new start before',
    )
    assert.lengthOf(await recordedAt(endpoint), 2)
  })

  it('stays ended if it is ended by hand after `too-many-sessions`', async () => {
    await session.start()
    await endScripted(endpoint, 'too-many-sessions', 4429)
    await reaches('ended')
    await session.end()
    setVisibility('hidden')
    setVisibility('visible')
    assert.equal(session.state, 'ended')
    assert.lengthOf(await recordedAt(endpoint), 1)
  })
})
