// A server begins each start when it comes, if `--import` loads this first: the gateway's queue of starts is replaced.
import { register } from 'node:module'

const source =
  'export const createStartQueue = () => ({ run: async (work) => (await work(false), true), waiting: () => 0 })'

const hooks = `
export const load = (url, context, nextLoad) =>
  url.endsWith('/dist/gateway/limits/start-queue.js')
    ? { format: 'module', source: ${JSON.stringify(source)}, shortCircuit: true }
    : nextLoad(url, context)
`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)
