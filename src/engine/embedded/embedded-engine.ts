import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type * as classicLevel from 'classic-level'
import type { Engine } from '../engine.js'
import { EngineError } from '../errors.js'
import { codeOf, ensureFolder, identityOf, probe } from './folder.js'
import { LocalEngine, type EngineOptions } from '../local/local-engine.js'
import type { Volume, Store } from '../local/store.js'

export interface EmbeddedEngineOptions extends EngineOptions {
  /** The folder to keep everything in; made if it is missing. It belongs to one process at a time. */
  path: string
  /**
   * Milliseconds for which `open` waits for another process to let go of the folder, since a gateway is often started
   * while the one before it still drains. @default 5_000
   */
  lockWait?: number | undefined
}

/** How often to look whether the folder is free, in milliseconds: the kernel doesn't tell. */
const LOCK_POLL = 100

/** Loaded when it is needed: it holds a native binary, and an engine in memory should not ask for one. */
const load = async (): Promise<typeof classicLevel> => {
  try {
    return await import('classic-level')
  } catch (cause) {
    throw new EngineError(
      'unavailable',
      "The embedded engine needs 'classic-level', which can't be loaded: install the package again on this machine, " +
        'with its dependencies, or use the memory engine.',
      { cause },
    )
  }
}

/** abstract-level wraps what happened: the cause says it. */
const reasonOf = (error: unknown): unknown =>
  error instanceof Error && codeOf(error) === 'LEVEL_DATABASE_NOT_OPEN' ? error.cause : error

const explain = (path: string, error: unknown): EngineError => {
  const cause = reasonOf(error)
  switch (codeOf(cause)) {
    case 'LEVEL_LOCKED':
      return new EngineError(
        'locked',
        `Another process has ${path} open: stop it first, or give this one a folder of its own.`,
        { cause },
      )
    case 'LEVEL_CORRUPTION':
      return new EngineError(
        'unavailable',
        `What is in ${path} is damaged: put a backup in its place, or give an empty folder.`,
        { cause },
      )
    default:
      return new EngineError(
        'unwritable',
        `${path} can't be used: it must be a folder that this process can make, read and write.` +
          (cause instanceof Error ? ` (${cause.message})` : ''),
        { cause },
      )
  }
}

const storeOn = (level: classicLevel.ClassicLevel): Store => ({
  getSync: (key) => level.getSync(key),
  iterator: (range) => level.iterator(range),
  batch: (operations, options) => {
    // One by one: given as an array, each would be copied and merged with options, at six times the price.
    const batch = level.batch()
    for (const operation of operations) {
      if (operation.type === 'put') batch.put(operation.key, operation.value)
      else batch.del(operation.key)
    }
    return batch.write(options)
  },
  close: () => level.close(),
})

const openFolder = async (path: string): Promise<Volume> => {
  const { ClassicLevel } = await load()
  try {
    await ensureFolder(path)
    const level = new ClassicLevel(path)
    await level.open()
    try {
      return {
        store: storeOn(level),
        isPersistent: true,
        identity: await identityOf(path),
        probe: () => probe(path),
      }
    } catch (error) {
      await level.close()
      throw error
    }
  } catch (error) {
    throw explain(path, error)
  }
}

const openWhenFree = async (path: string, lockWait: number, life: AbortSignal): Promise<Volume> => {
  const deadline = performance.now() + lockWait
  for (;;) {
    try {
      return await openFolder(path)
    } catch (error) {
      const left = deadline - performance.now()
      const locked = error instanceof EngineError && error.code === 'locked'
      if (!locked || left <= 0 || life.aborted) throw error
      // An abort only ends the wait: the last try's error tells why there was one.
      await sleep(Math.min(LOCK_POLL, left), undefined, { signal: life }).catch(() => undefined)
    }
  }
}

/**
 * An engine that keeps everything in a folder of this machine, for one process; a second on the same folder is
 * `locked`. What it calls durable has been synced to the disk. It is the default of the gateway.
 *
 * @example
 *     const engine = createEmbeddedEngine({ path: '/var/lib/chat-session' })
 *     await engine.open()
 */
export const createEmbeddedEngine = ({
  path,
  lockWait = 5_000,
  ...options
}: EmbeddedEngineOptions): Engine => {
  // Now, so that a later change of the working directory doesn't change what is opened.
  const folder = resolve(path)
  return new LocalEngine((life) => openWhenFree(folder, lockWait, life), options)
}
