import type { ClientFrameOf } from '../protocol/index.js'
import type { AskReason, Credentials, TokenAsk, TokenFetcher } from './options.js'
import { fetchToken } from './token-url.js'

/** The part of a start frame that proves who the user is. */
export type ProofFields = Pick<ClientFrameOf<'start'>, 'token' | 'signature' | 'authParams' | 'guest'>

export type Answer = 'fresh' | 'signed-out' | 'nobody' | 'failed'

/** Asks the page; undefined when nobody there answers. */
export type AskPage = (ask: TokenAsk) => Promise<string | null> | undefined

const given = ({ token, signature, authParams, guest }: Credentials): ProofFields | null => {
  if (token) return { token }
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
  set(token: string): void
  /** Changes the source; what is at hand stays. */
  setSource(source: Pick<Credentials, 'tokenFetcher' | 'tokenUrl'>): void
  /** The newest were accepted; a token that the gateway gave goes in their place. */
  keep(token?: string): void
  discard(what: 'newest' | 'all'): void
  /** Asks for fresh credentials. One ask is under way at a time; a new one makes the old one's answer void. */
  ask(reason: AskReason, signal: AbortSignal, answered: (answer: Answer, cause?: unknown) => void): void
}

/**
 * Until a fresh token has been accepted the former one is kept beside it, so that a refused one does no harm.
 * A source of tokens goes before what cannot be renewed, but a token at hand goes first.
 */
export const credentialStore = (credentials: Credentials, askPage: AskPage): CredentialStore => {
  let { tokenFetcher, tokenUrl } = credentials
  let current = credentials.token || !(tokenFetcher || tokenUrl) ? given(credentials) : null
  let newest: ProofFields | null = null
  let underWay: AbortController | undefined

  const source = (): TokenFetcher | undefined =>
    tokenFetcher ?? (tokenUrl ? ({ signal }) => fetchToken(tokenUrl as string | URL, signal) : undefined)

  return {
    proof: () => newest ?? current,
    fetchable: () => !!source(),
    token: () => (newest ?? current)?.token ?? '',
    set(token) {
      underWay?.abort()
      newest = { token }
    },
    setSource(changed) {
      ;({ tokenFetcher, tokenUrl } = changed)
    },
    keep(token) {
      current = token ? { token } : (newest ?? current)
      newest = null
    },
    discard(what) {
      if (what === 'all') current = null
      newest = null
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
        if (token) newest = { token }
        answer(token ? 'fresh' : 'signed-out')
      }
      const ask = { reason, signal: asking.signal }
      const fetcher = source()
      try {
        const promise = fetcher ? fetcher(ask) : askPage(ask)
        if (promise === undefined) return answer('nobody')
        Promise.resolve(promise).then(
          (token) => asking.signal.aborted || settle(token),
          (error: unknown) => answer('failed', error),
        )
      } catch (error) {
        answer('failed', error)
      }
    },
  }
}
