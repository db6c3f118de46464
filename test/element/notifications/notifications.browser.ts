import { expect } from '@open-wc/testing'
import type { ChatSessionElement } from '../../../src/element/define.js'
import { notificationContent } from '../../../src/element/notifications/content.js'
import { userKeyOf } from '../../../src/element/notifications/show.js'
import { isAnyTabVisible, announceVisibility } from '../../../src/element/notifications/tab-visibility.js'
import { SessionError, type Message } from '../../../src/session/index.js'
import { until } from '../../support/until.js'
import { followListeners, listenTo, make, nextTask, roundTrip, useGateway } from '../support.js'

/*
 * The headless shell shows no notifications and reports the permission as denied. test/system/faults/browser/notifications.test.ts tests
 * those that are shown.
 */
describe('<chat-session> asks for the permission to show notifications', () => {
  const refusal = (): Promise<unknown> =>
    make({})
      .requestNotifications()
      .then(
        () => undefined,
        (reason: unknown) => reason,
      )

  it('and rejects if the user has denied it', async () => {
    const error = await refusal()
    expect(error).to.be.instanceOf(SessionError)
    expect(error).to.include({ code: 'notifications-denied', retryable: false })
    expect((error as SessionError).message).to.match(/not allowed notifications/)
  })

  it('and rejects if the browser has no notifications', async () => {
    const { Notification } = globalThis
    Reflect.deleteProperty(globalThis, 'Notification')
    try {
      expect(await refusal()).to.include({ code: 'notifications-unsupported', retryable: false })
    } finally {
      Object.assign(globalThis, { Notification })
    }
  })
})

describe('<chat-session notifications>', () => {
  const gateway = useGateway()

  /** The locks that announce this tab to others. */
  const held = async (): Promise<string[]> =>
    ((await navigator.locks.query()).held ?? [])
      .map(({ name = '' }) => name)
      .filter((name) => name.startsWith('chat-session:'))
  const untilHeld = (count: number): Promise<void> =>
    until(`locks: ${count}`, async () => (await held()).length === count)

  it('is an attribute and a property, and changing it does not change the session', async () => {
    const element = await gateway.active('n')
    const { total } = await gateway.connections()
    const events = listenTo(element)
    expect(!!element.notifications).to.equal(false)
    element.setAttribute('notifications', '')
    expect(element.notifications).to.equal(true)
    await roundTrip(element)
    element.removeAttribute('notifications')
    expect(element.notifications).to.equal(false)
    element.notifications = true
    await roundTrip(element)
    expect(events).to.deep.equal(['user', 'user'])
    expect(await gateway.connections()).to.deep.equal({ open: 1, total })
    expect(element.hasAttribute('notifications')).to.equal(false)
  })

  it('holds one lock per user while the page is visible, for any user id and any number of elements', async () => {
    const name = 'space: é/%1'
    const elements = [await gateway.active(name), await gateway.active(name, { notifications: true })]
    await untilHeld(1)
    expect((await held())[0]).to.match(/^chat-session:app:space%3A%20%C3%A9%2F%251 \S+$/)
    elements[0]?.remove()
    await until('the first one releases the session', () => elements[0]?.session === null)
    await untilHeld(1)
    elements[1]?.remove()
    await untilHeld(0)
  })

  it("dispatches the click that a service worker reports, and ignores the worker's other messages", async () => {
    const element = await gateway.active('n', { notifications: true })
    const clicks: unknown[] = []
    element.addEventListener('session-notification-click', ({ detail }) => clicks.push(detail))
    const messages = [{ body: 'Hello' }]
    for (const data of [
      null,
      'a message of the site',
      { messages },
      { 'chat-session': 'chat-session:app:another', messages },
      { 'chat-session': 'chat-session:app:n', messages },
    ])
      navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data }))
    expect(clicks).to.deep.equal([{ messages }])
  })

  it('has no message in the click on a push if retention has deleted the message', async () => {
    const element = gateway.mount({ appId: 'short', guest: true, notifications: true })
    const session = await element.whenStarted()
    const to = session.user?.id ?? ''
    for (const body of ['deleted', 'kept']) await session.send({ to, body })
    const clicks: (string | undefined)[][] = []
    element.addEventListener('session-notification-click', ({ detail }) =>
      clicks.push(detail.messages.map(({ body }) => body)),
    )
    for (const offset of [1, 2]) {
      const data = { 'chat-session': userKeyOf('short', to), offset }
      navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data }))
      await until('the click is dispatched', () => clicks.length === offset)
    }
    expect(clicks).to.deep.equal([[], ['kept']])
  })

  it('releases the lock while the page is in the back/forward cache, and holds it again after', async () => {
    await gateway.active('n', { notifications: true })
    await untilHeld(1)
    window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))
    await untilHeld(0)
    window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
    await untilHeld(1)
  })

  it('leaves no lock and no listener when its session has ended, each time it is started', async () => {
    const listeners = followListeners(window, navigator.serviceWorker)
    try {
      const element = await gateway.active('n', { notifications: true })
      for (let round = 0; round < 3; round += 1) {
        await untilHeld(1)
        await element.end()
        await untilHeld(0)
        await element.start()
      }
      element.remove()
      await untilHeld(0)
      // Forms are watched for as long as there is a page.
      await until('the listeners that are left', () => listeners.left().join(), 'focusin')
      expect(listeners.added()).to.be.greaterThan(12)
    } finally {
      listeners.stop()
    }
  })
})

describe('Tabs that announce whether they are visible', () => {
  const over = new AbortController()
  after(() => over.abort())
  afterEach(() => {
    Reflect.deleteProperty(document, 'visibilityState')
    Reflect.deleteProperty(navigator, 'locks')
  })
  const hide = (): unknown =>
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' })

  it('know their own lock, which may outlast its release, from those of others', async () => {
    announceVisibility('mine', over.signal)
    await until(
      'the lock',
      async () => !!(await navigator.locks.query()).held?.some(({ name }) => name?.startsWith('mine ')),
    )
    expect(await isAnyTabVisible('mine')).to.equal(true)
    hide()
    expect(await isAnyTabVisible('mine')).to.equal(false)
  })

  it('are found by the exact name of their session', async () => {
    hide()
    const held = navigator.locks.request('chat-session:app:ada another', async () => [
      await isAnyTabVisible('chat-session:app:ada'),
      await isAnyTabVisible('chat-session:app:ada:1'),
      await isAnyTabVisible('chat-session:app:ad'),
    ])
    expect(await held).to.deep.equal([true, false, false])
  })

  it('each know only their own visibility where locks are missing or forbidden', async () => {
    const forbidden = (): Promise<never> => Promise.reject(new DOMException('No.', 'SecurityError'))
    for (const value of [undefined, { request: forbidden, query: forbidden }]) {
      Object.defineProperty(navigator, 'locks', { configurable: true, value })
      announceVisibility('mine', over.signal)
      expect(await isAnyTabVisible('mine')).to.equal(true)
      hide()
      expect(await isAnyTabVisible('mine')).to.equal(false)
      Reflect.deleteProperty(document, 'visibilityState')
    }
  })
})

describe('The content of a notification', () => {
  const message: Message = {
    offset: 7,
    id: 'm7',
    from: 'bob',
    to: 'ada',
    sender: { name: 'Bob', photoUrl: 'https://example.com/bob.png' },
    body: 'Hello',
    sentAt: 0,
  }
  const backend: Message = { ...message, from: null, sender: null }
  const tag = 'chat-session:app:ada:7'
  const contentOf = (changed: Partial<Message>, from = message): unknown =>
    notificationContent([{ ...from, ...changed }], 1, 'chat-session:app:ada')

  before(() => (document.title = 'The shop'))

  it('is the profile of the sender, as the gateway has it, and the body', () => {
    const options = { body: 'Hello', tag, icon: 'https://example.com/bob.png' }
    expect(contentOf({})).to.deep.equal({ title: 'Bob', options })
    expect(contentOf({ sender: null })).to.deep.equal({ title: 'bob', options: { body: 'Hello', tag } })
    expect(contentOf({ sender: { name: '' } })).to.deep.equal({
      title: 'bob',
      options: { body: 'Hello', tag },
    })
  })

  it('has nothing that a user wrote into the data', () => {
    const data = { title: 'Your bank', icon: 'https://example.com/bank.png' }
    expect(contentOf({ data })).to.deep.equal(contentOf({}))
    expect(contentOf({ data, sender: null })).to.deep.equal(contentOf({ sender: null }))
  })

  it("is the title and icon that the app's backend wrote into the data, if they are text and the icon is https", () => {
    const icon = 'https://example.com/parcel.png'
    const options = { body: 'Hello', tag }
    expect(contentOf({ data: { title: 'Your parcel', icon } }, backend)).to.deep.equal({
      title: 'Your parcel',
      options: { ...options, icon },
    })
    for (const data of [
      {},
      { title: '', icon: '' },
      { title: 1, icon: { a: 1 } },
      { icon: 'http://example.com/parcel.png' },
      { icon: 'data:image/png,' },
    ])
      expect(contentOf({ data }, backend), JSON.stringify(data)).to.deep.equal({ title: 'The shop', options })
  })

  it('has an empty body for a message that is data alone', () => {
    const { body, ...bare } = message
    expect(body).to.equal('Hello')
    const options = { body: '', tag, icon: 'https://example.com/bob.png' }
    expect(contentOf({ data: { room: 7 } }, bare)).to.deep.equal({ title: 'Bob', options })
  })

  it('is a count for several messages', () => {
    expect(notificationContent([message, message], 40, 'chat-session:app:ada')).to.deep.equal({
      title: 'The shop',
      options: { body: '40 new messages', tag: 'chat-session:app:ada' },
    })
  })
})

describe('The notifications on the screen', () => {
  const gateway = useGateway()
  const { Notification } = globalThis
  const open = new Set<object>()
  class FakeNotification extends EventTarget {
    static readonly permission = 'granted'
    onclose?: () => void
    constructor() {
      super()
      open.add(this)
    }
    close(): void {
      open.delete(this)
      this.onclose?.()
    }
  }

  beforeEach(() => {
    Object.assign(globalThis, { Notification: FakeNotification })
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })
  })
  afterEach(() => {
    Object.assign(globalThis, { Notification })
    Reflect.deleteProperty(document, 'visibilityState')
    open.clear()
  })

  /** Mounts an element whose page shows one notification. */
  const notified = async (userId: string, token: string): Promise<ChatSessionElement> => {
    const element = gateway.mount({ userId, token, notifications: true })
    await element.whenStarted()
    const sender = await gateway.active('sender')
    await sender.send({ to: userId, body: 'secret' })
    sender.remove()
    await until('there is a notification', () => open.size === 1)
    return element
  }

  it('come at once after many that a listener has prevented', async () => {
    const element = gateway.mount({ userId: 'busy', token: await gateway.token('busy'), notifications: true })
    const counts: number[] = []
    element.addEventListener('session-notification', (event) => {
      counts.push(event.detail.messages.length)
      if (counts.length <= 5) event.preventDefault()
    })
    await element.whenStarted()
    const sender = await gateway.active('sender')
    for (let count = 1; count <= 5; count++) {
      await sender.send({ to: 'busy', body: 'muted' })
      await until('the message is announced', () => counts.length === count)
    }
    await sender.send({ to: 'busy', body: 'one' })
    await sender.send({ to: 'busy', body: 'two' })
    await until('both messages are announced', () => counts.reduce((sum, count) => sum + count) === 7)
    expect(counts).to.deep.equal([1, 1, 1, 1, 1, 1, 1])
    expect(open.size).to.equal(2)
  })

  it('wait for nothing after a burst that a listener has prevented', async () => {
    const element = gateway.mount({
      userId: 'burst',
      token: await gateway.token('burst'),
      notifications: true,
    })
    const announced: number[] = []
    element.addEventListener('session-notification', (event) => {
      for (const { offset } of event.detail.messages) announced.push(offset)
      if (announced.length < 12) event.preventDefault()
    })
    await element.whenStarted()
    const { setTimeout } = globalThis
    // A notification that waits for the rate limit would wait for ever.
    const impatient = (callback: () => void, delay = 0): unknown =>
      delay < 500 ? setTimeout(callback, delay) : 0
    Object.assign(globalThis, { setTimeout: impatient })
    try {
      for (let offset = 1; offset <= 12; offset += 1) {
        const message = {
          offset,
          id: `m${offset}`,
          from: 'bob',
          to: 'burst',
          sender: null,
          body: 'Hi',
          sentAt: 1,
        }
        element.session?.dispatchEvent(new CustomEvent('message', { detail: { message } }))
      }
      await until('all messages are announced', () => announced.length, 12)
    } finally {
      Object.assign(globalThis, { setTimeout })
    }
    expect(open.size).to.equal(1)
  })

  it('are closed when the user logs out', async () => {
    const element = await notified('out', await gateway.token('out'))
    await element.end()
    await until('it is closed', () => open.size === 0)
  })

  it('are closed when the source of tokens says that the user is signed out', async () => {
    const element = await notified('gone', await gateway.token('gone', 6))
    element.tokenFetcher = () => null
    await until('the session has ended', () => element.error?.code === 'signed-out')
    await until('it is closed', () => open.size === 0)
  })

  it('are closed when another user takes the place of theirs', async () => {
    const element = await notified('former', await gateway.token('former'))
    Object.assign(element, { userId: 'next', token: await gateway.token('next') })
    await until('it is closed', () => open.size === 0)
  })

  it('stay if the page takes the element out, or the token lapses', async () => {
    const element = await notified('away', await gateway.token('away', 2))
    await until('the session has ended', () => element.error?.code === 'token-expired')
    element.remove()
    await until('the session is released', () => element.session === null)
    await nextTask()
    await nextTask()
    expect(open.size).to.equal(1)
  })
})
