// The programs that a gateway runs on.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Runtime {
  name: 'Node' | 'Bun'
  path: string
}

const bunPath = fileURLToPath(new URL('../../../node_modules/.bin/bun', import.meta.url))

/** Throws if there is no Bun: a suite that left it out would look green. */
const findBun = (): string => {
  try {
    execFileSync(bunPath, ['--version'])
    return bunPath
  } catch (cause) {
    throw new Error('Bun is missing: `npm ci` installs the package bun for this system.', { cause })
  }
}

export const node: Runtime = { name: 'Node', path: process.execPath }
export const bun: Runtime = { name: 'Bun', path: findBun() }
export const runtimes: readonly Runtime[] = [node, bun]
