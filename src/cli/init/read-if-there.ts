import { readFile } from 'node:fs/promises'
import { codeOf } from '../../engine/internal.js'
import { CliError } from '../cli-error.js'

/** Resolves with the text of a file; undefined if there is no such file. Rejects with a `CliError` if the file can't be read. */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    // The decoder drops a byte order mark, with which editors on Windows may begin a file.
    return new TextDecoder().decode(await readFile(path))
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw new CliError(`${path} can't be read: ${(error as Error).message}.`, { cause: error })
  }
}
