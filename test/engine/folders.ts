import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** Returns a function that makes scratch folders, which are removed after the tests of the file. */
export const scratch = (): (() => Promise<string>) => {
  const made: string[] = []
  after(() => Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true }))))
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chat-session-engine-'))
    made.push(folder)
    return folder
  }
}
