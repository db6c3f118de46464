import { mkdir, open, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { platform } from 'node:process'

/** The `code` of an error of Node or of abstract-level. */
export const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined

/** So that a power cut can't take a new folder away together with all that was synced inside it. */
const sync = async (folder: string): Promise<void> => {
  if (platform === 'win32') return // where a folder can't be opened
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
 * Makes the folder unless something is there already; for its owner alone, since it will hold what is known of users
 * and the engine's key. Rejects with Node's error.
 *
 * Node's own `recursive` is no help: where a parent exists in which nothing can be made (a link to a disk that is not
 * mounted, `/proc`), it tries forever.
 */
export const ensureFolder = (folder: string): Promise<void> => make(folder, true)

/** A file that is made once and never copied: what is in the folder belongs together with it, and with no other. */
const MARKER = 'chat-session.id'
const PROBE = 'chat-session.probe'

/** As much as a store may write while it is opened, in bytes. */
const ROOM = 4 * 1_048_576

const mark = async (file: string): Promise<void> => {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.close()
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    throw error
  }
  await sync(dirname(file))
}

/**
 * Tells this folder from a copy of it, a restored backup for one: a copied file is another one, made at another time.
 * A folder that is put back with its very inodes (a snapshot of the whole disk) can't be told apart.
 */
export const identityOf = async (folder: string): Promise<string> => {
  const marker = join(folder, MARKER)
  await mark(marker)
  const { ino, birthtimeNs } = await stat(marker, { bigint: true })
  return `${ino} ${birthtimeNs}`
}

/** Rejects with Node's error unless there is room in the folder for what a store writes when it is opened. */
export const probe = async (folder: string): Promise<void> => {
  const file = join(folder, PROBE)
  try {
    const handle = await open(file, 'w', 0o600)
    try {
      await handle.writeFile(Buffer.alloc(ROOM))
      await handle.sync()
    } finally {
      await handle.close()
    }
  } finally {
    await rm(file, { force: true })
  }
}
