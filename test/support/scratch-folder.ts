import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders: string[] = []

// The folders are removed at exit, because by then every gateway and process that writes to one is closed.
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
})

/** Makes an empty folder, which is removed when the process of this test file exits. Returns its path. */
export const scratchFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'chat-session-'))
  folders.push(folder)
  return folder
}
