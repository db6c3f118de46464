import type * as classicLevel from 'classic-level'
import { EngineError } from '../errors.js'
import type { Store } from '../exclusive/store/store.js'
import { codeOf } from './folder.js'

/** Imports the package `classic-level` when an engine needs it. A gateway on another engine does not need the package's native binary. */
const importClassicLevel = async (): Promise<typeof classicLevel> => {
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

const MIN_WRITE_BUFFER = 4 * 2 ** 20
const MAX_WRITE_BUFFER = 64 * 2 ** 20

/** How many bytes an engine's caches may take by default. */
export const DEFAULT_CACHE_BYTES = 64 * 2 ** 20

/**
 * Returns how many bytes of rows LevelDB keeps in memory before it sorts them into a file, for an engine that may take `cacheBytes` for its
 * caches. The more bytes LevelDB keeps, the less time it sorts. With 1,000,000 users and 16 MB, sorting takes a third of the time that a
 * send takes. With 32 MB it takes a sixth. But an opening takes longer, because LevelDB perhaps writes that many bytes then.
 */
export const writeBufferOf = (cacheBytes: number): number =>
  Math.min(Math.max(Math.floor(cacheBytes / 2), MIN_WRITE_BUFFER), MAX_WRITE_BUFFER)

/**
 * How many bytes of rows LevelDB's thread reads before it passes them to the main thread. With the default of 16 kB, a page of rows would
 * take several turns of the event loop.
 */
const READ_BYTES = 512 * 2 ** 10

/** Returns the cause of a failed opening, which abstract-level wraps in an error of its own. */
const unwrap = (error: unknown): unknown =>
  error instanceof Error && codeOf(error) === 'LEVEL_DATABASE_NOT_OPEN' ? error.cause : error

/** Returns the engine's error for an error of LevelDB or of the folder. */
export const engineErrorOf = (path: string, error: unknown): EngineError => {
  const cause = unwrap(error)
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
        `The files in ${path} are damaged: put a backup in their place, or give an empty folder.`,
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

/**
 * A store in LevelDB, by classic-level (last released in July 2025). A batch with `sync` resolves after fdatasync, and is readable only
 * then. After SIGKILL LevelDB cuts a torn log at its last whole record. Its LOCK file is an fcntl lock, which the kernel releases with the
 * process, so a folder always has one owner.
 */
export interface LevelStore extends Store {
  /** Returns the names of LevelDB's data files, the tables. Returns an empty list once the store is closed. */
  liveTables(): string[]
}

/** Returns the names of the tables' files. `sstables` has a line for each table, such as ` 17:5120['a' @ 9 : 1 .. 'b' @ 7 : 1]`. */
const tablesIn = (sstables: string): string[] =>
  [...sstables.matchAll(/^ (\d+):\d+\[/gm)].map(([, number = '']) => `${number.padStart(6, '0')}.ldb`)

/** Opens LevelDB in a folder that exists. Rejects with LevelDB's errors, or with `unavailable` if the native binary can't be loaded. */
export const openLevelStore = async (
  path: string,
  writeBufferSize = writeBufferOf(DEFAULT_CACHE_BYTES),
): Promise<LevelStore> => {
  const { ClassicLevel } = await importClassicLevel()
  const level = new ClassicLevel(path, { writeBufferSize })
  await level.open()
  return {
    getSync: (key) => level.getSync(key),
    iterator: (range) => level.iterator({ ...range, highWaterMarkBytes: READ_BYTES }),
    batch: (operations, options) => {
      // The operations are added one by one. If abstract-level got an array, it would copy each operation and merge it with the options,
      // which takes six times as long.
      const batch = level.batch()
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value)
        else batch.del(operation.key)
      }
      return batch.write(options)
    },
    liveTables: () => (level.status === 'open' ? tablesIn(level.getProperty('leveldb.sstables')) : []),
    close: () => level.close(),
  }
}
