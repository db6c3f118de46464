// Runs a program of a test on each runtime, with the built package, which finds itself by its name.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { secret } from '../tokens.js'

const root = new URL('../../../', import.meta.url)
const binary = (name: string): string => fileURLToPath(new URL(`node_modules/.bin/${name}`, root))

/** The commands that run the source of a module, by the runtime's name. */
export const runtimeCommands = (program: string): Record<string, [program: string, ...args: string[]]> => ({
  Node: [process.execPath, '--input-type=module', '--eval', program],
  Deno: [
    binary('deno'),
    'eval',
    '--no-remote',
    '--no-lock',
    '--cached-only',
    '--node-modules-dir=manual',
    program,
  ],
  Bun: [binary('bun'), '--no-install', '--eval', program],
})

/**
 * Runs a command, and resolves with its output. `onOutput` is called with all of the output so far. A gateway of this process serves it
 * meanwhile.
 */
export const outputOf = async (
  [command, ...args]: [string, ...string[]],
  onOutput: (output: string) => void = () => undefined,
): Promise<string> => {
  const child = spawn(command, args, {
    cwd: fileURLToPath(root),
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1', CHAT_SECRET: secret },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      onOutput(output)
    })
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0, output)
  return output
}
