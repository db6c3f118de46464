import { assert } from '@open-wc/testing'
import '../../../src/element/define.js'
import { ChatSession } from '../../../src/session/index.js'
import type { ReadMark } from '../../../src/session/internal.js'
import { internalsOf } from '../internals-of.js'
import { createToken } from '../../../src/tokens/index.js'
import {
  connectionsAt,
  recordedAt,
  startGateway,
  startScripted,
  stopGateway,
  stopScripted,
} from '../../support/gateway/gateway-commands.js'
import { until } from '../../support/until.js'

/*
 * A test can't hide its own page: the property and the event are set and dispatched by hand. Each session of this page stands for a page of
 * its own: they queue for the lock and open channels as pages do. The minute after which a page sleeps passes when the test says so.
 */
const setVisibility = (state: DocumentVisibilityState): void => {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
}

/** Returns how far the user has read, as far as the page knows. */
const markOf = (session: ChatSession): ReadMark | null => internalsOf(session).info()

const secret = 'a secret of at least 32 bytes, for tests'
const MINUTE = 60_000
const realSetInterval = window.setInterval
const realClearInterval = window.clearInterval

describe('A session that sleeps while its page is hidden', () => {
  let endpoint: string
  let sessions: ChatSession[] = []
  /** The timers of a minute. */
  let minutes = new Map<number, () => void>()

  beforeEach(async () => {
    minutes = new Map()
    let id = -1
    window.setInterval = ((callback: () => void, delay?: number) => {
      if (delay !== MINUTE) return realSetInterval(callback, delay)
      minutes.set((id -= 1), callback)
      return id
    }) as typeof setInterval
    window.clearInterval = (timer) => {
      if (!minutes.delete(Number(timer))) realClearInterval(timer)
    }
    endpoint = await startGateway({ apps: { app: { environment: 'test', secrets: [secret] } } })
  })
  afterEach(async () => {
    Reflect.deleteProperty(document, 'visibilityState')
    await Promise.all(sessions.map((session) => session.end()))
    sessions = []
    await stopGateway(endpoint)
    window.setInterval = realSetInterval
    window.clearInterval = realClearInterval
    assert.equal(minutes.size, 0, 'a timer is left')
    assert.deepEqual(await locks(), [])
  })

  const locks = async (): Promise<(string | undefined)[]> => {
    const { held = [], pending = [] } = await navigator.locks.query()
    return [...held, ...pending].map(({ name }) => name).filter((name) => name?.startsWith('chat-session:'))
  }
  const start = async (userId: string, sleep = true): Promise<ChatSession> => {
    const token = await createToken({ appId: 'app', userId, secret })
    const session = new ChatSession({ endpoint: new URL(endpoint).href, appId: 'app', token, sleep })
    sessions.push(session)
    assert.isTrue((await session.start()).succeeded)
    return session
  }
  /** Hides the page, and lets a minute pass once all sessions wait for it. */
  const hide = async (count: number): Promise<void> => {
    setVisibility('hidden')
    await until(
      'all hidden pages queue',
      async () => minutes.size === count && (await locks()).length === count,
    )
    for (const callback of [...minutes.values()]) callback()
  }
  const sleepers = (): ChatSession[] => sessions.filter(({ sleeping }) => sleeping)
  const open = async (count: number): Promise<boolean> => (await connectionsAt(endpoint)).open === count

  it('lets its connection go, but for one page, which tells the others what is unread', async () => {
    const bob = await start('bob', false)
    const pages = await Promise.all([start('ann'), start('ann'), start('ann')])
    const states: string[] = []
    for (const page of pages) page.addEventListener('state', ({ detail }) => states.push(detail.state))
    const messages: string[] = []
    for (const page of pages)
      page.addEventListener('message', ({ detail }) => messages.push(String(detail.message.body)))
    await hide(3)
    assert.equal(sleepers().length, 2)
    assert.deepEqual(
      pages.map(({ state }) => state),
      ['active', 'active', 'active'],
    )
    assert.deepEqual(states, [])
    await until('one page is connected, and bob', () => open(2))
    await bob.send({ to: 'ann', body: 'Hi' })
    await until('all know what is unread', () => pages.every(({ unread }) => unread === 1))
    assert.deepEqual(messages, ['Hi'])
    await pages.find(({ sleeping }) => !sleeping)?.markRead(1)
    await until('all know what is read', () =>
      pages.every(({ unread, readOffset }) => unread === 0 && readOffset === 1),
    )
    await bob.send({ to: 'ann', body: 'Ho' })
    await until('all know what is unread', () => pages.every(({ unread }) => unread === 1))
    await pages.find(({ sleeping }) => !sleeping)?.markRead(2, { with: 'bob' })
    await until('all know whose messages are read', () =>
      pages.every((page) => {
        const mark = markOf(page)
        return page.unread === 0 && mark?.with === 'bob' && mark.readOffsetWith === 2
      }),
    )
    // This mark changes no count: it was made before.
    await pages.find(({ sleeping }) => !sleeping)?.markRead(2)
    await pages.find(({ sleeping }) => !sleeping)?.markRead(1, { with: null })
    await until('all know the latest mark', () => pages.every((page) => markOf(page)?.with === null))
    assert.equal(sleepers().length, 2)
    setVisibility('visible')
    await until(
      'all have the messages',
      () => messages.length === 6 && pages.every(({ state }) => state === 'active'),
    )
    assert.deepEqual(sleepers(), [])
    await until('no lock is left', async () => !(await locks()).length)
  })

  it('is woken by a call, by a message that it sends, and sleeps again a minute later', async () => {
    await Promise.all([start('ann'), start('ann')])
    await hide(2)
    const [sleeper] = sleepers()
    assert.ok(sleeper)
    assert.deepEqual(await sleeper.history(), [])
    assert.isFalse(sleeper.sleeping)
    for (const callback of [...minutes.values()]) callback()
    assert.deepEqual(sleepers(), [sleeper])
    await sleeper.send({ to: 'ann', body: 'to me' })
    assert.isFalse(sleeper.sleeping)
    const asked = sleeper.peers()
    // The calls are loaded: it takes no task until one is under way.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    for (const callback of [...minutes.values()]) callback()
    assert.deepEqual(sleepers(), [], 'a call is under way')
    await asked
  })

  it('takes the place of the page that stayed connected when that one ends', async () => {
    await Promise.all([start('ann'), start('ann')])
    await hide(2)
    const [sleeper] = sleepers()
    await sessions.find(({ sleeping }) => !sleeping)?.end()
    await until('the next page is connected', () => sleeper?.sleeping === false && sleeper.state === 'active')
    for (const callback of [...minutes.values()]) callback()
    assert.isFalse(sleeper?.sleeping)
  })

  it('ends while it sleeps, and is then not asleep', async () => {
    await Promise.all([start('ann'), start('ann')])
    await hide(2)
    const [sleeper] = sleepers()
    await sleeper?.end()
    assert.deepEqual([sleeper?.state, sleeper?.sleeping], ['ended', false])
  })

  it('stays connected without the option, and where there are no locks', async () => {
    await start('ann', false)
    setVisibility('hidden')
    assert.deepEqual([minutes.size, await locks()], [0, []])
    setVisibility('visible')
    const given = Object.getOwnPropertyDescriptor(Navigator.prototype, 'locks') ?? {}
    Object.defineProperty(Navigator.prototype, 'locks', { value: undefined, configurable: true })
    try {
      await start('bob')
      setVisibility('hidden')
      assert.equal(minutes.size, 0)
    } finally {
      Object.defineProperty(Navigator.prototype, 'locks', given)
    }
  })

  it('stays connected where the browser forbids channels', async () => {
    const Channel = window.BroadcastChannel
    window.BroadcastChannel = function () {
      throw new DOMException('The user has blocked storage.', 'SecurityError')
    } as unknown as typeof BroadcastChannel
    try {
      await start('ann')
      setVisibility('hidden')
      assert.deepEqual([minutes.size, await locks()], [0, []])
    } finally {
      window.BroadcastChannel = Channel
    }
  })

  it('closes with 4000, leaves its session for the case that the page is discarded, and holds nothing after `pagehide`', async () => {
    const scripted = await startScripted()
    try {
      sessionStorage.clear()
      const make = (): ChatSession => {
        const session = new ChatSession({
          ...{ endpoint: scripted, appId: 'app', token: 'a.b.c', user: { id: 'ann' }, sleep: true },
        })
        sessions.push(session)
        return session
      }
      await make().start()
      await make().start()
      await hide(2)
      await until('one was closed with 4000', async () =>
        (await recordedAt(scripted)).some(({ close }) => close === 4000),
      )
      assert.include(Object.values(sessionStorage).join(), '"key"')
      window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
      assert.equal(minutes.size, 0)
      await until('no lock is left', async () => !(await locks()).length)
    } finally {
      await Promise.all(sessions.map((session) => session.end()))
      await stopScripted(scripted)
    }
  })

  it('holds nothing of a visible page that is left: browsers hide it after `pagehide`', async () => {
    await start('ann')
    window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
    setVisibility('hidden')
    assert.deepEqual([minutes.size, await locks()], [0, []])
    setVisibility('visible')
    window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
    await until('it is back', () => sessions[0]?.state === 'active')
    setVisibility('hidden')
    await until('it queues again', async () => minutes.size === 1 && (await locks()).length === 1)
  })

  it('is asked for by `sleep-hidden`, and the element says that it sleeps', async () => {
    await start('ann')
    setVisibility('hidden')
    await until(
      'the first page holds the lock',
      async () => (await navigator.locks.query()).held?.length === 1,
    )
    const element = document.createElement('chat-session')
    element.setAttribute('app-id', 'app')
    element.setAttribute('sleep-hidden', '')
    element.setAttribute('endpoint', endpoint)
    element.setAttribute('token', await createToken({ appId: 'app', userId: 'ann', secret }))
    document.body.append(element)
    try {
      await element.whenStarted()
      assert.isTrue(element.sleepHidden)
      assert.isFalse(element.sleeping)
      await hide(2)
      assert.deepEqual([element.sleeping, element.state], [true, 'active'])
      assert.isTrue(element.matches(':state(active)'))
    } finally {
      element.remove()
      await until('it is over', () => element.state === 'ended' || element.state === 'idle')
    }
  })
})
