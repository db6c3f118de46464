import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { within } from '../raw-client.js'

const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  /** The address that `serve` or `dev` prints when it is ready. */
  url(): Promise<string>
  /** What was printed on standard error so far. */
  errorOutput(): string
  /** Resolves with the match as soon as `pattern` matches what was printed on standard output. Rejects if the process ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** How the process ended. Whoever awaits it gives the process some time to end. */
  readonly outcome: Promise<Outcome>
  /** Sends SIGTERM. Resolves with how the process ended. */
  stop(): Promise<Outcome>
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
  const ended = (): Promise<Outcome> => within(outcome, 'end of the process', 120_000)
  const find = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(stdout)
      if (found) return found
      const next = await Promise.race([outcome, once(child.stdout, 'data')])
      if ('code' in next) throw new Error(`It ended: ${JSON.stringify(next)}`)
    }
  }
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    within(find(pattern), `output like ${String(pattern)}`, 60_000)
  return {
    child,
    get outcome() {
      return ended()
    },
    stop() {
      child.kill('SIGTERM')
      return ended()
    },
    printed,
    errorOutput: () => stderr,
    url: async () => (await printed(/^listening on (\S+)\n/m))[1] ?? '',
  }
}

/** Runs a command to its end. */
export const finish = (args: string[], env?: Record<string, string>, cwd?: string): Promise<Outcome> =>
  run(args, env, cwd).outcome
