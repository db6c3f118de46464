import { warnOnce } from './warn-once.js'
import {
  TokenNeededEvent,
  type ChatSession,
  type SessionError,
  type SessionEventDetails,
  type SessionState,
  type StateDetail,
  type TokenAsk,
} from '../../session/index.js'
import { emit } from './emit.js'
import type { CustomEventMap } from './event-map.js'
import type { ReactiveController } from '../lit/base.js'
import { ifPossible, isRevivable, listen } from '../../session/internal.js'

/** The events of the session that the element also dispatches: with the prefix `session-`, and with the same `detail`. */
type Relayed = Exclude<keyof SessionEventDetails, 'state' | 'logout'>

/** This does not compile if a name of `Relayed` is missing, or if the class of an event in `events.ts` has another `detail`. */
const relayed: {
  [K in Relayed]: SessionEventDetails[K] extends CustomEventMap[`session-${K}`]['detail'] ? true : never
} = {
  message: true,
  unread: true,
  user: true,
  pending: true,
  sent: true,
  signal: true,
  presence: true,
  error: true,
}

/** Dispatches an event of the element for each event of its session, and shows the state to CSS. */
interface EventRelay extends ReactiveController {
  /** The state of the last `session-state` event. */
  readonly state: SessionState
  /**
   * Relays only the events of `session` from now on. Without `session` the element becomes `idle`, even if its former session goes on for
   * other elements. But an element whose state is `ended` stays `ended`.
   */
  follow(session?: ChatSession): void
  /** Writes the error to the console, unless it was written since the session started. */
  warn(error: SessionError): void
  /** Dispatches `session-token-needed`. Returns the answer, or undefined if no listener answers. */
  askForToken(ask: TokenAsk): Promise<string | null> | undefined
}

/** `bubbles` returns whether events bubble. */
export const createEventRelay = (host: HTMLElement, bubbles: () => boolean): EventRelay => {
  const internals = (host as Partial<HTMLElement>).attachInternals?.()
  let state: SessionState = 'idle'
  let session: ChatSession | undefined
  /** The id of the session whose `session-started` was dispatched. */
  let startedId: string | null = null
  /** Ends the listeners on the session. */
  let following: AbortController | undefined

  const dispatch = <K extends keyof CustomEventMap>(type: K, detail: CustomEventMap[K]['detail']): boolean =>
    emit(host, type, detail, bubbles())

  /** Sets the custom states, such as `chat-session:state(active)` and `chat-session:state(unread)`. */
  const showStates = (): void => {
    const states = internals?.states
    // Chrome before 125 throws on names without a leading `--`. It does not know `:state()` either, so no rule of a page misses the states.
    ifPossible(() => {
      states?.clear()
      states?.add(state)
      if (session?.unread) states?.add('unread')
    })
  }

  /** The warnings since the session started. A retry must not repeat them. */
  const written = new Set<string>()

  const warn: EventRelay['warn'] = ({ code, message }) => {
    // If several elements share a session, only the first one warns. In the script-tag build the message has the code already.
    if (bubbles()) warnOnce(written, message.startsWith(code) ? message : `${code}: ${message}`)
  }

  /** Takes over the session's state, and dispatches the events of this change. */
  const update = ({
    state: next,
    error,
    retryAt,
  }: Pick<StateDetail, 'state' | 'error' | 'retryAt'>): void => {
    const previous = state
    state = next
    showStates()
    dispatch('session-state', { state, previous, error, retryAt })
    if (next !== previous && (next === 'starting' || next === 'active')) written.clear()
    // While the session reconnects, an error with a cause comes from the page's own token source. Any other error is an outage, which
    // needs no warning.
    if (error && (next === 'starting' || (next === 'reconnecting' && error.cause))) warn(error)
    if (next === 'failed' && error && dispatch('session-failed', { error })) warn(error)
    if (next === 'ended' && dispatch('session-ended', { error }) && error && isRevivable(error.code))
      warn(error)
    if (next !== 'active' || !session?.user || !session.sessionId || session.sessionId === startedId) return
    const { sessionId, user, guest } = session
    startedId = sessionId
    dispatch('session-started', { sessionId, user, guest })
  }

  const relay = ({ type, detail }: CustomEvent): void => {
    showStates()
    dispatch(`session-${type}` as keyof CustomEventMap, detail as never)
  }

  const askForToken: EventRelay['askForToken'] = (ask) => {
    const event = new TokenNeededEvent('session-token-needed', ask, { bubbles: bubbles(), composed: true })
    host.dispatchEvent(event)
    return event.answer
  }

  return {
    get state() {
      return state
    },
    hostConnected: showStates,
    follow(followed) {
      following?.abort()
      session = followed
      startedId = null
      if (!session) {
        if (state !== 'ended' && state !== 'idle') update({ state: 'idle', error: null, retryAt: null })
        return
      }
      const { signal } = (following = new AbortController())
      listen(session, 'state', ({ detail }: CustomEvent<StateDetail>) => update(detail), signal)
      for (const type of Object.keys(relayed) as (keyof typeof relayed)[])
        listen(session, type, relay, signal)
      listen(
        session,
        'tokenneeded',
        (event: TokenNeededEvent) => {
          const answer = askForToken(event)
          if (answer) event.respondWith(answer)
        },
        signal,
      )
      if (session.state !== state) update(session)
    },
    warn,
    askForToken,
  }
}
