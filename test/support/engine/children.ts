import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compile, compiledFolder } from '../../../scripts/compile.mjs'

// Compiled once: with a compiler of its own each process would start several times as slowly.
const folder = compiledFolder()
await compile({ entryPoints: [fileURLToPath(new URL('child.ts', import.meta.url))], outdir: folder })
const script = join(folder, 'child.mjs')

const children: ChildProcess[] = []
after(() => children.forEach((child) => child.kill('SIGKILL')))

/** Runs a task of `child.ts` in a process of its own, which is killed after the tests of the file. */
export const inChild = (task: string, path: string, env: NodeJS.ProcessEnv = {}): ChildProcess => {
  const child = fork(script, [task, path], { execArgv: [], env: { ...process.env, ...env } })
  children.push(child)
  return child
}

/** Resolves with the child's next message. */
export const nextMessage = async (child: ChildProcess): Promise<unknown> => {
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) =>
      assert.fail(`the child ended with ${code} before it sent a message`),
    ),
  ])) as unknown[]
  return message
}

export const killed = async (child: ChildProcess): Promise<void> => {
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
