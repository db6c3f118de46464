import type { ClientFrameOf } from '../protocol/index.js'
import type { Answer, AskReason } from './machine/state.js'
import type { Credentials, TokenAsk, TokenFetcher } from './options.js'
import { fetchToken } from './token-url.js'

/** The part of a start frame that proves who the user is. */
export type ProofFields = Pick<ClientFrameOf<'start'>, 'token' | 'signature' | 'authParams' | 'guest'>

/** Asks the page; undefined when nobody there answers. */
export type AskPage = (ask: TokenAsk) => Promise<string | null> | undefined

/** A source of tokens goes before what can't be renewed; a token at hand goes before both. */
const atHand = (credentials: Credentials): ProofFields | null => {
  const { token, tokenFetcher, tokenUrl, signature, authParams, guest } = credentials
  if (token) return { token }
  if (tokenFetcher ?? tokenUrl) return null
  if (signature) return { signature }
  if (authParams) return { authParams }
  return guest ? { guest: true } : null
}

/** Holds what proves who the user is, and knows where to get more of it. */
export interface CredentialStore {
  /** What to start with now; null when it must be asked for first. */
  proof(): ProofFields | null
  /** Whether there is a source to fetch from without asking the page. */
  fetchable(): boolean
  /** The newest token, to be sent on the open connection. */
  token(): string
  /** Changes the sources, and what is at hand if there is any; answers whether there is. */
  set(credentials: Credentials): boolean
  /** The newest were accepted; a token that the gateway gave goes in their place. */
  keep(token?: string): void
  /**
   * What a source can replace is forgotten; what can't be replaced is kept, for a start that tries it again. With all, an
   * answer that is still awaited is void.
   */
  discard(what: 'newest' | 'all'): void
  /** Asks for fresh credentials. One ask is under way at a time; a new one makes the old one's answer void. */
  ask(reason: AskReason, signal: AbortSignal, answered: (answer: Answer, cause?: unknown) => void): void
}

/** Until a fresh token has been accepted the former one is kept beside it, so that a refused one does no harm. */
export const credentialStore = (credentials: Credentials, askPage: AskPage): CredentialStore => {
  let { tokenFetcher, tokenUrl } = credentials
  let current = atHand(credentials)
  let newest: ProofFields | null = null
  let underWay: AbortController | undefined

  const source = (): TokenFetcher | undefined => {
    const url = tokenUrl
    return tokenFetcher ?? (url ? ({ signal }) => fetchToken(url, signal) : undefined)
  }

  return {
    proof: () => newest ?? current,
    fetchable: () => !!source(),
    token: () => (newest ?? current)?.token ?? '',
    set(credentials) {
      ;({ tokenFetcher, tokenUrl } = credentials)
      const proof = atHand(credentials)
      if (!proof) return false
      underWay?.abort()
      // Only a token can be tried on a live session, so only it needs the former one to fall back to.
      if (proof.token) newest = proof
      else [current, newest] = [proof, null]
      return true
    },
    keep(token) {
      current = token ? { token } : (newest ?? current)
      newest = null
    },
    discard(what) {
      newest = null
      if (what === 'newest') return
      underWay?.abort()
      if (source()) current = null
    },
    ask(reason, signal, answered) {
      underWay?.abort()
      const asking = (underWay = new AbortController())
      const stop = (): void => asking.abort()
      signal.addEventListener('abort', stop, { signal: asking.signal })
      const answer = (given: Answer, cause?: unknown): void => {
        if (asking.signal.aborted) return
        asking.abort()
        answered(given, cause)
      }
      const settle = (token: string | null): void => {
        if (token === null) return answer('signed-out')
        if (typeof token !== 'string' || !token) return answer('failed', new TypeError('A token is text.'))
        if (!asking.signal.aborted) newest = { token }
        answer('fresh')
      }
      const ask = { reason, signal: asking.signal }
      try {
        let token = source()?.(ask)
        if (token === undefined) token = askPage(ask)
        if (token === undefined) return answer('nobody')
        Promise.resolve(token).then(settle, (error: unknown) => answer('failed', error))
      } catch (error) {
        answer('failed', error)
      }
    },
  }
}
