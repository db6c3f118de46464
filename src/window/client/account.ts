import type { ChatSessionElement } from '../../element/chat-session.js'
import { sorted, introduced, listed, marked, peerOf, conversationOf } from '../model/conversations.js'
import { changeThread, emptyModel, threadOf, type Model, type Outgoing } from '../model/model.js'
import * as threads from '../model/thread.js'
import { complain } from '../complain.js'
import type { Content, Message, Peer, PeerId, PeersNext } from '../types.js'
import { draftsOf, type Drafts } from './drafts.js'
import { stopWatching, watchFor } from './watch.js'

/** How many conversations, and how many messages, are loaded at a time. */
const CONVERSATIONS = 50
const MESSAGES = 50
/** Milliseconds between two loads of the list, between two signals while the user types, and until a failed load is tried again. */
const LIST_INTERVAL = 500
const TYPING_INTERVAL = 3_000
const RETRY_INTERVAL = 5_000

/** What the window tells an account. */
export interface AccountOptions {
  /** Called after each change of the model. */
  changed: () => void
  /** Whether the user is looking at the end of this peer's thread. */
  isSeen: (peer: PeerId) => boolean
  /** A message of the peer came. */
  arrived: (message: Message) => void
}

/** The conversations of one user, from log-in to log-out. What is answered after that changes nothing. */
export interface Account {
  readonly model: Model
  readonly drafts: Drafts
  /** Aborts at the log-out. */
  readonly signal: AbortSignal
  /** The session is active, perhaps again: loads what is shown. */
  active(): void
  /** The session has no connection: nobody's presence is known. */
  inactive(): void
  loadMore(): void
  open(peer: PeerId, name?: string): void
  close(peer: PeerId): void
  loadOlder(peer: PeerId): void
  /** The user has seen the end of the thread. */
  seen(peer: PeerId): void
  send(to: string, content: Content): void
  again(message: Outgoing): void
  typing(peer: PeerId): void
  end(): void
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? 'failed'
const isRetryable = (error: unknown): boolean => (error as { retryable?: boolean }).retryable === true

/** `crypto.randomUUID` needs https. */
const newId = (): string => crypto.getRandomValues(new Uint32Array(4)).join('-')

export const createAccount = (
  element: ChatSessionElement,
  user: string,
  { changed, isSeen, arrived }: AccountOptions,
): Account => {
  const life = new AbortController()
  const { signal } = life
  let model = emptyModel(user)
  /** The conversations that are shown now. */
  const shown = new Set<PeerId>()
  /** How many conversations are wanted. */
  let wanted = CONVERSATIONS
  let isListing = false
  let isListStale = false
  /** The threads whose history is asked for. A new set begins when the inbox was lost: answers from before that are dropped. */
  let loading = new Set<PeerId>()
  let watched = ''
  let lastUnread = element.unread
  let typedAt = -Infinity

  const update = (next: Model): void => {
    if (signal.aborted || next === model) return
    model = next
    changed()
  }

  const later = (milliseconds: number, callback: () => void): void => {
    const timer = setTimeout(callback, milliseconds)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  }

  /** Asks who of those in the list is online. */
  const watch = (): void => {
    const inList = sorted(model, '', () => '').map(({ id }) => id)
    const users = [...shown, ...inList].filter((id) => id !== null && id !== user) as string[]
    const key = JSON.stringify(users)
    if (key === watched || !users.length) return
    watched = key
    watchFor(element, life, users).catch((error: unknown) => {
      if (!signal.aborted) complain('nobody’s presence is known', error)
    })
  }

  /** Loads the list again, as many conversations as there are. What changes meanwhile makes it load once more. */
  const list = async (): Promise<void> => {
    isListStale = true
    if (isListing) return
    isListing = true
    try {
      isListStale = false
      const peers: Peer[] = []
      let next: PeersNext
      do {
        const page = await element.peers({ limit: Math.min(wanted, 100), before: next })
        peers.push(...page.peers)
        next = page.next
      } while (next && peers.length < wanted)
      update(listed(model, peers, next))
      if (!signal.aborted) watch()
    } catch (error) {
      update({ ...model, listFailure: codeOf(error) })
      if (isRetryable(error)) later(RETRY_INTERVAL, () => void list())
    }
    // Each message and each mark makes the list stale, so the loads have an interval.
    later(LIST_INTERVAL, () => {
      isListing = false
      if (isListStale) void list()
    })
  }

  const loadThread = async (peer: PeerId, before?: number): Promise<void> => {
    const own = loading
    if (own.has(peer)) return
    own.add(peer)
    try {
      const messages = await element.history({ with: peer, limit: MESSAGES, before })
      if (own === loading) update(threads.loaded(model, peer, messages, MESSAGES))
    } catch (error) {
      if (signal.aborted || own !== loading) return
      update(changeThread(model, peer, { failure: codeOf(error) }))
      if (isRetryable(error)) later(RETRY_INTERVAL, () => void loadThread(peer, before))
      else complain(`no messages with ${String(peer)}`, error)
    } finally {
      own.delete(peer)
    }
  }

  const loadShown = (): void => {
    for (const peer of shown) if (!threadOf(model, peer).isLoaded) void loadThread(peer)
  }

  const seen = (peer: PeerId): void => {
    const newest = threadOf(model, peer)
      .messages.filter(({ from }) => from !== user)
      .at(-1)
    const { unread, readOffset, newest: listedNewest } = conversationOf(model, peer)
    // Of a conversation that is far down in the list it is not known how much is unread.
    const mayBeUnread = unread > 0 || !listedNewest
    if (!newest || !mayBeUnread || newest.offset <= readOffset) return
    update(marked(model, peer, newest.offset))
    element.markRead(newest.offset, { with: peer }).catch((error: unknown) => {
      // The list says what is read.
      if (!signal.aborted && codeOf(error) !== 'ended') void list()
    })
  }

  const post = async (message: Outgoing): Promise<void> => {
    update(threads.queued(model, message))
    const { id, to, body, data } = message
    try {
      const sent = await element.send({ id, to, body, data })
      update(threads.stored(model, message, sent))
    } catch (error) {
      update(threads.failed(model, to, id, codeOf(error)))
    }
  }

  const options = { signal }
  element.addEventListener(
    'session-message',
    ({ detail: { message } }) => {
      const peer = peerOf(message, user)
      // The gateway tells a peer's name from the first message on.
      const isKnown = conversationOf(model, peer).newest
      update(threads.received(model, message, isSeen(peer)))
      if (!isKnown) void list()
      if (message.from !== user) arrived(message)
    },
    options,
  )
  element.addEventListener(
    'session-unread',
    ({ detail: { unread } }) => {
      // A message makes it more, and came itself. Less says that something was read, here or elsewhere.
      if (unread < lastUnread) void list()
      lastUnread = unread
    },
    options,
  )
  element.addEventListener(
    'session-presence',
    ({ detail: { users } }) => {
      const online = new Set(model.online)
      for (const each of users)
        if (each.online) online.add(each.id)
        else online.delete(each.id)
      update({ ...model, online })
    },
    options,
  )
  element.addEventListener(
    'session-signal',
    ({ detail: { signal: sent } }) => {
      if (sent.name !== 'typing') return
      update(threads.typed(model, sent.from, sent.until))
      // Then it is drawn that the typing has ended.
      later(sent.until - Date.now() + 1, changed)
    },
    options,
  )
  element.addEventListener(
    'session-error',
    ({ detail: { error } }) => {
      if (error.code !== 'messages-lost') return
      loading = new Set()
      update(threads.lost(model))
      void list()
      loadShown()
    },
    options,
  )

  return {
    get model() {
      return model
    },
    drafts: draftsOf(element, user),
    signal,
    active() {
      void list()
      loadShown()
    },
    inactive() {
      if (model.online.size) update({ ...model, online: new Set() })
    },
    loadMore() {
      // One part after the other.
      if (!model.next || model.conversations.size < wanted) return
      wanted += CONVERSATIONS
      void list()
    },
    open(peer, name) {
      shown.add(peer)
      update(threads.opened(introduced(model, peer, name ?? null), peer))
      loadShown()
      watch()
    },
    close(peer) {
      shown.delete(peer)
      update(threads.closed(model, peer))
    },
    loadOlder(peer) {
      const { messages, hasOlder } = threadOf(model, peer)
      if (hasOlder) void loadThread(peer, messages[0]?.offset)
    },
    seen,
    send(to, content) {
      typedAt = -Infinity
      void post({ id: newId(), to, ...content, sentAt: Date.now() })
    },
    again: (message) => void post(message),
    typing(peer) {
      // The app's rules may refuse a signal to a stranger, which would be an error of the page.
      const { messages } = threadOf(model, peer)
      if (peer === null || !messages.length || Date.now() < typedAt + TYPING_INTERVAL) return
      typedAt = Date.now()
      // A signal is worth nothing later, so one that is not sent is forgotten.
      element.signal(peer, 'typing').catch(() => undefined)
    },
    end() {
      stopWatching(element, life)
      life.abort()
    },
  }
}
