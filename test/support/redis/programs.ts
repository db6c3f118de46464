import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** The Debian package of each program. */
const packages = {
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  setpriv: 'util-linux',
  haproxy: 'haproxy',
  'valkey-server': 'valkey-server',
  'valkey-cli': 'valkey-tools',
}

type Program = keyof typeof packages

/** What `npm run test:valkey` runs instead of Redis. */
const valkey: Partial<Record<Program, Program>> = {
  'redis-server': 'valkey-server',
  'redis-cli': 'valkey-cli',
}

/** Debian puts HAProxy into a folder that only root's PATH has. */
const SYSTEM_FOLDER = '/usr/sbin'

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Returns the path of a program; with `REDIS_FLAVOR=valkey` Valkey's in place of Redis's. Throws an error that names its Debian package if
 * it is not installed.
 */
export const program = (asked: Program): string => {
  const name = (process.env['REDIS_FLAVOR'] === 'valkey' && valkey[asked]) || asked
  const path = [...(process.env['PATH'] ?? '').split(delimiter), SYSTEM_FOLDER]
    .map((folder) => join(folder, name))
    .find(isExecutable)
  if (path === undefined)
    throw new Error(`There is no ${name}. Install what these tests need: apt-get install ${packages[name]}`)
  return path
}

/**
 * Runs a program, which reads `input`, and resolves with what it wrote to standard output. Rejects with all of its output if it
 * fails.
 */
export const runProgram = async (
  name: Program,
  args: readonly string[],
  { timeout = 60_000, input }: { timeout?: number; input?: string } = {},
): Promise<string> => {
  try {
    const running = promisify(execFile)(program(name), args, { timeout, maxBuffer: 2 ** 26 })
    if (input !== undefined) running.child.stdin?.end(input)
    const { stdout } = await running
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${name} ${args.join(' ')} failed: ${stdout}${stderr}`, { cause: error })
  }
}
