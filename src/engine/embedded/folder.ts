import { statSync, type BigIntStats, type Stats } from 'node:fs'
import { chmod, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { platform } from 'node:process'
import { EngineError } from '../errors.js'

/** Returns the `code` of an error of Node or of abstract-level. */
export const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined

/** Syncs a folder's entries. Without the sync a power cut could remove a new folder and all files in it, even files that were synced. */
const sync = async (folder: string): Promise<void> => {
  if (platform === 'win32') return // Windows opens no folders.
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const make = async (folder: string, withParents: boolean): Promise<void> => {
  const parent = dirname(folder)
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT' || !withParents || parent === folder) throw error
    await make(parent, true)
    await make(folder, false)
    return
  }
  await sync(parent)
}

/**
 * Makes the folder and its parents unless they exist. Only the owner can read a folder that this function makes, because users' profiles
 * and the engine's key will be in it. Rejects with Node's error.
 *
 * The function does not use Node's option `recursive`. With it Node loops forever if no folder can be made in a parent that exists, such as
 * `/proc` or a link to a disk that is not mounted.
 */
export const ensureFolder = (folder: string): Promise<void> => make(folder, true)

/** The name of an empty file, which the first opening makes in the folder. Its inode and birth time identify the folder. */
export const MARKER = 'chat-session.id'
const PROBE = 'chat-session.probe'

const ensureMarker = async (file: string): Promise<void> => {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.close()
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    throw error
  }
  await sync(dirname(file))
}

export const identityIn = ({ ino, birthtimeNs }: BigIntStats): string => `${ino} ${birthtimeNs}`

/**
 * Makes the file `MARKER` unless it exists. Returns a text that differs between this folder and its copies, such as a restored backup,
 * because a copied marker has another inode and birth time. A snapshot of the whole disk keeps both, so a restored snapshot goes unnoticed.
 */
export const identityOf = async (folder: string): Promise<string> => {
  const marker = join(folder, MARKER)
  await ensureMarker(marker)
  return identityIn(await stat(marker, { bigint: true }))
}

/** Throws `unavailable` unless the folder still has the identity that it was opened with. Takes a few microseconds. */
export const assertIdentity = (folder: string, identity: string): void => {
  const marker = statSync(join(folder, MARKER), { bigint: true, throwIfNoEntry: false })
  if (marker && identityIn(marker) === identity) return
  throw new EngineError(
    'unavailable',
    `The folder ${folder} was removed or replaced while the engine had it open: put the folder back, or restart the gateway to ` +
      'begin with the one that is there now.',
  )
}

/**
 * Returns the time at which a file of the folder was last made or removed. The call blocks the main thread for some microseconds. An idle
 * engine makes four such calls a second. If they were asynchronous, they would take most of its CPU time.
 */
export const changeTimeOf = (folder: string): bigint => statSync(folder, { bigint: true }).mtimeNs

/** How often `setMode` begins again. LevelDB replaces its log at each opening, also in a process that waits for the folder. */
const MAX_REPLACED = 10

/** Sets the mode of a path, unless the path is gone. Resolves with why the path has another mode; with undefined if it has this one. */
const setMode = async (path: string, mode: number): Promise<string | undefined> => {
  const has = ({ mode: present }: Stats): boolean => (present & 0o777) === mode
  try {
    for (let n = 0; n < MAX_REPLACED; n++) {
      const before = await stat(path)
      if (has(before)) return undefined
      const refusal = await chmod(path, mode).catch((error: unknown) => error)
      const after = await stat(path)
      if (has(after)) return undefined
      // Otherwise another file has the name by now.
      if (after.ino === before.ino)
        return refusal instanceof Error ? refusal.message : 'it ignores the change'
    }
    return 'its files change all the time'
  } catch (error) {
    // LevelDB may delete a file at any time.
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The names of the files that LevelDB and this engine make. Other files in the folder are somebody else's, and stay as they are. */
const OWN_FILES =
  /^(\d+\.(log|ldb|sst|dbtmp)|MANIFEST-\d+|CURRENT|LOCK|LOG(\.old)?|chat-session\.(id|probe))$/

/** The folder that some file systems have in their root, and that belongs to nobody. */
const LOST_AND_FOUND = 'lost+found'

/**
 * Returns a function that makes the engine's files private to their owner. It also makes the folder private, unless the folder has files of
 * somebody else, who may need the folder as it is. The engine calls this function again and again, because LevelDB makes files while it
 * runs, and they get the rights that the process's umask gives. Each call checks the rights only of files that are new since the last call.
 *
 * Some file systems know no modes, such as those of SMB. A file that stays open to others there is a warning, because the engine works all
 * the same. A folder of another owner, such as a mounted volume, is none if its files are private.
 */
export const createPrivacy = (folder: string, warn: (warning: string) => void): (() => Promise<void>) => {
  let checkedFiles = new Set<string>()
  let checkedAt: bigint | undefined
  return async () => {
    if (platform === 'win32') return // Windows has no such rights.
    const mtimeNs = changeTimeOf(folder)
    if (mtimeNs === checkedAt) return
    const names = await readdir(folder)
    const present = names.filter((name) => OWN_FILES.test(name))
    if (names.every((name) => present.includes(name) || name === LOST_AND_FOUND)) await setMode(folder, 0o700)
    for (const name of present.filter((name) => !checkedFiles.has(name))) {
      const refusal = await setMode(join(folder, name), 0o600)
      if (refusal !== undefined)
        warn(
          `Other users of this machine can perhaps read the files in ${folder}, because their file system keeps no modes (${refusal}): ` +
            "mount it for the gateway's user alone.",
        )
    }
    checkedFiles = new Set(present)
    checkedAt = mtimeNs
  }
}

/** Writes a file of `bytes` bytes and removes it. Rejects with Node's error if the disk is too full. */
export const probe = async (folder: string, bytes: number): Promise<void> => {
  const file = join(folder, PROBE)
  try {
    const handle = await open(file, 'w', 0o600)
    try {
      await handle.writeFile(Buffer.alloc(bytes))
      await handle.sync()
    } finally {
      await handle.close()
    }
  } finally {
    await rm(file, { force: true })
  }
}
