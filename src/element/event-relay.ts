import {
  TokenNeededEvent,
  type ChatSession,
  type SessionState,
  type StateDetail,
  type TokenAsk,
} from '../session/index.js'
import {
  SessionEndedEvent,
  SessionErrorEvent,
  SessionFailedEvent,
  SessionMessageEvent,
  SessionStartedEvent,
  SessionStateEvent,
  SessionUnreadEvent,
  SessionUserEvent,
} from './events.js'

/** The session's events that are told as they come, with what they carry in `detail` under the same name. */
const passedOn = {
  message: SessionMessageEvent,
  unread: SessionUnreadEvent,
  user: SessionUserEvent,
  error: SessionErrorEvent,
} as const

/** Tells of an element's session: by events, and by states for CSS. */
export interface Teller {
  /** What listeners were last told. */
  readonly state: SessionState
  /** Passes on what the session tells from now on. */
  listen(session: ChatSession): void
  /** Hears nothing of it any more; where it goes on without this element, tells that here is none. */
  leave(): void
  tell(now: Pick<StateDetail, 'state' | 'error' | 'retryAt'>): void
  /** For CSS: `chat-session:state(active)`, `chat-session:state(unread)`. */
  showState(): void
  /** Asks the page for a token; undefined when nobody answers. */
  ask(ask: TokenAsk): Promise<string | null> | undefined
}

/** `bubbles` answers whether events go on to the elements around this one. */
export const createTeller = (
  element: HTMLElement & { readonly session: ChatSession | null },
  bubbles: () => boolean,
): Teller => {
  const internals = 'attachInternals' in element ? element.attachInternals() : undefined
  let state: SessionState = 'idle'
  /** The session that listeners know has started. */
  let startedId: string | null = null
  /** Ends what is listened to on the session. */
  let deaf = new AbortController()

  const crossing = (): EventInit => ({ bubbles: bubbles(), composed: true })

  const fire = <D>(
    Class: new (type: string, init: CustomEventInit<D>) => Event,
    type: keyof HTMLElementEventMap,
    detail: D,
  ): boolean =>
    element.dispatchEvent(new Class(type, { ...crossing(), cancelable: type === 'session-failed', detail }))

  const showState = (): void => {
    const states = internals?.states
    try {
      states?.clear()
      states?.add(state)
      if (element.session?.unread) states?.add('unread')
    } catch {
      // Before Chrome 125 only `--names` were taken, and `:state()` was not there to ask for them.
    }
  }

  const tell: Teller['tell'] = ({ state: next, error, retryAt }) => {
    const previous = state
    state = next
    showState()
    fire(SessionStateEvent, 'session-state', { state, previous, error, retryAt })
    // Once, however many elements share the session. Whoever deals with it prevents the default, as of an `error` event.
    if (next === 'failed' && error && fire(SessionFailedEvent, 'session-failed', { error }) && bubbles())
      console.warn(`<chat-session> ${error.code}: ${error.message}`)
    if (next === 'ended') fire(SessionEndedEvent, 'session-ended', { error })
    const { session } = element
    if (next !== 'active' || !session?.id || session.id === startedId || !session.user) return
    startedId = session.id
    const { id: sessionId, user, guest } = session
    fire(SessionStartedEvent, 'session-started', { sessionId, user, guest })
  }

  const ask: Teller['ask'] = (ask) => {
    const event = new TokenNeededEvent('session-token-needed', ask, crossing())
    element.dispatchEvent(event)
    return event.answer
  }

  return {
    get state() {
      return state
    },
    listen(session) {
      deaf = new AbortController()
      const until = { signal: deaf.signal }
      session.addEventListener('state', ({ detail }) => tell(detail), until)
      for (const [name, Class] of Object.entries(passedOn))
        session.addEventListener(
          name,
          (event) => {
            showState()
            const { detail } = event as CustomEvent<unknown>
            fire<never>(Class, `session-${name as keyof typeof passedOn}`, { [name]: detail } as never)
          },
          until,
        )
      session.addEventListener(
        'tokenneeded',
        (event) => {
          const answer = ask(event)
          if (answer) event.respondWith(answer)
        },
        until,
      )
    },
    leave() {
      deaf.abort()
      startedId = null
      if (state !== 'ended' && state !== 'idle') tell({ state: 'idle', error: null, retryAt: null })
    },
    tell,
    showState,
    ask,
  }
}
