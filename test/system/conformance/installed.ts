import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { run, type Outcome } from '../../support/processes/command-line.js'
import { scratchFolder } from '../../support/scratch-folder.js'
import { pack, root } from '../package/packed.js'

export const conformancePackage = join(root, 'packages/conformance')

/** Installs the suite and chat-session as they would be published. Resolves with a function that runs the suite's command to its end. */
export const installSuite = async (): Promise<(...args: string[]) => Promise<Outcome>> => {
  const folder = scratchFolder()
  const tarballs = [await pack(folder), await pack(folder, conformancePackage)]
  await writeFile(join(folder, 'package.json'), '{ "name": "author", "private": true }')
  const options = ['--prefer-offline', '--no-audit', '--no-fund']
  await promisify(execFile)('npm', ['install', ...options, ...tarballs], { cwd: folder })
  const command = join(folder, 'node_modules/.bin/chat-session-conformance')
  return (...args) => run(args, {}, folder, process.execPath, command).outcome
}
