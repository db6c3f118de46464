import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'

const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

/** A command of the built package, in a process of its own. */
export interface Running {
  child: ChildProcess
  /** Resolves with what is printed on standard output, as soon as `pattern` is found in it. */
  said(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves when the process is over. */
  over: Promise<{ code: number | null; errors: string }>
}

const folders: string[] = []
const processes: Running[] = []

after(async () => {
  for (const { child } of processes) child.kill('SIGKILL')
  await Promise.all(processes.map(({ over }) => over))
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

/** An empty folder of this test's own. */
export const emptyFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-dev-'))
  folders.push(folder)
  return folder
}

/** Nothing here takes longer. */
const DEADLINE = 60_000

export const run = (...args: string[]): Running => {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  const { stdout, stderr } = child
  stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const over = once(child, 'close').then(([code]: (number | null)[]) => ({
    code: code ?? null,
    errors,
  }))
  const said = async (pattern: RegExp): Promise<RegExpExecArray> => {
    const deadline = AbortSignal.timeout(DEADLINE)
    for (;;) {
      const found = pattern.exec(output)
      if (found) return found
      if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}: ${errors}`)
      await Promise.race([once(stdout, 'data', { signal: deadline }), over])
    }
  }
  const running = { child, said, over }
  processes.push(running)
  return running
}

/** `dev` on a free port, when it is ready. */
export const runDev = async (data: string, ...args: string[]): Promise<Running & { url: string }> => {
  const running = run('dev', '--port', '0', '--data', data, ...args)
  const [, url = ''] = await running.said(/^listening on (\S+)$/m)
  return { ...running, url }
}

/** A request with any header, also those that fetch refuses to send. */
export const ask = (
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> =>
  new Promise((resolve, reject) => {
    request(url, { headers, method, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
      .on('error', reject)
      .end()
  })

/** Returns the type or the code of the first frame after a start, or `cut` if the connection is lost before one. */
export const startOver = async (url: string, start: object, origin?: string): Promise<string> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/session`, 'chat-session.v1', {
    ...(origin && { origin }),
  })
  socket.on('open', () => socket.send(JSON.stringify({ type: 'start', ...start })))
  const received = once(socket, 'message').then(([data]: Buffer[]) => {
    const { type, code } = JSON.parse(String(data)) as { type: string; code?: string }
    return code ?? type
  })
  const cut = new Promise<string>((resolve) => {
    socket.once('error', () => resolve('cut'))
    socket.once('close', () => resolve('cut'))
  })
  const outcome = await Promise.race([received, cut])
  received.catch(() => undefined)
  socket.terminate()
  return outcome
}
