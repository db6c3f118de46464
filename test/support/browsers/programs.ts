import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Debian packages that `npm run test:browsers` needs. */
const packages = 'firefox-esr webkit2gtk-driver xvfb'

/** Returns `path`. If the program is not installed, prints the command that installs it, and exits. */
export const systemProgram = (path: string): string => {
  if (existsSync(path)) return path
  console.error(`There is no ${path}. Install what these tests need: apt-get install ${packages}`)
  process.exit(1)
}

interface ChildProcesses {
  start(path: string, args: string[], options: SpawnOptions): ChildProcess
  stop(): void
}

/** Starts child processes that end with `stop`, or when this process exits. */
export const childProcesses = (): ChildProcesses => {
  const children: ChildProcess[] = []
  const stop = (): void => {
    process.off('exit', stop)
    for (const child of children) child.kill()
  }
  process.on('exit', stop)
  return {
    start(path, args, options) {
      const child = spawn(path, args, options)
      children.push(child)
      return child
    },
    stop,
  }
}
