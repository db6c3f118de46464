import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError } from '../errors.js'
import { assertIdentity, changeTimeOf, identityIn, MARKER } from './folder.js'

/** How many tables (data files of LevelDB) one call of `checkTables` compares. A folder of 10 GB has 5,000, too many for one call. */
const TABLES_PER_CHECK = 500

/** Detects that a file which LevelDB has open was removed or replaced. LevelDB itself does not notice such a change. */
interface DatabaseFiles {
  /**
   * Throws `unavailable` if somebody has removed or replaced the folder, or a file that every write or every opening needs. A call takes
   * about ten microseconds.
   */
  assertPresent(): void
  /**
   * Looks for tables that were removed or replaced. Does so only after a file of the folder was made or removed. Once it finds such a
   * table, `assertPresent` throws.
   */
  checkTables(): Promise<void>
}

/**
 * Returns the name of LevelDB's newest log. LevelDB numbers its logs in order. An old log stays for some time after LevelDB has begun a new
 * one.
 */
const newestLog = (folder: string): string | undefined =>
  readdirSync(folder)
    .filter((name) => /^\d+\.log$/.test(name))
    .toSorted((one, other) => parseInt(one) - parseInt(other))
    .at(-1)

const fileIdentity = (folder: string, name: string): string | undefined => {
  const found = statSync(join(folder, name), { bigint: true, throwIfNoEntry: false })
  return found && identityIn(found)
}

/**
 * Called when LevelDB has opened `folder`. `identity` is the result of `identityOf`. `liveTables` returns the names of the tables that
 * LevelDB uses now.
 */
export const watchDatabaseFiles = (
  folder: string,
  identity: string,
  liveTables: () => string[],
): DatabaseFiles => {
  // LevelDB replaces none of these three files while it has the folder open. CURRENT has the name of the third file.
  const fixed = new Map(
    ['LOCK', 'CURRENT', readFileSync(join(folder, 'CURRENT'), 'utf8').trim()].map((name) => [
      name,
      fileIdentity(folder, name),
    ]),
  )
  let log = newestLog(folder)
  let logIdentity = log && fileIdentity(folder, log)
  const tables = new Map<string, string>()
  /** The index of the table with which the next comparison begins; 0 after the last table. */
  let nextTable = 0
  /**
   * The folder's time of change at the latest two checks. A second check is needed: a change just after the first one may get the same
   * time, because the kernel's clock ticks slowly.
   */
  let lastChange: [bigint, bigint] = [-1n, -2n]
  let lostFile: string | undefined

  const findLostFile = (): string | undefined => {
    if (lostFile !== undefined) return lostFile
    for (const [name, known] of fixed) if (fileIdentity(folder, name) !== known) return name
    if (log !== undefined && fileIdentity(folder, log) === logIdentity) return undefined
    const newest = newestLog(folder)
    if (newest === undefined || (log !== undefined && parseInt(newest) <= parseInt(log))) return log ?? 'LOG'
    log = newest
    logIdentity = fileIdentity(folder, log)
    return undefined
  }

  /** Compares the identities of the next `TABLES_PER_CHECK` tables. */
  const findReplacedTable = async (names: string[]): Promise<string | undefined> => {
    const some = names.slice(nextTable, nextTable + TABLES_PER_CHECK)
    nextTable = nextTable + TABLES_PER_CHECK < names.length ? nextTable + TABLES_PER_CHECK : 0
    for (const name of some) {
      const found = await stat(join(folder, name), { bigint: true }).catch((error: unknown) => {
        // LevelDB has compacted this table meanwhile, and removed its file.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      })
      if (!found) continue
      const known = tables.get(name)
      if (known !== undefined && known !== identityIn(found)) return name
      tables.set(name, identityIn(found))
    }
    return undefined
  }

  return {
    assertPresent() {
      assertIdentity(folder, identity)
      const name = findLostFile()
      if (name === undefined) return
      lostFile = name
      // Acknowledged messages are perhaps lost, so clients must read their inboxes again. Without the file `MARKER`, the next opening gives
      // each inbox another epoch, which makes them do so.
      rmSync(join(folder, MARKER), { force: true })
      throw new EngineError(
        'unavailable',
        `The file ${name} in ${folder} was removed or replaced while the engine had it open: stop the gateway, put a backup in place ` +
          'of the folder if messages are missing, and start it again.',
      )
    },
    async checkTables() {
      const mtimeNs = changeTimeOf(folder)
      const isUnchanged = lastChange.every((time) => time === mtimeNs)
      if (isUnchanged && nextTable === 0) return
      lastChange = [lastChange[1], mtimeNs]
      const before = liveTables()
      const present = new Set(await readdir(folder))
      const after = new Set(liveTables())
      // A table that LevelDB used both before and after the folder was read must have a file. LevelDB was perhaps making or removing the
      // files of the other tables.
      const live = before.filter((name) => after.has(name))
      for (const name of tables.keys()) if (!after.has(name)) tables.delete(name)
      lostFile ??= live.find((name) => !present.has(name)) ?? (await findReplacedTable(live))
    },
  }
}
