import type { ChatSession, PushSubscriber, SessionError as SessionErrorClass } from '../../session/index.js'
import { emit } from '../events/emit.js'
import type { PartContext } from '../attach-part.js'
import { isSet } from '../is-set.js'
import { closeRead, isGranted, serviceWorkers, userKeyOf } from './show.js'

/**
 * The codes of a session that ends because the user has logged out. The code of an expired token is not here, because the user may still be
 * logged in.
 */
const LOGGED_OUT = ['signed-out', 'revoked']

/** Safari 18.4 and later can subscribe without a service worker. */
const pageManager = (): PushManager | undefined => (window as { pushManager?: PushManager }).pushManager

const pushManager = async (): Promise<PushManager | undefined> =>
  (await serviceWorkers()?.getRegistration())?.pushManager ?? pageManager()

const hasKey = ({ options: { applicationServerKey } }: PushSubscription, key: string): boolean =>
  btoa(String.fromCharCode(...new Uint8Array(applicationServerKey ?? [])))
    .replace(/=+$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_') === key

/**
 * The latest change of the browser's subscription. All sessions of a page share the subscription, so a change waits for the previous
 * change.
 */
let turn: Promise<unknown> = Promise.resolve()
const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
  const result = turn.then(work)
  turn = result.catch(() => undefined)
  return result
}

/** The session that last began to subscribe the device. */
let owner: ChatSession | undefined

const subscribe = async (session: ChatSession, key: string): Promise<PushSubscription> => {
  owner = session
  const manager = await pushManager()
  const known = await manager?.getSubscription()
  if (known && hasKey(known, key)) return known
  await known?.unsubscribe()
  if (!manager) throw new Error('There is no service worker.')
  return manager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
}

const unsubscribe = async (session: ChatSession): Promise<void> => {
  // The session of the page's next user may have taken over the subscription.
  if (owner !== session && owner?.sessionId) return
  const manager = await pushManager()
  await (await manager?.getSubscription())?.unsubscribe()
}

/** An element, of this session or of another one. */
type Asker = HTMLElement &
  Partial<Record<'notifications' | 'push' | 'userId', unknown>> & { session?: ChatSession | null }

/** Returns the elements in a tree, and in the open shadow trees within it. */
const elementsIn = (root: ParentNode): Asker[] =>
  [...root.querySelectorAll<Asker>('*')].flatMap((element) =>
    element.localName === 'chat-session' ? element : element.shadowRoot ? elementsIn(element.shadowRoot) : [],
  )

interface Push {
  /** Whether the gateway pushes to this device, so that the page shows no notifications itself. */
  isOn(): boolean
  /** Called when an attribute has changed, or an element has joined or left the session. */
  update(): void
}

const renewals = new WeakMap<ChatSession, () => Promise<void>>()

/** Subscribes the device if the session's first element with `notifications` has `push`. Called when the user has allowed notifications. */
export const renewPush = async (session: ChatSession): Promise<void> => renewals.get(session)?.()

/** Subscribes this device while the session's first element with `notifications` has `push`. Unsubscribes it when the user logs out. */
export const attachPush = (session: ChatSession, { target, SessionError }: PartContext): Push => {
  /** Whether the latest call of `session.push` passed `subscriber`, and not null. */
  let isAsked = false
  let isOn = false
  /** Whether an error was reported since `renew` began. Later errors are not reported: every connection would fail in the same way. */
  let isReported = false
  let isRefused = false
  /** The id of the session's user; empty before the session is active. After the end of the session the id stays. */
  let user = ''
  /** The element that `target` returned last. It is kept, because `target` does not return an element that has lost all its attributes. */
  let asker: Asker | undefined

  /**
   * Returns the element whose attributes say whether to subscribe the device; undefined if the element has left the page or this session.
   */
  const findAsker = (): Asker | undefined => {
    asker = target() ?? asker
    return asker?.isConnected && asker.session === session ? asker : undefined
  }
  const isWanted = (): boolean => {
    const element = findAsker()
    return isSet(element?.notifications) && isSet(element?.push)
  }

  const report = (error: SessionErrorClass): void => {
    const element = target()
    if (element) emit(element, 'session-error', { error })
  }

  const subscriber: PushSubscriber = {
    async subscribe(key) {
      try {
        if (!key) throw new Error('The gateway gave no key.')
        const subscription = await inTurn(() => subscribe(session, key))
        // After a refusal for good the device does not count as subscribed, because the gateway would refuse the device again.
        isOn = isAsked && !isRefused
        return subscription.toJSON()
      } catch (cause) {
        isOn = false
        if (isReported) return null
        isReported = true
        throw new SessionError('push-unavailable', { cause })
      }
    },
    refused(error) {
      isOn = false
      if (!isReported) report(error)
      isReported = true
      // If the refusal is retryable, the gateway may take the subscription on the next connection, and then pushes to this device.
      isRefused = !error.retryable
    },
  }

  const renew = async (): Promise<void> => {
    if (!isWanted() || !isGranted()) return
    isAsked = true
    isReported = isRefused = false
    await session.push(subscriber).catch((error: unknown) => {
      // The session's script for calls did not load, so the session has no subscriber. The next connection tries again.
      if ((error as SessionErrorClass).code === 'script-unavailable') isAsked = false
      throw error
    })
  }
  renewals.set(session, renew)

  /** Ends the subscription, even without a connection. */
  const drop = (): void => {
    // `push` rejects if its script did not load. Then the gateway knows of no subscription.
    if (isAsked) session.push(null).catch(() => undefined)
    isAsked = isOn = false
    // An error of the browser is ignored: the gateway ends the subscription too, or the session of the next user replaces it.
    inTurn(() => unsubscribe(session)).catch(() => undefined)
  }

  /**
   * Whether an element in the page has a session of another user of the app. Another session of the same user does not count, because an
   * element may leave the page and come back.
   */
  const isReplaced = (): boolean =>
    // `elementsIn` does not find an `asker` in a closed shadow tree.
    [asker ?? [], elementsIn(document)]
      .flat()
      .some(
        ({ session: other, userId }) =>
          other &&
          other !== session &&
          other.appId === session.appId &&
          String(other.user?.id ?? userId) !== user,
      )

  /** The next user of a shared computer must not read the notifications of this user. */
  const closeAll = (): void =>
    void closeRead(userKeyOf(session.appId, user), () => true).catch(() => undefined)

  const update = (): void => {
    user = session.user?.id ?? user
    // If `asker` has left the page, only the session of another user shows that this user has logged out.
    const isLeft = !findAsker() && isReplaced()
    if (isLeft) closeAll()
    if (isAsked && (isLeft || (findAsker() && !isWanted()))) drop()
    else if (!isAsked && session.state === 'active') renew().catch(report)
  }

  /** Closes the notifications and drops the subscription, even a subscription that an earlier page made. */
  const logOut = (): void => {
    closeAll()
    if (isAsked || isWanted()) drop()
  }
  session.addEventListener('logout', logOut)
  const hasEndedWith = (codes: readonly string[]): boolean =>
    (session.state === 'ended' || session.state === 'failed') && codes.includes(session.error?.code ?? '')
  session.addEventListener('state', () => {
    if (hasEndedWith(LOGGED_OUT)) logOut()
    // An element whose user changes joins the next session one task later, so `update` waits for that task.
    else setTimeout(update)
  })
  // The session may have ended before this script loaded. After `end()` the session has no error, for which '' stands.
  if (hasEndedWith([...LOGGED_OUT, ''])) logOut()
  update()
  return { isOn: () => isOn, update }
}
