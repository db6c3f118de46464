import { bun, node, type Runtime } from './runtimes.js'

/** The values of `FAULT_RUNTIME`. */
const runtimes: Partial<Record<string, Runtime>> = { node, bun }

const find = (name: string): Runtime => {
  const runtime = runtimes[name]
  if (!runtime)
    throw new Error(`FAULT_RUNTIME is "${name}": set it to ${Object.keys(runtimes).join(' or ')}.`)
  return runtime
}

/** The runtime of the gateways that run in processes of their own. The tests and their clients run on Node. */
export const runtime = find(process.env['FAULT_RUNTIME'] || 'node')
