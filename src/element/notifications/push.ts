import type { ChatSession, PushSubscriber, SessionError as SessionErrorClass } from '../../session/index.js'
import { ifPossible } from '../../session/internal.js'
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

/** Returns whether a subscription is for a key in Base64url. */
const hasKey = ({ options: { applicationServerKey } }: PushSubscription, key: string): boolean =>
  String.fromCharCode(...new Uint8Array(applicationServerKey ?? [])) ===
  ifPossible(() => atob(key.replace(/-/g, '+').replace(/_/g, '/')))

/**
 * The name under which `localStorage` keeps the key of the subscription that a page of the site made last. It tells our subscription from
 * one of the site's own, before a session has started, and when the app has another key than before.
 */
const STORED_KEY = 'chat-session-push'
const storedKey = (): string | undefined => ifPossible(() => localStorage.getItem(STORED_KEY)) ?? undefined

/** Returns whether a subscription is for `key`, which is the app's, or for the key of an earlier page. */
const isOurs = (subscription: PushSubscription, key: string | undefined): boolean =>
  [key, storedKey()].some((each) => each && hasKey(subscription, each))

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
  if (!manager) throw new Error('There is no service worker.')
  const known = await manager.getSubscription()
  if (known && !isOurs(known, key))
    throw new Error(
      "The service worker has a subscription of the site's own, and can have one only: make its key the app's (push.privateKey).",
    )
  const isCurrent = known && hasKey(known, key)
  if (!isCurrent) await known?.unsubscribe()
  ifPossible(() => localStorage.setItem(STORED_KEY, key))
  return isCurrent ? known : manager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
}

const unsubscribe = async (session: ChatSession, key: string | undefined): Promise<void> => {
  // The session of the page's next user may have taken over the subscription.
  if (owner !== session && owner?.sessionId) return
  const known = await (await pushManager())?.getSubscription()
  if (known && isOurs(known, key)) await known.unsubscribe()
}

/** An element, of this session or of another one. */
type Asker = HTMLElement & { userId?: unknown; session?: ChatSession | null }

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

/** Subscribes the device if an element of the session asks for it. Called when the user has allowed notifications. */
export const renewPush = async (session: ChatSession): Promise<void> => renewals.get(session)?.()

/** Subscribes this device while an element of the session has `notifications` and `push`. Unsubscribes it when the user logs out. */
export const attachPush = (
  session: ChatSession,
  { target, firstWith, info, SessionError }: PartContext,
): Push => {
  /** Whether the latest call of `session.push` passed `subscriber`, and not null. */
  let isAsked = false
  let isOn = false
  /** Whether an error was reported since `renew` began. Later errors are not reported: every connection would fail in the same way. */
  let isReported = false
  let isRefused = false
  /** The id of the session's user; empty before the session is active. After the end of the session the id stays. */
  let user = ''
  /** The public key of the app's pushes; undefined before the session is active, or if the app pushes nothing. */
  let key: string | undefined
  /** The element that asked for the subscription last. It is kept when it has left the session. */
  let asker: Asker | undefined

  /** Returns whether an element in the page asks for the subscription. */
  const isWanted = (): boolean => {
    const found = firstWith(({ notifications, push }) => isSet(notifications) && isSet(push))
    asker = found ?? asker
    return !!found
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
      if (error instanceof SessionError && error.code === 'script-unavailable') isAsked = false
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
    inTurn(() => unsubscribe(session, key)).catch(() => undefined)
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

  /** Closes the notifications and drops the subscription, even a subscription that an earlier page made. */
  const logOut = (): void => {
    closeAll()
    if (isWanted() || asker) drop()
  }

  /** Whether `asker` is in the page and has no session any more: its user or its app was cleared. */
  const isCleared = (): boolean => !!asker?.isConnected && !!asker.ownerDocument.defaultView && !asker.session

  const update = (): void => {
    user = session.user?.id ?? user
    key = info()?.pushKey ?? key
    if (isWanted()) {
      if (!isAsked && session.state === 'active') renew().catch(report)
    }
    // If the session goes on, its elements have lost the attributes.
    else if (firstWith(() => true)) {
      if (isAsked) drop()
    }
    // A page that was left keeps the subscription, so only an element without a user, or with another one, shows the log-out.
    else if (isCleared() || isReplaced()) logOut()
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
