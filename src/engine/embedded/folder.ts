import { statSync, type BigIntStats } from 'node:fs'
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

/** Sets the mode of a path. Resolves with false if the path is gone. */
const setMode = async (path: string, mode: number): Promise<boolean> => {
  try {
    if (((await stat(path)).mode & 0o777) !== mode) await chmod(path, mode)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/**
 * Returns a function that makes the folder and its files private to their owner. The engine calls this function again and again, because
 * LevelDB makes files while it runs, and they get the rights that the process's umask gives. Each call checks the rights only of files that
 * are new since the last call.
 */
export const createPrivacy = (folder: string): (() => Promise<void>) => {
  let privateFiles = new Set<string>()
  let checkedAt: bigint | undefined
  return async () => {
    if (platform === 'win32') return // Windows has no such rights.
    const mtimeNs = changeTimeOf(folder)
    if (mtimeNs === checkedAt) return
    await setMode(folder, 0o700).catch((error: unknown) => {
      // A folder of another owner, such as a mounted volume, keeps its rights. Its files are private all the same.
      if (codeOf(error) !== 'EPERM') throw error
    })
    const present = new Set<string>()
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const { name } = entry
      // LevelDB may delete a file before its mode is set.
      if (!entry.isFile() || privateFiles.has(name) || (await setMode(join(folder, name), 0o600)))
        present.add(name)
    }
    privateFiles = present
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
