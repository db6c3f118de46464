import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after } from 'node:test'
import { within } from '../../support/raw-client.js'
import type { Result } from '../../support/rest/every-call.js'
import { environment, prepareFolder, type Name } from './workspace.js'
import { languages } from './languages.js'
import type { Block } from '../../../src/cli/init/guide.js'

/** A running program that calls the functions of a page. */
export interface Caller {
  /** Calls a function, by the operation's name, and resolves with its result. */
  call(name: string, ...args: unknown[]): Promise<Result>
  close(): Promise<void>
}

const running = new Set<ChildProcess>()
// If a test fails, its program would keep the process of its file running.
after(() => {
  for (const child of running) child.kill('SIGKILL')
})

const prepared = new Map<Block, string>()

/** Returns the folder of a language, which is prepared once. */
export const folderOf = (name: Name, minter: Block): string => {
  const folder = prepared.get(minter) ?? prepareFolder(name, minter)
  prepared.set(minter, folder)
  return folder
}

/** Starts the program of a language that calls the functions of its page. */
export const startCaller = (name: Name, env: Record<string, string>, minter: Block): Caller => {
  const folder = folderOf(name, minter)
  const [program, ...parameters] = languages[name].call
  const child = spawn(program, parameters, { cwd: folder, env: environment(env) })
  let printed = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text))
  running.add(child)
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async call(operation, ...args) {
      child.stdin.write(`${JSON.stringify([operation, args])}\n`)
      const next = await within(lines.next(), `result of ${operation} in ${name}`, 120_000)
      assert(next.done !== true, `${program} ended in ${operation}:\n${printed}`)
      return JSON.parse(next.value) as Result
    },
    async close() {
      child.stdin.end()
      await closed
    },
  }
}
