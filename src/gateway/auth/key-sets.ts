import { createLocalJWKSet } from 'jose'
import type { KeySet } from '../../tokens/index.js'
import type { AppSettings } from '../config/parse.js'
import type { Metrics } from '../metrics/metrics.js'
import { createRequestMeter } from '../outbound/request-meter.js'
import { createRemoteKeySet, type RemoteKeySet } from './remote-key-set.js'

type Jwks = AppSettings['jwks']

/** The key sets of the apps. An app's `jwks` has the public keys themselves, or a URL at which they are. */
export interface KeySets {
  /**
   * Returns the app's key set; undefined without `jwks`. While the URL in `jwks` stays the same, the fetched keys are kept, so that a
   * reload of the config fetches nothing.
   */
  of(appId: string, jwks: Jwks): KeySet | undefined
}

interface Remote {
  readonly url: string
  readonly set: RemoteKeySet
  stop(): void
}

/** The part of the log that key sets use. They report failed fetches, and keys that can't be used. */
interface KeySetLog {
  warn(fields: { appId: string; err: unknown }, message: string): void
}

/** Creates the key sets. When `signal` aborts, no key set is fetched any more. */
export const createKeySets = (log: KeySetLog, signal: AbortSignal, metrics?: Metrics): KeySets => {
  const remotes = new Map<string, Remote>()
  signal.addEventListener('abort', () => remotes.forEach(({ stop }) => stop()), { once: true })

  metrics?.onScrape(() => {
    metrics.jwksAge.reset()
    for (const [app, { set }] of remotes) {
      const age = set.age()
      if (age !== null) metrics.jwksAge.set({ app }, age / 1000)
    }
  })

  const start = (appId: string, url: string): Remote => {
    const life = new AbortController()
    const onError = (err: unknown): void =>
      log.warn(
        { appId, err },
        "an app's key set can't be fetched, or a key in it can't be used; keys that were fetched before stay good",
      )
    const meter = metrics && createRequestMeter(metrics, appId, 'jwks')
    const remote = {
      url,
      set: createRemoteKeySet(url, { signal: life.signal, onError, meter }),
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
  }
}
