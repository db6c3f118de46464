import type { ClientFrameOf } from '../../protocol/index.js'
import type { AskReason, FetchResult } from '../machine/state.js'
import type { Credentials, TokenAsk } from '../options.js'
import { sentences } from '../sentences.js'
import { deadlineTimer, now } from '../util/clock.js'
import { listen } from '../util/listen.js'
import { fetchToken } from './token-url.js'

/** The fields of a `start` frame that prove who the user is. */
export type CredentialFields = Pick<ClientFrameOf<'start'>, 'token' | 'signature' | 'authParams' | 'guest'>

/**
 * The credentials in use. A token of the gateway (`from`) names the user. If a guest's page gave the id `ada`, that is `guest:ada`. So a
 * start with this token leaves out the page's id.
 */
export interface HeldCredentials {
  from: 'page' | 'gateway'
  fields: CredentialFields
  isGuest: boolean
}

/** Milliseconds in which a source has to answer. After that the fetch has failed, and is repeated. */
const ANSWER_TIMEOUT = 30_000

/** Asks the page for a token; returns undefined when no listener responds. */
type AskPage = (ask: TokenAsk) => Promise<string | null> | undefined

/**
 * Returns the page's credentials; null if there are none, or if a token has to be fetched first. A token comes first, then a token source,
 * then the credentials that can't be renewed.
 */
const heldOf = (credentials: Credentials): HeldCredentials | null => {
  const { token, tokenFetcher, tokenUrl, signature, authParams, guest } = credentials
  const held = (fields: CredentialFields): HeldCredentials => ({
    from: 'page',
    fields,
    isGuest: fields.guest === true,
  })
  if (token) return held({ token })
  if (tokenFetcher ?? tokenUrl) return null
  if (signature) return held({ signature })
  if (authParams) return held({ authParams })
  return guest ? held({ guest: true }) : null
}

/** Keeps the credentials, and fetches fresh ones. */
export interface CredentialStore {
  /** The newest credentials; null if there are none. A start sends any credentials, and a live session sends only a token. */
  held(): HeldCredentials | null
  /** Returns whether there is a token source. It is tried before the page is asked. */
  fetchable(): boolean
  /** Returns what the page set last. */
  given(): Credentials
  /**
   * Replaces the token sources. Also replaces the credentials if `credentials` has a token, or has other credentials and no source. A source
   * replaces the credentials of a guest. Returns whether the credentials were replaced.
   */
  set(credentials: Credentials): boolean
  /** Called when the gateway has accepted the newest credentials. If the gateway gave a token, that token replaces them. */
  accept(token?: string): void
  /**
   * `newest` forgets the credentials that are not accepted yet. `all` forgets all credentials that a token source can replace, and cancels
   * a fetch that is under way. Without a source `all` keeps the credentials, so that a later start tries them again.
   */
  discard(which: 'newest' | 'all'): void
  /** Fetches fresh credentials. One fetch is under way at a time: a new fetch cancels an earlier one. */
  fetch(reason: AskReason, signal: AbortSignal, done: (result: FetchResult) => void): Promise<void>
}

/**
 * Creates the store. It keeps the old token until the gateway accepts a fresh one. If the gateway refuses the fresh one, the old one stays
 * in use.
 */
export const credentialStore = (credentials: Credentials, askPage: AskPage): CredentialStore => {
  let given = credentials
  let accepted = heldOf(credentials)
  let newest: HeldCredentials | null = null
  let underWay: AbortController | undefined

  const held = (): HeldCredentials | null => newest ?? accepted
  const hasSource = (): boolean => Boolean(given.tokenFetcher ?? given.tokenUrl)

  /** Asks the first source that answers: `tokenFetcher`, `tokenUrl`, or the page. Returns undefined if there is none. */
  const ask = (asked: TokenAsk): ReturnType<AskPage> | string | null => {
    const { tokenFetcher, tokenUrl } = given
    // If a listener answers `session-token-needed`, the element makes a token source of the answer. That source returns the answer once.
    // After that it returns undefined, and the token URL or the page is asked.
    const answer = tokenFetcher?.(asked)
    if (answer !== undefined) return answer
    return tokenUrl ? fetchToken(tokenUrl, asked.signal) : askPage(asked)
  }

  /** Stores the token of an answer, unless `signal` has aborted. */
  const take = async (
    answer: Promise<string | null> | string | null,
    signal: AbortSignal,
  ): Promise<FetchResult> => {
    const token = await answer
    if (token === null) return { result: 'signed-out' }
    if (typeof token !== 'string' || !token) throw new TypeError(sentences.badToken)
    if (!signal.aborted) newest = heldOf({ token })
    return { result: 'fresh' }
  }

  return {
    held,
    fetchable: hasSource,
    given: () => given,
    set(credentials) {
      given = credentials
      const next = heldOf(credentials)
      // A source gives tokens of a user, who is not the guest.
      if (!next && !(hasSource() && held()?.isGuest)) return false
      underWay?.abort()
      // A live session can send only a token. So a token is kept beside the accepted credentials until it is accepted. Other credentials
      // replace the accepted ones at once.
      if (next?.fields.token) newest = next
      else {
        accepted = next
        newest = null
      }
      return true
    },
    accept(token) {
      const former = held()
      accepted = token ? { from: 'gateway', fields: { token }, isGuest: former?.isGuest ?? false } : former
      newest = null
    },
    discard(which) {
      if (which === 'all') {
        underWay?.abort()
        // If no source can replace a token, `all` keeps the token, even if it is not accepted yet.
        if (!hasSource()) return
        accepted = null
      }
      newest = null
    },
    async fetch(reason, signal, done) {
      underWay?.abort()
      const fetching = (underWay = new AbortController())
      listen(signal, 'abort', () => fetching.abort(), fetching.signal)
      const asked = { reason, signal: fetching.signal }
      let result: FetchResult
      try {
        const answer = ask(asked)
        const late = new Promise<never>((_, reject) => {
          deadlineTimer(() => reject(new Error(sentences.lateToken)), asked.signal)(now() + ANSWER_TIMEOUT)
        })
        result =
          answer === undefined
            ? { result: 'no-source' }
            : await Promise.race([take(answer, asked.signal), late])
      } catch (cause) {
        result = { result: 'failed', cause }
      }
      if (asked.signal.aborted) return
      fetching.abort()
      done(result)
    },
  }
}
