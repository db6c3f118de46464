/* global AbortController */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds until a process must be ready. */
const START_TIMEOUT = 30_000
/** Milliseconds that a process has to end after SIGTERM. */
const END_TIMEOUT = 10_000

/**
 * A process that this demo has started.
 * @typedef {object} Child
 * @property {number} pid
 * @property {string} ready The part of its output that says that it is ready.
 * @property {Promise<void>} ended
 * @property {(signal: NodeJS.Signals) => void} kill
 * @property {() => Promise<void>} stop Ends it by SIGTERM, or by SIGKILL if it does not end in time.
 */

/**
 * Starts a process. Resolves once its standard output has `ready`. Rejects with all its output if it ends before.
 * @param {string} command @param {readonly string[]} args @param {RegExp} ready
 * @returns {Promise<Child>}
 */
export const startChild = async (command, args, ready, env = process.env) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  const killAtExit = () => void child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const ended = new Promise((resolve) => child.once('close', resolve)).then(() => {
    process.off('exit', killAtExit)
  })
  let output = ''
  const decoder = new StringDecoder()
  const isReady = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        // Enough for the reason of a failed start. Later output is read and dropped, so that the process does not wait for a reader.
        if (output.length < 20_000) output += decoder.write(chunk)
        const [found] = ready.exec(output) ?? []
        if (found !== undefined) resolve(found)
      })
  })
  const timeout = new AbortController()
  const outcome = await Promise.race([
    isReady,
    once(child, 'error').then(([error]) => error),
    ended,
    sleep(START_TIMEOUT, undefined, { signal: timeout.signal }).catch(() => undefined),
  ])
  timeout.abort()
  if (typeof outcome !== 'string') {
    child.kill('SIGKILL')
    throw outcome instanceof Error ? outcome : new Error(`${command} did not start:\n${output}`)
  }
  return {
    pid: /** @type {number} */ (child.pid),
    ready: outcome,
    ended,
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT)
      await ended
      clearTimeout(timer)
    },
  }
}
