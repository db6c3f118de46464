import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
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
