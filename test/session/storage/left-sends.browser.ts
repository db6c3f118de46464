import { assert } from '@open-wc/testing'
import { ChatSession, type SessionOptions } from '../../../src/session/index.js'
import { LEFT_SENDS } from '../../../src/session/storage/left-sends.js'
import { createToken } from '../../../src/tokens/index.js'
import {
  cutScripted,
  recordedAt,
  startGateway,
  startScripted,
  stopGateway,
  stopScripted,
} from '../../support/gateway/gateway-commands.js'
import { until } from '../../support/until.js'

/*
 * The headless shell has no back/forward cache, and a test can't leave its own page: the page's events are dispatched by hand here, and the
 * next page of the tab is a second session of this page.
 */
const hide = (): boolean => window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
const show = (): boolean => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
const freeze = (): boolean => document.dispatchEvent(new Event('freeze'))
const resume = (): boolean => document.dispatchEvent(new Event('resume'))

describe('The messages that a page leaves', () => {
  let endpoint: string
  let sessions: ChatSession[] = []

  beforeEach(async () => {
    endpoint = await startScripted()
    sessionStorage.clear()
  })
  afterEach(async () => {
    await Promise.all(sessions.map((session) => session.end()))
    sessions = []
    await stopScripted(endpoint)
  })

  const make = (given: Partial<SessionOptions> = {}): ChatSession => {
    const session = new ChatSession({ endpoint, appId: 'app', token: 'a.b.c', user: { id: 'ann' }, ...given })
    sessions.push(session)
    return session
  }
  /** Sends a message that nobody waits for: the scripted gateway answers none. */
  const send = (session: ChatSession, id: string, to = 'bob'): void => {
    session.send({ to, id, body: id }).catch(() => undefined)
  }
  /** Stores what an earlier page has left. The browser may have the pages in any order. */
  const leave = (page: string, messages: Record<string, number>): void => {
    const sends = Object.entries(messages).map(([id, age]) => ({
      ...{ type: 'send', id, to: 'bob' },
      writtenAt: Date.now() - age,
    }))
    const record = { sender: { isGuest: false, id: 'ann' }, sends }
    sessionStorage.setItem(LEFT_SENDS + JSON.stringify([endpoint, 'app']) + page, JSON.stringify(record))
  }
  /** Resolves when the newest connection has brought these messages, in this order and no others. */
  const arrive = async (...ids: string[]): Promise<void> => {
    const arrived = async (): Promise<string> =>
      (await recordedAt(endpoint))
        .at(-1)
        ?.frames.flatMap((frame) => (frame.type === 'send' ? [frame.id] : []))
        .join() ?? ''
    await until('all messages have come', async () => (await arrived()).split(',').length, ids.length)
    assert.equal(await arrived(), ids.join())
  }

  it('by several pages come in the order in which they were written, before those of the next page', async () => {
    leave('c', { first: 4_000, third: 2_000 })
    leave('a', { fourth: 1_000 })
    leave('b', { second: 3_000 })
    const session = make()
    send(session, 'before the start')
    void session.start()
    send(session, 'while it starts')
    session.addEventListener('state', ({ detail }) => {
      if (detail.state === 'active') send(session, 'in the event of the start')
    })
    await arrive(
      ...['first', 'second', 'third', 'fourth'],
      ...['before the start', 'while it starts', 'in the event of the start'],
    )
  })

  it('come before those that the next page sends while it asks for its token', async () => {
    const answers: ((token: string) => void)[] = []
    const session = make({ token: null, tokenFetcher: () => new Promise((resolve) => answers.push(resolve)) })
    void session.start()
    send(session, 'own')
    // The page before stores its messages late.
    leave('a', { left: 1_000 })
    answers[0]?.('a.b.c')
    await arrive('left', 'own')
  })

  it('and those without an answer come before one that a listener sends when the connection is back', async () => {
    const session = make()
    await session.start()
    send(session, 'early')
    await arrive('early')
    leave('a', { left: 1_000 })
    let isSent = false
    session.addEventListener('pending', ({ detail }) => {
      if (isSent || detail.reason !== null) return
      isSent = true
      send(session, 'late')
    })
    await cutScripted(endpoint)
    await until('the session has another connection', async () => (await recordedAt(endpoint)).length, 2)
    await arrive('left', 'early', 'late')
  })

  for (const [where, away, back] of [
    ['at `pagehide`, before the session notices it', 'pagehide', show],
    ['at `pagehide`', 'pagehide', show],
    ['in the cache', 'pagehide', show],
    ['while it is frozen', 'freeze', resume],
  ] as const)
    it(`${where} are stored for the next page, and sent once if the page is back`, async () => {
      const session = make()
      const late = (): void => send(session, 'late')
      const target = away === 'freeze' ? document : window
      const isEarly = where.includes('before')
      if (isEarly) target.addEventListener(away, late, { once: true })
      await session.start()
      send(session, 'early')
      if (where === 'at `pagehide`') target.addEventListener(away, late, { once: true })
      if (away === 'freeze') freeze()
      else hide()
      if (where.includes('cache') || where.includes('frozen')) {
        await Promise.resolve()
        late()
      }
      const next = make()
      await next.start()
      assert.equal(next.pending, 2)
      await arrive('early', 'late')
      back()
      await until('the page is back', () => session.state, 'active')
      assert.equal(session.pending, 2)
      send(session, 'back')
      await arrive('early', 'late', 'back')
      assert.lengthOf(
        Object.keys(sessionStorage).filter((key) => key.startsWith(LEFT_SENDS)),
        0,
      )
    })

  it('by a guest who becomes a user, after that, are sent as the user by the next page', async () => {
    const secret = 'a secret of at least 32 bytes, for tests'
    const url = await startGateway({
      apps: { app: { environment: 'test', guests: true, secrets: [secret], send: 'anyone' } },
    })
    try {
      const token = await createToken({ appId: 'app', userId: 'ada', secret })
      const user = { id: 'ada' }
      const former = make({ endpoint: url, token: null, guest: true, user })
      await former.start()
      assert.equal(former.user?.id, 'guest:ada')
      await former.end()
      former.setCredentials({ token })
      void former.start()
      send(former, 'left by the user', 'ada')
      hide()
      const next = make({ endpoint: url, token, user })
      await next.start()
      await until('the message is stored', () => next.pending, 0)
      const [message] = await next.history()
      assert.deepInclude(message, { id: 'left by the user', from: 'ada' })
    } finally {
      await Promise.all(sessions.splice(0).map((session) => session.end()))
      await stopGateway(url)
    }
  })
})
