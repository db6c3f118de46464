import { spawn, type ChildProcess } from 'node:child_process'
import { tmpdir } from 'node:os'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { within } from './raw-client.js'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  /** The address that `serve` prints when it is ready. */
  url(): Promise<string>
  /** How it ended: from now on it has a while for that. */
  readonly outcome: Promise<Outcome>
}

/**
 * Runs the built command line in a process of its own, with this environment and no other. `runtime` is the program that runs it, and
 * `script` another build's command line.
 */
export const run = (
  args: string[],
  env: Record<string, string> = {},
  cwd = tmpdir(),
  runtime = process.execPath,
  script = main,
): Running => {
  const child = spawn(runtime, [script, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  after(() => child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const outcome = new Promise<Outcome>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  )
  const listening = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      const address = /^listening on (\S+)$/m.exec(stdout)?.[1]
      if (address !== undefined && stdout.endsWith('\n')) resolve(address)
    })
    void outcome.then((ended) => reject(new Error(`It ended: ${JSON.stringify(ended)}`)))
  })
  listening.catch(() => undefined)
  return {
    child,
    get outcome() {
      return within(outcome, 'end of the process', 120_000)
    },
    url: () => within(listening, 'address', 60_000),
  }
}

/** Runs a command to its end. */
export const finish = (args: string[], env?: Record<string, string>, cwd?: string): Promise<Outcome> =>
  run(args, env, cwd).outcome
