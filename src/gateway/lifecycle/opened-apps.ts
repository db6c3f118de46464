import type { Engine } from '../../engine/index.js'
import { createApp, type App } from '../apps/app.js'
import { engineOptionsOf } from '../apps/engine-rules.js'
import type { KeySets } from '../auth/key-sets.js'
import type { Settings } from '../config/parse.js'
import type { Log } from '../log.js'
import { reportProxies } from '../outbound/targets.js'
import type { Dispatcher } from '../webhooks/dispatcher.js'

interface Parts {
  readonly settings: Settings
  readonly engine: Pick<Engine, 'open' | 'key' | 'configure'>
  readonly dispatcher: Pick<Dispatcher, 'configure'>
  readonly keySets: KeySets
  readonly log: Log
  /** Aborts when the gateway is closed. */
  readonly signal: AbortSignal
  assertNotClosed(): void
}

/** Opens the engine, and makes the apps of the config. */
export class OpenedApps {
  readonly #parts: Parts
  /** The apps by id; while the engine opens, a promise of them. */
  #opened: Map<string, App> | Promise<Map<string, App>> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** The apps by id, while the engine is open. So starts need not wait for a promise. */
  get now(): Map<string, App> | undefined {
    return this.#opened instanceof Map && !this.#parts.signal.aborted ? this.#opened : undefined
  }

  /** Opens the engine once, and resolves with the apps by id. If the engine fails to open, the next call tries again. */
  async open(): Promise<Map<string, App>> {
    const { assertNotClosed } = this.#parts
    assertNotClosed()
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined
      assertNotClosed()
      throw error
    })
    return this.#opened
  }

  async #open(): Promise<Map<string, App>> {
    const { settings, engine, dispatcher, keySets, log } = this.#parts
    await engine.open()
    const key = await engine.key()
    for (const app of settings.apps.values()) await engine.configure(app.appId, engineOptionsOf(app))
    dispatcher.configure(settings.apps)
    await reportProxies(settings.apps.values(), log)
    const apps = [...settings.apps].map(
      ([appId, app]) => [appId, createApp(app, key, keySets.of(appId, app.jwks))] as const,
    )
    return (this.#opened = new Map(apps))
  }
}
