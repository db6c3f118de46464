import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { startChild } from './child.mjs'

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url))
const command = [pathOf('../../dist/cli/main.js'), 'serve', '--config', pathOf('chat.json')]

/**
 * A gateway process that can be stopped and started again. `id` is the name that the gateway gives itself in lists of sessions.
 * @typedef {object} Node
 * @property {string} name
 * @property {'starting' | 'running' | 'stopping' | 'stopped'} state
 * @property {number | undefined} port Where it takes connections; undefined unless it runs.
 * @property {string | undefined} id
 * @property {() => Promise<void>} start
 * @property {() => Promise<void>} stop Drains it.
 * @property {() => void} kill Ends it as a crash would.
 */

/** @param {string} name @param {NodeJS.ProcessEnv} env @returns {Node} */
export const createNode = (name, env) => {
  /** @type {Node['state']} */
  let state = 'stopped'
  /** @type {import('./child.mjs').Child | undefined} */
  let child
  /** @type {number | undefined} */
  let port

  const onEnded = () => {
    state = 'stopped'
    child = undefined
  }

  return {
    name,
    get state() {
      return state
    },
    get port() {
      return state === 'running' ? port : undefined
    },
    get id() {
      return child && `${hostname()}:${child.pid}`
    },
    async start() {
      if (state !== 'stopped') return
      state = 'starting'
      try {
        child = await startChild(process.execPath, command, /(?<=^listening on )http\S+(?=\n)/m, env)
      } catch (error) {
        state = 'stopped'
        throw error
      }
      port = Number(new URL(child.ready).port)
      state = 'running'
      void child.ended.then(onEnded)
    },
    async stop() {
      if (state !== 'running') return
      state = 'stopping'
      await child?.stop()
    },
    kill: () => child?.kill('SIGKILL'),
  }
}
