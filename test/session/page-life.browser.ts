import { assert } from '@open-wc/testing'
import type { ChatSession } from '../../src/session/index.js'
import { LEFT_SENDS } from '../../src/session/storage/left-sends.js'
import { WEBSOCKET_KEY } from '../../src/session/transports/stream/memory.js'
import { endScripted, mute, recordedAt, type Recorded } from '../support/gateway/gateway-commands.js'
import { createToken } from '../../src/tokens/index.js'
import { until } from '../support/until.js'
import { freeze, hide, leftSend, resume, send, sendsOf, show, useTab } from './tab.js'

const TIMEOUT = 30_000

/** The keys in the storage, besides that of what carried a session in this tab. */
const places = (): string[] => Object.keys(sessionStorage).filter((key) => key !== WEBSOCKET_KEY)
const stored = (): number => places().length

describe('ChatSession in a page that is hidden and shown again', () => {
  const tab = useTab()
  const { make, started, gatewayWith, leave, arrive, leftKey } = tab
  const recorded = async (fits: (connections: Recorded[]) => boolean): Promise<Recorded[]> => {
    const deadline = Date.now() + TIMEOUT
    for (;;) {
      const connections = await recordedAt(tab.endpoint)
      if (fits(connections)) return connections
      if (Date.now() > deadline) assert.fail(`It never came to that: ${JSON.stringify(connections)}`)
    }
  }
  const reaches = (session: ChatSession, state: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (session.state === state) resolve()
      }
      session.addEventListener('state', look)
      look()
    })

  /** Runs `body` while no post of the page gets through. `posts` has their bodies. */
  const withoutPosts = async (body: (posts: string[]) => Promise<void>): Promise<void> => {
    const posts: string[] = []
    const { fetch } = window
    window.fetch = (_, init) => {
      posts.push(init?.body as string)
      return Promise.reject(new TypeError('No.'))
    }
    try {
      await body(posts)
    } finally {
      window.fetch = fetch
    }
  }

  const waits = (session: ChatSession, count: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (session.pending === count) resolve()
      }
      session.addEventListener('pending', look)
      look()
    })

  it('closes the socket of a session that is ended during `pagehide`, while it connects', async () => {
    const sockets: WebSocket[] = []
    class Seen extends WebSocket {
      constructor(...given: ConstructorParameters<typeof WebSocket>) {
        super(...given)
        sockets.push(this)
      }
    }
    const session = make({ token: 'a.b.c', user: { id: 'ann' }, WebSocket: Seen })
    // The element listens to `pagehide` before its session does, and so does this listener.
    window.addEventListener('pagehide', () => void session.end(), { once: true })
    void session.start()
    hide()
    await Promise.resolve()
    assert.equal(session.state, 'ended')
    assert.equal(sockets[0]?.readyState, WebSocket.CLOSING)
  })

  it('closes the socket with 4000 at `pagehide`, and resumes at `pageshow`', async () => {
    const session = await started()
    const { sessionId: id } = session
    assert.equal(stored(), 0)
    hide()
    assert.equal(session.state, 'reconnecting')
    assert.equal(stored(), 1)
    assert.equal((await recorded(([first]) => first?.close !== null))[0]?.close, 4000)
    window.dispatchEvent(new Event('online'))
    assert.equal((await recordedAt(tab.endpoint)).length, 1, 'a hidden page connects to nothing')
    show()
    await reaches(session, 'active')
    const [, second] = await recordedAt(tab.endpoint)
    assert.deepEqual(second?.start?.resume, { key: 'k1', epoch: 'e', offset: 0 })
    assert.equal(session.sessionId, id)
    assert.equal(stored(), 0)
  })

  it('says that messages wait because the browser is offline', async () => {
    const session = await started()
    const reasons: unknown[] = []
    session.addEventListener('pending', ({ detail }) => reasons.push(detail.reason))
    // The scripted gateway does not answer.
    send(session, 'waits')
    Object.defineProperty(navigator, 'onLine', { value: false, configurable: true })
    try {
      window.dispatchEvent(new Event('offline'))
    } finally {
      Reflect.deleteProperty(navigator, 'onLine')
    }
    window.dispatchEvent(new Event('online'))
    await session.end()
    assert.deepEqual(reasons, [null, 'offline', null, null])
  })

  it('leaves what waits to the next page, and only to that of the same user', async () => {
    const former = await started()
    send(former, 'kept')
    hide()
    const bob = make({ token: 'a.b.c', user: { id: 'bob' } })
    void bob.start()
    const next = make()
    void next.start()
    await waits(next, 1)
    const third = await started()
    assert.deepEqual([bob.pending, third.pending], [0, 0])
  })

  it('posts what waits for its first connection', () =>
    withoutPosts(async (posts) => {
      const session = make()
      void session.start()
      send(session, 'early')
      hide()
      assert.match(posts.join(), /"token":"a\.b\.c".*"id":"early"/)
      await session.end()
    }))

  it('leaves and posts what the page sends while it is left, after what it has posted', () =>
    withoutPosts(async (posts) => {
      const session = await started({ user: { id: 'ann' }, tokenFetcher: () => 'a.b.c' })
      await session.history()
      send(session, 'before')
      window.addEventListener('pagehide', () => send(session, 'late'), { once: true })
      hide()
      const posted = posts.map((json) => {
        const { sends, ...by } = JSON.parse(json) as { sends: { writtenAt: number }[] }
        return { ...by, sends: sends.map(({ writtenAt, ...send }) => ({ ...send, isTimed: writtenAt > 0 })) }
      })
      assert.deepEqual(
        posted,
        ['before', 'late'].map((id) => ({
          ...{ token: 'a.b.c', appId: 'app', userId: 'ann' },
          sends: [{ type: 'send', id, to: 'bob', body: id, isTimed: true }],
        })),
      )
      const next = make()
      void next.start()
      await waits(next, 2)
      // The page is back: its messages go by its connection.
      show()
      await reaches(session, 'active')
      send(session, 'back')
      assert.lengthOf(posts, 2)
      await session.end()
    }))

  it('leaves the messages to a later session if it is ended, or has not started, when the script for them comes', async () => {
    leave([leftSend('left')])
    const idle = make()
    const asking = idle.history().catch(() => undefined)
    await Promise.resolve()
    assert.deepEqual([idle.pending, stored()], [0, 1])
    void idle.start()
    await waits(idle, 1)
    await idle.end()
    await asking
    leave([leftSend('left')])
    const ended = make()
    void ended.start()
    const ending = ended.end()
    await ending
    // A log-out deletes them.
    assert.equal(ended.pending, 0)
    assert.isNull(sessionStorage.getItem(leftKey()))
  })

  it('sends as a guest nothing of a page whose user was no guest, and was not known yet', async () => {
    const ask = (): Promise<string> => new Promise(() => undefined)
    const former = make({ tokenFetcher: ask })
    void former.start()
    send(former, 'hers')
    hide()
    const guest = await started({ guest: true })
    await guest.history({ limit: 1 }).catch(() => undefined)
    assert.equal(guest.pending, 0)
  })

  for (const [code, close, isKept] of [
    ['token-expired', 4401, true],
    ['revoked', 4410, false],
  ] as const)
    it(`${isKept ? 'keeps' : 'deletes'} the messages of an earlier page if the session ends as ${code}`, async () => {
      leave([leftSend('one'), leftSend('two')])
      const session = make()
      const failed: unknown[] = []
      session.addEventListener('pending', ({ detail }) =>
        failed.push(...detail.failed.map(({ id, error }) => [id, error.code])),
      )
      await session.start()
      await waits(session, 2)
      assert.equal(stored(), 0)
      await endScripted(tab.endpoint, code, close)
      await reaches(session, 'ended')
      await waits(session, 0)
      const left = ['one', 'two'].map((id) => [id, code])
      const records = (): number => places().filter((key) => key.startsWith(LEFT_SENDS)).length
      assert.deepEqual([records(), failed], isKept ? [1, []] : [0, left])
      if (!isKept) return
      const next = await started()
      await arrive('one', 'two')
      // After a failure, too, a log-out deletes the messages.
      await endScripted(tab.endpoint, code, close)
      await reaches(next, 'ended')
      await waits(next, 0)
      assert.equal(records(), 1)
      await next.end()
      assert.equal(records(), 0)
    })

  it('sends the messages of an earlier page again if a listener starts the session at once when it has failed', async () => {
    leave([leftSend('one')])
    const session = make()
    const failed: unknown[] = []
    session.addEventListener('pending', ({ detail }) => failed.push(...detail.failed))
    await session.start()
    await waits(session, 1)
    let isStarted = false
    session.addEventListener('state', ({ detail }) => {
      // Only once: otherwise the session would outlive the test.
      if (detail.state !== 'ended' || isStarted) return
      isStarted = true
      void session.start()
    })
    await endScripted(tab.endpoint, 'replaced', 4409)
    await recorded((connections) => connections.length > 1 && sendsOf(connections.at(-1)).length > 0)
    assert.deepEqual(failed, [])
  })

  it('removes what is no message of a page, and goes on', async () => {
    for (const [page, json] of ['', '{}', 'null', '[1', '[1,2,3,4]', '{"sender":{}}'].entries())
      sessionStorage.setItem(leftKey(page), json)
    leave([null], { page: 'odd' })
    const good = leftSend('good')
    leave([{}, { ...good, id: '' }, { ...good, writtenAt: 'now' }, good], { page: 'with one good' })
    const session = make()
    const failed: unknown[] = []
    session.addEventListener('pending', ({ detail }) => failed.push(...detail.failed))
    await session.start()
    await arrive('good')
    assert.deepEqual([session.pending, stored(), failed], [1, 0, []])
  })

  it('neither sends what another user has left, nor leaves it in the tab', async () => {
    leave([leftSend('hers')], { id: 'zoe' })
    const session = make()
    const start = session.start()
    assert.isNotNull(sessionStorage.getItem(leftKey()), 'ann has not proved who she is')
    await start
    await session.history()
    assert.deepEqual([session.pending, sessionStorage.getItem(leftKey())], [0, null])
  })

  it('adds what waits to what another page of the tab has left', async () => {
    for (const id of ['one', 'two']) send(await started(), id)
    hide()
    const next = make()
    void next.start()
    await waits(next, 2)
  })

  it('finds its own message again at `pageshow`, and sends it once', async () => {
    const session = await started()
    send(session, 'mine')
    hide()
    // The page after this one took the message, could not send it either, and has left it again.
    leave([leftSend('mine')])
    show()
    await reaches(session, 'active')
    assert.equal(session.pending, 1)
    assert.equal(stored(), 0)
    await arrive('mine')
  })

  it('sends what another page has left before its own messages, when it comes back at `pageshow`', async () => {
    const session = await started()
    hide()
    leave([leftSend('theirs', 1_000)])
    show()
    send(session, 'mine')
    await arrive('theirs', 'mine')
  })

  it('sends what a guest has left before the first connection before the messages of the next page', async () => {
    leave([leftSend('first')], { id: null, isGuest: true })
    const session = make({ guest: true })
    void session.start()
    send(session, 'second')
    await arrive('first', 'second')
  })

  it('goes on from memory after it was frozen, and leaves nothing in the storage', async () => {
    const session = await started()
    const { sessionId: id } = session
    send(session, 'waits')
    freeze()
    assert.equal(stored(), 2)
    resume()
    await reaches(session, 'active')
    await recorded(([, second]) => sendsOf(second).length > 0)
    assert.equal(stored(), 0)
    assert.deepEqual([session.sessionId, session.pending], [id, 1])
  })

  it('goes on from where the server drew the page, with the session of the page before', async () => {
    const former = await started()
    hide()
    const next = await started({ token: 'a.b.c', user: { id: 'ann' }, since: 'e/7' })
    assert.equal(next.sessionId, former.sessionId)
    const [, second] = await recordedAt(tab.endpoint)
    assert.deepEqual(second?.start?.resume, { key: 'k1', epoch: 'e', offset: 7 })
  })

  it('hands it to no other user, no other app, and no duplicated tab', async () => {
    const former = await started()
    // A duplicated tab copies the storage of a page that is not hidden.
    assert.equal(stored(), 0)
    const duplicate = await started()
    assert.notEqual(duplicate.sessionId, former.sessionId)
    await duplicate.end()
    hide()
    for (const other of [{ user: { id: 'bob' } }, { user: { id: 'ann' }, appId: 'other' }]) {
      const session = await started({ token: 'a.b.c', ...other })
      assert.notEqual(session.sessionId, former.sessionId)
    }
  })

  it('resumes the session that another page left, not its own', async () => {
    await started()
    hide()
    await started()
    hide()
    show()
    await recorded((connections) => connections.filter(({ start }) => start).length >= 3)
    const third = (await recordedAt(tab.endpoint))[2]
    assert.equal(third?.start?.resume?.key, 'k2')
  })

  it('waits for the session that another page saves only after this one is shown', async () => {
    const session = await started()
    hide()
    const [place = ''] = places()
    sessionStorage.removeItem(place)
    show()
    // After this task the session has read the storage, and found nothing.
    await new Promise((resolve) => setTimeout(resolve))
    sessionStorage.setItem(place, JSON.stringify({ key: 'late', epoch: 'e', offset: 0 }))
    await reaches(session, 'active')
    assert.equal((await recordedAt(tab.endpoint))[1]?.start?.resume?.key, 'late')
  })

  it('resumes its own session if no other page saves one', async () => {
    const session = await started()
    hide()
    sessionStorage.clear()
    show()
    await reaches(session, 'active')
    assert.equal((await recordedAt(tab.endpoint))[1]?.start?.resume?.key, 'k1')
  })

  it('stays ended when the session was ended by another page of the tab', async () => {
    const former = await started()
    hide()
    const next = await started()
    await next.end()
    show()
    await reaches(former, 'ended')
    assert.equal((await recordedAt(tab.endpoint)).length, 2)
  })

  it('calls its source of tokens first at `pageshow`, and ends if the user is signed out', async () => {
    const answers: (string | null)[] = ['a.b.1', 'a.b.2', null]
    const session = await started({ user: { id: 'ann' }, tokenFetcher: () => answers.shift() ?? null })
    hide()
    show()
    await reaches(session, 'active')
    assert.deepEqual(
      (await recordedAt(tab.endpoint)).map(({ start }) => start?.token),
      ['a.b.1', 'a.b.2'],
    )
    hide()
    show()
    await reaches(session, 'ended')
    assert.equal(session.error?.code, 'signed-out')
  })

  it('uses no token whose fetch began before it was hidden', async () => {
    const asked: ((token: string) => void)[] = []
    const session = make({ user: { id: 'ann' }, tokenFetcher: () => new Promise((give) => asked.push(give)) })
    const started = session.start()
    hide()
    asked[0]?.('a.b.before')
    await Promise.resolve()
    show()
    await recorded(() => asked.length === 2)
    asked[1]?.('a.b.after')
    assert.isTrue((await started).succeeded)
    const tokens = (await recordedAt(tab.endpoint)).flatMap(({ start }) => start?.token ?? [])
    assert.deepEqual(tokens, ['a.b.after'])
  })

  it('keeps a guest without a name on the next page', async () => {
    const former = await started({ guest: true })
    const id = former.user?.id
    hide()
    const next = await started({ guest: true })
    assert.deepEqual([next.user?.id, next.sessionId], [id, former.sessionId])
    hide()
    assert.notInclude(JSON.stringify(sessionStorage), 'a.b.c')
  })

  it('keeps a guest with a name on the next page, where a production app lets nobody else have that name', async () => {
    const url = await gatewayWith({ environment: 'production', origins: [location.origin] })
    const [former, next] = [0, 1].map(() => make({ endpoint: url, guest: true, user: { id: 'ada' } }))
    assert.isTrue((await former?.start())?.succeeded)
    hide()
    assert.isTrue((await next?.start())?.succeeded, next?.error?.message)
    assert.deepEqual([next?.user?.id, next?.sessionId], ['guest:ada', former?.sessionId])
  })

  it('starts as the user on a page with a token of the user whose id a guest had on the page before', async () => {
    const secret = 'a secret of at least 32 bytes, for tests'
    const url = await gatewayWith({
      environment: 'production',
      origins: [location.origin],
      secrets: [secret],
    })
    const token = await createToken({ appId: 'app', userId: 'ada', secret })
    const [guest, user] = [{ guest: true }, { token }].map((credentials) =>
      make({ ...credentials, endpoint: url, user: { id: 'ada' } }),
    )
    await guest?.start()
    hide()
    assert.isTrue((await user?.start())?.succeeded, user?.error?.message)
    assert.deepEqual([user?.user?.id, user?.guest], ['ada', false])
  })

  it('stores no token of a user whose session was to start as a guest', async () => {
    const session = make({ guest: true, user: { id: 'ann' } })
    void session.start()
    session.setToken('a.b.c')
    await reaches(session, 'active')
    hide()
    assert.notInclude(JSON.stringify(sessionStorage), 'a.b.c')
  })

  it('posts what a guest with a name leaves on the next page before that page is connected', async () => {
    const url = await gatewayWith({
      environment: 'production',
      origins: [location.origin],
      send: 'anyone',
    })
    class Opening {
      readyState = 0
      OPEN = 1
      CLOSED = 3
      onopen = null
      onmessage = null
      onerror = null
      onclose = null
      send(): void {
        assert.fail('It is not open.')
      }
      close(): void {
        this.readyState = this.CLOSED
      }
    }
    const guest = { endpoint: url, guest: true, user: { id: 'ada' } }
    await make(guest).start()
    hide()
    const next = make({ ...guest, WebSocket: Opening })
    void next.start()
    send(next, 'left', 'guest:ada')
    // The script that posts the message is a module of this page.
    await new Promise((resolve) => setTimeout(resolve))
    hide()
    // The page after that gets the message from the gateway, and not from the storage.
    for (const key of places()) if (key.startsWith(LEFT_SENDS)) sessionStorage.removeItem(key)
    const last = await started(guest)
    await until('the message is stored', async () => (await last.history()).some(({ id }) => id === 'left'))
  })

  it('sends what a guest with a name left before the first connection, even if the script for it loads after that', async () => {
    const url = await gatewayWith({ environment: 'test', send: 'anyone' })
    const guest = { endpoint: url, guest: true, user: { id: 'ada' } }
    const former = make(guest)
    void former.start()
    send(former, 'left', 'guest:ada')
    hide()
    const next = make(guest)
    // A script that loads late takes the messages only when the session has started.
    const left = Object.entries(sessionStorage).filter(([key]) => key.startsWith(LEFT_SENDS))
    for (const [key] of left) sessionStorage.removeItem(key)
    const starting = next.start()
    for (const [key, record] of left) sessionStorage.setItem(key, record as string)
    await starting
    await until('the message is stored', async () => (await next.history()).some(({ id }) => id === 'left'))
  })

  it('stores no token of a user who is no guest', async () => {
    await started()
    hide()
    const left = JSON.stringify(sessionStorage)
    assert.include(left, 'k1')
    assert.notInclude(left, 'a.b.c')
  })

  it('resumes without storage where storage is forbidden', async () => {
    const { setItem, getItem } = Storage.prototype
    const forbidden = (): never => {
      throw new DOMException('No.', 'SecurityError')
    }
    Object.assign(Storage.prototype, { setItem: forbidden, getItem: forbidden })
    try {
      const session = await started()
      const { sessionId: id } = session
      send(session, 'waits')
      hide()
      show()
      await reaches(session, 'active')
      assert.deepEqual([session.sessionId, session.pending], [id, 1])
      await session.end()
    } finally {
      Object.assign(Storage.prototype, { setItem, getItem })
    }
  })

  it('does not poll the storage at `pageshow` where storage is forbidden', async () => {
    const own = Object.getOwnPropertyDescriptor(window, 'sessionStorage') ?? {}
    let looks = 0
    const get = (): never => {
      looks += 1
      throw new DOMException('No.', 'SecurityError')
    }
    Object.defineProperty(window, 'sessionStorage', { get, configurable: true })
    try {
      const session = await started()
      const { sessionId: id } = session
      hide()
      looks = 0
      show()
      await reaches(session, 'active')
      assert.equal(session.sessionId, id)
      // For what this page has left, for what others have, and for what has carried the session.
      assert.isAtMost(looks, 3)
    } finally {
      Object.defineProperty(window, 'sessionStorage', own)
    }
  })

  it('gives up at `pagehide` a handshake that it was ended in', async () => {
    const closes: number[] = []
    class Handshake {
      readonly CLOSED = 3
      readonly OPEN = 1
      readyState = 0
      close(code: number): void {
        this.readyState = 3
        closes.push(code)
      }
    }
    const session = make({ token: 'a.b.c', WebSocket: Handshake as unknown as typeof WebSocket })
    void session.start()
    void session.end()
    assert.deepEqual(closes, [])
    hide()
    await Promise.resolve()
    await session.end()
    assert.deepEqual(closes, [1000])
  })

  it('probes an open connection when the page becomes visible, and reconnects if no answer comes', async () => {
    const session = await started()
    document.dispatchEvent(new Event('resume'))
    const [first] = await recorded(([one]) => !!one?.frames.some(({ type }) => type === 'history'))
    assert.equal(first?.close, null)
    await mute(tab.endpoint)
    const lost = reaches(session, 'reconnecting')
    // The session sends another probe only after this answer.
    await recorded(([one]) => {
      if (one && one.frames.filter(({ type }) => type === 'history').length > 1) return true
      document.dispatchEvent(new Event('visibilitychange'))
      return false
    })
    await lost
    await reaches(session, 'active')
    assert.equal((await recordedAt(tab.endpoint)).length, 2)
  })
})
