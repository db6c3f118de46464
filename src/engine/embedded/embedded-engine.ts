import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../engine.js'
import { EngineError } from '../errors.js'
import { createExclusiveEngine, type EngineOptions } from '../exclusive/exclusive-engine.js'
import type { Volume } from '../exclusive/store/store.js'
import { watchDatabaseFiles } from './database-files.js'
import { createPrivacy, ensureFolder, identityOf, probe } from './folder.js'
import { DEFAULT_CACHE_BYTES, engineErrorOf, openLevelStore, writeBufferOf } from './level-store.js'

export interface EmbeddedEngineOptions extends EngineOptions {
  /** The folder with all data. If the folder is missing, the engine makes it. Only one process at a time can open it. */
  path: string
  /**
   * Milliseconds for which `open` waits for another process to close the folder. A new gateway is often started while the old one is still
   * closing. @default 5_000
   */
  lockWait?: number | undefined
  /**
   * About how many bytes of memory the engine may take for inboxes, senders and the peers of inboxes, so that a send or a list of peers
   * need not read them from the disk. Besides these, LevelDB has a cache of 8 MB and two write buffers. Each of the two has half of
   * `cacheBytes`, but at least 4 and at most 64 MB. Up to 8 MB more hold the filters that recognize most new message ids.
   * @default 67_108_864
   */
  cacheBytes?: number | undefined
  /**
   * Called once, with a sentence, if other users of the machine can perhaps read the files, because their file system keeps no modes.
   * @default a warning of the process
   */
  onWarning?: ((warning: string) => void) | undefined
}

/** Milliseconds between two attempts of `open` on a locked folder. The kernel sends no event when a lock is released. */
const LOCK_POLL = 100

interface VolumeOptions {
  lockWait: number
  cacheBytes: number
  warn: (warning: string) => void
}

const openVolume = async (path: string, { cacheBytes, warn }: VolumeOptions): Promise<Volume> => {
  try {
    await ensureFolder(path)
    await createPrivacy(path, warn)()
    const writeBuffer = writeBufferOf(cacheBytes)
    const store = await openLevelStore(path, writeBuffer)
    try {
      const identity = await identityOf(path)
      const files = watchDatabaseFiles(path, identity, () => store.liveTables())
      await files.checkTables()
      // It is a new one, because the opening has replaced files by others of the same name.
      const makePrivate = createPrivacy(path, warn)
      await makePrivate()
      return {
        store,
        isPersistent: true,
        identity,
        cacheBytes,
        assertPresent: () => files.assertPresent(),
        probe: async () => {
          files.assertPresent()
          await probe(path, writeBuffer)
        },
        async maintain() {
          await makePrivate()
          await files.checkTables()
        },
      }
    } catch (error) {
      await store.close()
      throw error
    }
  } catch (error) {
    throw error instanceof EngineError ? error : engineErrorOf(path, error)
  }
}

const openWhenUnlocked = async (
  path: string,
  options: VolumeOptions,
  signal: AbortSignal,
): Promise<Volume> => {
  const deadline = performance.now() + options.lockWait
  for (;;) {
    try {
      return await openVolume(path, options)
    } catch (error) {
      const left = deadline - performance.now()
      const isLocked = error instanceof EngineError && error.code === 'locked'
      if (!isLocked || left <= 0 || signal.aborted) throw error
      // If `signal` aborts, the wait ends, and one more attempt follows. If the folder is still locked, that attempt throws its error.
      await sleep(Math.min(LOCK_POLL, left), undefined, { signal }).catch(() => undefined)
    }
  }
}

/**
 * Makes an engine that stores its data in a folder of this machine, for one process. In a second process, `open` on this folder rejects
 * with `locked`. What `Engine` calls durable is synced to the disk. This is the gateway's default engine.
 *
 * @example
 *     const engine = createEmbeddedEngine({ path: '/var/lib/chat-session' })
 *     await engine.open()
 */
export const createEmbeddedEngine = ({
  path,
  lockWait = 5_000,
  cacheBytes = DEFAULT_CACHE_BYTES,
  onWarning = (warning) => process.emitWarning(warning),
  ...options
}: EmbeddedEngineOptions): Engine => {
  // The path is resolved now, so that a later change of the working directory doesn't change the folder.
  const folder = resolve(path)
  let hasWarned = false
  const warn = (warning: string): void => {
    if (!hasWarned) onWarning(warning)
    hasWarned = true
  }
  return createExclusiveEngine(
    (signal) => openWhenUnlocked(folder, { lockWait, cacheBytes, warn }, signal),
    options,
  )
}
