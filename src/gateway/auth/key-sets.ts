import { createLocalJWKSet } from 'jose'
import type { KeySet } from '../../tokens/index.js'
import type { AppSettings } from '../config/parse.js'
import type { Log } from '../log.js'
import { createRemoteKeySet, type RemoteKeySet } from './remote-key-set.js'

type Jwks = AppSettings['jwks']

/** The key sets of the apps. */
export interface KeySets {
  /** Returns the app's key set. While `jwks` stays the same it is the same set, so that a reload of the config fetches nothing. */
  of(appId: string, jwks: Jwks): KeySet | undefined
  /** The milliseconds since the keys of each app with a URL were fetched; null if they never were. */
  ages(): ReadonlyMap<string, number | null>
}

interface Remote {
  readonly url: string
  readonly set: RemoteKeySet
  stop(): void
}

/** When `signal` aborts, no key set is fetched any more. */
export const createKeySets = (log: Pick<Log, 'warn'>, signal: AbortSignal): KeySets => {
  const remotes = new Map<string, Remote>()
  signal.addEventListener('abort', () => remotes.forEach(({ stop }) => stop()), { once: true })

  const start = (appId: string, url: string): Remote => {
    const life = new AbortController()
    const onError = (err: unknown): void =>
      log.warn({ appId, err }, "an app's key set can't be fetched; keys that were fetched before stay good")
    const remote = {
      url,
      set: createRemoteKeySet(url, { signal: life.signal, onError }),
      stop: () => life.abort(),
    }
    remotes.set(appId, remote)
    return remote
  }

  const remoteOf = (appId: string, url: string | undefined): RemoteKeySet | undefined => {
    const known = remotes.get(appId)
    if (known && known.url === url) return known.set
    known?.stop()
    remotes.delete(appId)
    return url === undefined ? undefined : start(appId, url).set
  }

  return {
    of(appId, jwks) {
      const remote = remoteOf(appId, jwks?.url)
      if (!jwks) return undefined
      const { algorithms, keys = [] } = jwks
      return { algorithms, resolve: remote?.resolve ?? createLocalJWKSet({ keys }) }
    },
    ages: () => new Map([...remotes].map(([appId, { set }]) => [appId, set.age()])),
  }
}
