import type { Engine } from '../../engine/index.js'
import { createApp, type App } from '../apps/app.js'
import { engineOptionsOf } from '../apps/engine-rules.js'
import type { KeySets } from '../auth/key-sets.js'
import { TaskQueue } from '../../util/task-queue.js'
import { changesOf } from '../config/changes.js'
import type { Settings } from '../config/parse.js'
import type { ConfigSource, GatewayConfig, Reloaded } from '../config/types.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Watchers } from '../sessions/presence/watchers.js'
import type { OwnServer } from '../transports/own-server.js'
import type { Dispatcher } from '../webhooks/dispatcher.js'

/** The parts of a gateway that a reload reads or changes. */
interface ReloadContext {
  /** The running settings, to which a reload assigns. */
  readonly settings: Settings
  parse(config: GatewayConfig): Settings
  /** Resolves with the running apps when the engine is open. A reload adds apps to this map. */
  apps(): Promise<Map<string, App>>
  readonly keySets: KeySets
  readonly metrics: Pick<Metrics, 'reloads'>
  readonly dispatcher: Pick<Dispatcher, 'configure'>
  readonly watchers: Pick<Watchers, 'onReload'>
  readonly engine: Pick<Engine, 'key' | 'configure'>
  /** Resolves with the server of `listen()` once it listens or has failed to; with undefined if there is none. */
  ownServer(): Promise<OwnServer | undefined>
  assertNotClosed(): void
}

/** Returns the gateway's `reload`. */
export const createReload = (context: ReloadContext): ((config: ConfigSource) => Promise<Reloaded>) => {
  const { settings, keySets, dispatcher, engine, metrics, watchers } = context
  const reloads = new TaskQueue()

  const configureEngine = async ({ apps }: Settings): Promise<void> => {
    try {
      for (const app of apps.values()) await engine.configure(app.appId, engineOptionsOf(app))
    } catch (error) {
      // The engine gets the running settings back. If that fails, too, the engine is unavailable, and gets them when it is opened again.
      await Promise.allSettled(
        [...settings.apps.values()].map((app) => engine.configure(app.appId, engineOptionsOf(app))),
      )
      throw error
    }
  }

  const reload = async (source: ConfigSource): Promise<Reloaded> => {
    const config = typeof source === 'function' ? await source() : source
    const next = changesOf(settings, context.parse(config))
    const apps = await context.apps()
    const useCertificate = (await context.ownServer())?.readCertificate(next.settings.listen.tls)
    const key = await engine.key()
    await configureEngine(next.settings)
    context.assertNotClosed()
    // Nothing below can fail or wait, so that a reload applies as a whole or not at all.
    Object.assign(settings, next.settings)
    for (const [appId, app] of settings.apps) {
      const known = apps.get(appId)
      const keySet = keySets.of(appId, app.jwks)
      if (known) known.update(app, keySet)
      else apps.set(appId, createApp(app, key, keySet))
    }
    dispatcher.configure(settings.apps)
    watchers.onReload()
    useCertificate?.()
    const applied = new Set([...next.applied, ...(useCertificate ? ['listen.tls'] : [])])
    return { applied: [...applied], needsRestart: next.needsRestart }
  }

  return (config) => {
    // Reloads run one after the other, because each compares its config with the settings after the previous reload.
    const reloaded = reloads.run(() => reload(config))
    reloaded.then(
      () => metrics.reloads.inc({ result: 'applied' }),
      () => metrics.reloads.inc({ result: 'failed' }),
    )
    return reloaded
  }
}
