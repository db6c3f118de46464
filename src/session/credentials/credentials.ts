import type { ClientFrameOf } from '../../protocol/index.js'
import type { AskReason, FetchResult } from '../machine/state.js'
import type { Credentials, TokenAsk } from '../options.js'
import { sentences } from '../sentences.js'
import { listen } from '../util/listen.js'
import { fetchToken } from './token-url.js'

/** The fields of a start frame that prove who the user is. With a token of the gateway the start leaves out the user id. */
export type CredentialFields = Pick<
  ClientFrameOf<'start'>,
  'token' | 'signature' | 'authParams' | 'guest'
> & {
  userId?: undefined
}

/** Asks the page for a token; returns undefined when no listener responds. */
type AskPage = (ask: TokenAsk) => Promise<string | null> | undefined

/**
 * Returns the fields of a `start` frame; null if there are none, or if a token has to be fetched first. A token comes first, then a token
 * source, then the credentials that can't be renewed.
 */
const fieldsOf = (credentials: Credentials): CredentialFields | null => {
  const { token, tokenFetcher, tokenUrl, signature, authParams, guest } = credentials
  if (token) return { token }
  if (tokenFetcher ?? tokenUrl) return null
  if (signature) return { signature }
  if (authParams) return { authParams }
  return guest ? { guest: true } : null
}

/** Keeps the credentials, and fetches fresh ones. */
export interface CredentialStore {
  /** The newest credentials; null if there are none. A start sends any credentials, and a live session sends only a token. */
  held(): CredentialFields | null
  /** Returns whether there is a token source. It is tried before the page is asked. */
  fetchable(): boolean
  /** Returns what the page set last. */
  given(): Credentials
  /**
   * Replaces the token sources. Also replaces the credentials if `credentials` has a token, or has other credentials and no source. Returns
   * whether it has replaced them.
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
  fetch(
    reason: AskReason,
    signal: AbortSignal,
    fetched: (result: FetchResult, cause?: unknown) => void,
  ): Promise<void>
}

/**
 * Creates the store. It keeps the old token until the gateway accepts a fresh one. If the gateway refuses the fresh one, the old one stays
 * in use.
 */
export const credentialStore = (credentials: Credentials, askPage: AskPage): CredentialStore => {
  let given = credentials
  let accepted = fieldsOf(credentials)
  let newest: CredentialFields | null = null
  let underWay: AbortController | undefined

  const source = (): unknown => given.tokenFetcher ?? given.tokenUrl

  return {
    held: () => newest ?? accepted,
    fetchable: () => !!source(),
    given: () => given,
    set(credentials) {
      given = credentials
      const fields = fieldsOf(credentials)
      if (!fields) return false
      underWay?.abort()
      // A live session can send only a token. So a token is kept beside the accepted credentials until it is accepted. Other credentials
      // replace the accepted ones at once.
      if (fields.token) newest = fields
      else {
        accepted = fields
        newest = null
      }
      return true
    },
    accept(token) {
      // A token of the gateway names the user. If a guest's page gave the id `ada`, the guest's id is `guest:ada`.
      accepted = token ? { token, userId: undefined } : (newest ?? accepted)
      newest = null
    },
    discard(which) {
      const isReplaceable = source()
      // If no source can replace a token, `all` keeps the token, even if it is not accepted yet.
      if (which === 'newest' || isReplaceable) newest = null
      if (which === 'newest') return
      underWay?.abort()
      if (isReplaceable) accepted = null
    },
    async fetch(reason, signal, fetched) {
      underWay?.abort()
      const fetching = (underWay = new AbortController())
      listen(signal, 'abort', () => fetching.abort(), fetching.signal)
      const ask = { reason, signal: fetching.signal }
      let result: FetchResult = 'fresh'
      let cause: unknown
      try {
        const { tokenFetcher, tokenUrl } = given
        // If a listener answers `session-token-needed`, the element makes a token source of the answer. That source returns the answer
        // once. After that it returns undefined, and the token URL or the page is asked.
        let answer = tokenFetcher?.(ask)
        if (answer === undefined) answer = tokenUrl ? fetchToken(tokenUrl, ask.signal) : askPage(ask)
        if (answer === undefined) result = 'no-source'
        else {
          const token = await answer
          if (token === null) result = 'signed-out'
          else if (typeof token !== 'string' || !token) throw new TypeError(sentences.badToken)
          else if (!ask.signal.aborted) newest = { token }
        }
      } catch (error) {
        result = 'failed'
        cause = error
      }
      if (ask.signal.aborted) return
      fetching.abort()
      fetched(result, cause)
    },
  }
}
