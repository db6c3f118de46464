import { expect } from '@open-wc/testing'
import type { ChatSessionElement } from '../../../src/element/define.js'
import type { ClientFrameOf } from '../../../src/protocol/index.js'
import {
  cutScripted,
  endScripted,
  recordedAt,
  startScripted,
  stopScripted,
} from '../../support/gateway/gateway-commands.js'
import { until } from '../../support/until.js'
import { listenTo, make, nextEvent, nextTask } from '../support.js'

const PUSH_SERVICE = 'https://push.example'

const toBase64url = (bytes: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/=+$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_')

/**
 * What a browser and its vendor's push service do, which tests can't reach: the headless shell has no push service, and denies
 * notifications. The subscriptions have keys of the real kind.
 */
class FakePushManager {
  current: {
    endpoint: string
    options: { applicationServerKey: ArrayBuffer }
    unsubscribe(): Promise<boolean>
  } | null = null
  path = ''
  failure: Error | null = null
  /** What the push manager was asked to do, in order. */
  readonly asked: string[] = []

  getSubscription(): Promise<unknown> {
    return Promise.resolve(this.current)
  }

  async subscribe(options: { userVisibleOnly: boolean; applicationServerKey: string }): Promise<unknown> {
    const { userVisibleOnly, applicationServerKey: key } = options
    this.asked.push(`subscribe ${userVisibleOnly} ${key.slice(0, 1)}`)
    if (this.failure) throw this.failure
    const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits'])
    const p256dh = toBase64url(await crypto.subtle.exportKey('raw', pair.publicKey))
    const auth = toBase64url(crypto.getRandomValues(new Uint8Array(16)).buffer)
    const endpoint = `${PUSH_SERVICE}/${crypto.randomUUID()}${this.path}`
    const padded = `${key.replaceAll('-', '+').replaceAll('_', '/')}=`
    const applicationServerKey = Uint8Array.from(atob(padded), (c) => c.charCodeAt(0)).buffer
    const subscription = {
      endpoint,
      options: { applicationServerKey },
      toJSON: () => ({ endpoint, expirationTime: null, keys: { p256dh, auth } }),
      unsubscribe: () => {
        this.asked.push('unsubscribe')
        if (this.current === subscription) this.current = null
        return Promise.resolve(true)
      },
    }
    this.current = subscription
    return subscription
  }
}

describe('<chat-session notifications push>', () => {
  let url = ''
  let manager: FakePushManager
  let permission: NotificationPermission
  let asked = 0
  const restore: (() => void)[] = []

  const replace = (target: object, name: string, descriptor: PropertyDescriptor): void => {
    const before = Object.getOwnPropertyDescriptor(target, name)
    Object.defineProperty(target, name, { configurable: true, ...descriptor })
    restore.push(() => {
      if (before) Object.defineProperty(target, name, before)
      else Reflect.deleteProperty(target, name)
    })
  }

  before(async () => {
    url = await startScripted()
  })
  after(() => stopScripted(url))
  beforeEach(() => {
    manager = new FakePushManager()
    permission = 'granted'
    asked = 0
    localStorage.clear()
    const registration = { pushManager: manager, getNotifications: () => Promise.resolve([]) }
    replace(navigator.serviceWorker, 'getRegistration', { value: () => Promise.resolve(registration) })
    replace(Notification, 'permission', { get: () => permission })
    replace(Notification, 'requestPermission', {
      value: () => {
        asked += 1
        permission = 'granted'
        return Promise.resolve(permission)
      },
    })
  })
  afterEach(() => {
    document.body.replaceChildren()
    for (const undo of restore.splice(0)) undo()
  })

  const mount = (
    appId: string,
    userId: string,
    more: Partial<ChatSessionElement> = {},
  ): ChatSessionElement => {
    const element = make({ endpoint: url, appId, userId, token: 'x', notifications: true, push: true })
    Object.assign(element, more)
    document.body.append(element)
    return element
  }

  /** Takes an element out of the page, as if the page were left. */
  const leave = async (element: ChatSessionElement): Promise<void> => {
    element.remove()
    await until('the session has ended', () => element.session === null)
  }

  type PushFrame = ClientFrameOf<'push'>
  /** The `push` frames of a user's connections, in order. */
  const framesOf = async (userId: string): Promise<PushFrame[]> =>
    (await recordedAt(url))
      .filter(({ start }) => start?.userId === userId)
      .flatMap(({ frames }) => frames.filter((frame): frame is PushFrame => frame.type === 'push'))
  const untilFrames = (userId: string, count: number): Promise<void> =>
    until(`push frames of ${userId}: ${count}`, async () => (await framesOf(userId)).length === count)

  it('sends the subscription of the app’s key, at each start, and never asks by itself', async () => {
    permission = 'default'
    const element = mount('push-A', 'ada')
    await element.whenStarted()
    await element.requestNotifications()
    await untilFrames('ada', 1)
    expect([asked, manager.asked]).to.deep.equal([1, ['subscribe true A']])
    const [{ subscription } = {}] = await framesOf('ada')
    expect(subscription?.endpoint).to.equal(manager.current?.endpoint)
    expect(subscription?.expirationTime).to.equal(null)
    expect(Object.keys(subscription?.keys ?? {})).to.deep.equal(['p256dh', 'auth'])
    await leave(element)
    document.body.append(element)
    await untilFrames('ada', 2)
    expect(manager.asked).to.deep.equal(['subscribe true A'])
    expect(asked).to.equal(1)
  })

  it('subscribes again if the app has another key, or the browser has dropped the subscription', async () => {
    await mount('push-B', 'bea').whenStarted()
    await untilFrames('bea', 1)
    document.body.replaceChildren()
    const element = mount('push-C', 'bea')
    await untilFrames('bea', 2)
    expect(manager.asked).to.deep.equal(['subscribe true B', 'unsubscribe', 'subscribe true C'])
    manager.current = null
    element.remove()
    // Otherwise the next element would go on with its session.
    await until('the session has ended', () => element.session === null)
    document.body.append(element)
    await untilFrames('bea', 3)
    expect(manager.asked.at(-1)).to.equal('subscribe true C')
  })

  it('takes the subscription back at a log-out, and without a connection too', async () => {
    const element = mount('push-A', 'cy')
    await untilFrames('cy', 1)
    const endpoint = manager.current?.endpoint
    await element.end()
    await until('it is unsubscribed', () => manager.current === null)
    expect((await framesOf('cy'))[1]).to.deep.equal({ type: 'push', subscription: null, endpoint })
    await element.start()
    await untilFrames('cy', 3)
    await stopScripted(url)
    await until('the connection is lost', () => element.state === 'reconnecting')
    await element.end()
    await until('it is unsubscribed', () => manager.current === null)
    url = await startScripted()
  })

  it('keeps the subscription if the page is left, and ends it for another user', async () => {
    const element = mount('push-A', 'dan')
    await untilFrames('dan', 1)
    await leave(element)
    expect(manager.asked).to.deep.equal(['subscribe true A'])
    document.body.append(element)
    await untilFrames('dan', 2)
    // The next user takes the device over, and one without `push` is not reached as the user before.
    element.userId = 'eve'
    await untilFrames('eve', 1)
    const [frame] = await framesOf('eve')
    expect(frame?.subscription?.endpoint).to.equal(manager.current?.endpoint)
    Object.assign(element, { userId: 'fred', push: false })
    await until('it is unsubscribed', () => manager.current === null)
  })

  for (const mode of ['open', 'closed'] as const)
    it(
      `ends the subscription for another user of an element in an ${mode} shadow tree`.replace('an c', 'a c'),
      async () => {
        const host = document.createElement('div')
        document.body.append(host)
        const element = mount('push-A', `dot-${mode}`)
        host.attachShadow({ mode }).append(element)
        await untilFrames(`dot-${mode}`, 1)
        Object.assign(element, { userId: 'eli', push: false })
        await until('it is unsubscribed', () => manager.current === null)
      },
    )

  it('ends the subscription for another user whose element takes the place of a whole shadow tree', async () => {
    const hosts = ['fox', 'gil'].map((userId) => {
      const host = document.createElement('div')
      const properties = { endpoint: url, appId: 'push-A', userId, token: 'x', notifications: true }
      host.attachShadow({ mode: 'open' }).append(make({ ...properties, push: userId === 'fox' }))
      return host
    })
    document.body.replaceChildren(...hosts.slice(0, 1))
    await untilFrames('fox', 1)
    document.body.replaceChildren(...hosts.slice(1))
    await until('it is unsubscribed', () => manager.current === null)
  })

  it('ends what an earlier page subscribed, at a log-out before the first connection, and at a start that is signed out', async () => {
    const subscribeAs = async (userId: string): Promise<void> => {
      const page = mount('push-A', userId)
      await untilFrames(userId, 1)
      await leave(page)
      expect(manager.current).to.not.equal(null)
    }
    await subscribeAs('mia')
    const offline = mount('push-A', 'mia', { endpoint: 'http://127.0.0.1:9' })
    await nextEvent(offline, 'session-state')
    await nextTask()
    await offline.end()
    await until('it is unsubscribed', () => manager.current === null)
    await leave(offline)
    await subscribeAs('ned')
    const element = mount('push-A', 'ned', { token: null, tokenFetcher: () => Promise.resolve(null) })
    expect((await nextEvent(element, 'session-failed')).detail.error.code).to.equal('signed-out')
    await until('it is unsubscribed', () => manager.current === null)
  })

  it('keeps the subscription when the token of an open page lapses', async () => {
    const element = mount('push-A', 'oda')
    await untilFrames('oda', 1)
    await endScripted(url, 'token-expired', 4102)
    await until('the session is over', () => ['ended', 'failed'].includes(element.state))
    expect(element.error?.code).to.equal('token-expired')
    // The next session's turn comes after anything that the end has asked for.
    await leave(element)
    mount('push-A', 'oda')
    await untilFrames('oda', 2)
    expect(manager.asked).to.deep.equal(['subscribe true A'])
  })

  it('never touches a subscription of the site’s own, and says that it takes the place', async () => {
    const key = toBase64url(Uint8Array.of(4, ...Array<number>(64).fill(7)).buffer)
    await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
    const own = manager.current
    const element = mount('push-A', 'sid')
    const { error } = (await nextEvent(element, 'session-error')).detail
    expect(error.code).to.equal('push-unavailable')
    expect(String(error.cause)).to.match(/of the site's own.*push\.privateKey/)
    const refusal = await element.requestNotifications().catch((cause: unknown) => cause)
    expect(refusal).to.include({ code: 'push-unavailable' })
    await element.end()
    await element.start()
    element.userId = 'tom'
    await element.whenStarted()
    element.push = false
    await element.session?.history()
    // A source of tokens says that the user is signed out, in an app with pushes, and in one without.
    for (const appId of ['push-A', 'no-push']) {
      const other = mount(appId, 'uma', { token: null, tokenFetcher: () => Promise.resolve(null) })
      await nextEvent(other, 'session-failed')
      const last = mount(appId, 'vic')
      await last.whenStarted()
      await last.end()
    }
    // The turn of this page comes after all that the others have asked for.
    manager.current = null
    const later = mount('push-A', 'wes')
    await untilFrames('wes', 1)
    await later.end()
    await until('it is unsubscribed', () => manager.current === null)
    expect(manager.asked).to.deep.equal(['subscribe true B', 'subscribe true A', 'unsubscribe'])
    expect(own).to.not.equal(null)
  })

  it('ends a subscription with the key of an earlier page at a log-out without a connection', async () => {
    await mount('push-A', 'xia').whenStarted()
    await untilFrames('xia', 1)
    document.body.replaceChildren()
    const element = mount('no-push', 'xia')
    await element.whenStarted()
    await element.end()
    await until('it is unsubscribed', () => manager.current === null)
  })

  it('subscribes if any element of the session asks for it, and until none does', async () => {
    const first = mount('push-A', 'yan', { push: false })
    await first.whenStarted()
    await first.session?.history()
    expect(manager.asked).to.deep.equal([])
    const second = mount('push-A', 'yan')
    await untilFrames('yan', 1)
    first.push = true
    second.push = false
    await second.session?.history()
    expect(manager.asked).to.deep.equal(['subscribe true A'])
    first.push = false
    await until('it is unsubscribed', () => manager.current === null)
  })

  for (const [what, change, frames] of [
    // A session that ends sends no frame for that: the end of the session ends the subscription at the gateway.
    ['another user is set, without `push`', { userId: 'eli', push: false }, 1],
    ['the user becomes empty', { userId: '', token: '' }, 1],
    ['the app becomes empty', { appId: null }, 1],
    ['`push` goes', { push: false }, 2],
    ['`notifications` goes', { notifications: false }, 2],
    ['both attributes go at once', { push: false, notifications: false }, 2],
  ] as const)
    it(`ends the subscription when ${what}`, async () => {
      const userId = `zoe, until ${what}`
      const element = mount('push-A', userId)
      await untilFrames(userId, 1)
      Object.assign(element, change)
      await untilFrames(userId, frames)
      await until('it is unsubscribed', () => manager.current === null)
    })

  it('leaves the subscription to the next user who has taken it over', async () => {
    const element = mount('push-A', 'pia')
    await untilFrames('pia', 1)
    const other = mount('push-A', 'quinn')
    await untilFrames('quinn', 1)
    await element.end()
    element.remove()
    await other.session?.history()
    expect(manager.asked).to.deep.equal(['subscribe true A'])
  })

  it('shows notifications itself if the gateway refuses, and says so once', async () => {
    manager.path = '/refused'
    const element = mount('push-A', 'gil')
    const events = listenTo(element)
    const { error } = (await nextEvent(element, 'session-error')).detail
    expect(error).to.include({ code: 'refused', message: 'No.' })
    await cutScripted(url)
    await untilFrames('gil', 2)
    await element.session?.history()
    expect(events.filter((name) => name === 'error').length).to.equal(1)
  })

  it('shows none itself once the gateway has taken what it had refused for now', async () => {
    manager.path = '/busy'
    const element = mount('push-A', 'kai')
    const { error } = (await nextEvent(element, 'session-error')).detail
    expect(error).to.include({ code: 'unavailable', retryable: true })
    replace(document, 'visibilityState', { get: () => 'hidden' })
    const shown: string[] = []
    element.addEventListener('session-notification', (event) => {
      event.preventDefault()
      shown.push(event.detail.title)
    })
    const receive = (offset: number): unknown =>
      element.session?.dispatchEvent(
        new CustomEvent('message', {
          detail: {
            message: { offset, id: 'm', from: 'bob', to: 'kai', sender: null, body: 'Hi', sentAt: 1 },
          },
        }),
      )
    receive(1)
    await until('the page shows its own notification', () => shown.length === 1)
    await cutScripted(url)
    await untilFrames('kai', 2)
    receive(2)
    await element.session?.history()
    await nextTask()
    expect(shown).to.deep.equal(['bob'])
  })

  it('uses the page’s own push manager where there is no service worker', async () => {
    replace(navigator.serviceWorker, 'getRegistration', { value: () => Promise.resolve(undefined) })
    replace(window, 'pushManager', { value: manager })
    mount('push-A', 'rob')
    await untilFrames('rob', 1)
    expect(manager.asked).to.deep.equal(['subscribe true A'])
  })

  it('says once why a device can’t be reached', async () => {
    const element = mount('no-push', 'hal')
    const events = listenTo(element)
    const { error } = (await nextEvent(element, 'session-error')).detail
    expect(error.code).to.equal('push-unavailable')
    await cutScripted(url)
    await until('it is back', () => events.filter((name) => name === 'state:active').length === 2)
    manager.failure = new DOMException('The push service said no.', 'AbortError')
    const other = mount('push-A', 'ida')
    const { error: reason } = (await nextEvent(other, 'session-error')).detail
    expect([reason.code, reason.cause]).to.deep.equal(['push-unavailable', manager.failure])
    const refusal = await other.requestNotifications().catch((cause: unknown) => cause)
    expect(refusal).to.include({ code: 'push-unavailable' })
    // The second connection asked, too.
    await element.session?.history()
    expect(events.filter((name) => name === 'error').length).to.equal(1)
  })

  it('does nothing without the permission, or without `notifications`', async () => {
    permission = 'denied'
    const element = mount('push-A', 'joe')
    await element.whenStarted()
    await element.session?.history()
    await nextTask()
    element.remove()
    permission = 'granted'
    const other = mount('push-A', 'kim', { notifications: false })
    await other.whenStarted()
    await other.session?.history()
    await nextTask()
    expect([manager.asked, asked]).to.deep.equal([[], 0])
    expect([...(await framesOf('joe')), ...(await framesOf('kim'))]).to.deep.equal([])
  })
})
