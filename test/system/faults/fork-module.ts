import { fork, type ChildProcess } from 'node:child_process'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runtime } from '../../support/processes/fault-runtime.js'
import { node } from '../../support/processes/runtimes.js'

const children = new Set<ChildProcess>()
after(() => children.forEach((child) => child.kill('SIGKILL')))

/** Runs a module in a process of its own, which is killed after the tests. */
export const forkModule = (url: URL): ChildProcess => {
  // Bun loads TypeScript by itself.
  const execArgv = runtime === node ? ['--import', import.meta.resolve('tsx')] : []
  const child = fork(fileURLToPath(url), { execPath: runtime.path, execArgv })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}
