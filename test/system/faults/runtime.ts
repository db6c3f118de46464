import { fork, type ChildProcess } from 'node:child_process'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bun, node, type Runtime } from '../../support/runtimes.js'

/** What `FAULT_RUNTIME` may be. */
const runtimes: Partial<Record<string, Runtime>> = { node, bun }

const find = (name: string): Runtime => {
  const runtime = runtimes[name]
  if (!runtime)
    throw new Error(`FAULT_RUNTIME is "${name}": set it to ${Object.keys(runtimes).join(' or ')}.`)
  return runtime
}

/** The runtime of the gateways that run in processes of their own. The tests and their clients run on Node. */
export const runtime = find(process.env['FAULT_RUNTIME'] || 'node')

const children = new Set<ChildProcess>()
after(() => children.forEach((child) => child.kill('SIGKILL')))

/** Runs a module of this folder in a process of its own, which is killed after the tests. */
export const forkModule = (name: string): ChildProcess => {
  // Bun loads TypeScript by itself.
  const execArgv = runtime === node ? ['--import', import.meta.resolve('tsx')] : []
  const script = fileURLToPath(new URL(name, import.meta.url))
  const child = fork(script, { execPath: runtime.path, execArgv })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}
