// Starts the system's Firefox ESR and drives it with the few W3C WebDriver BiDi commands that the tests need.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { WebSocket } from 'ws'
import { childProcesses, systemProgram } from './programs.js'
import type { Tab } from './tab.js'

interface Reply {
  id: number
  type: 'success' | 'error'
  result: unknown
  error?: string
  message?: string
}
interface Context {
  context: string
  url: string
}
interface Evaluation {
  result: { value?: string }
  exceptionDetails?: { text: string }
}

const path = systemProgram('/usr/bin/firefox-esr')

/** Returns the WebSocket address that Firefox prints when it is ready. */
const addressFrom = async (output: Readable): Promise<string> => {
  for await (const line of createInterface(output)) {
    const address = /BiDi listening on (\S+)/.exec(line)?.[1]
    if (address) return address
  }
  throw new Error('Firefox ended before it was ready.')
}

/** Opens a BiDi connection. Returns a function that sends a command and resolves with its result. */
const connect = async (
  address: string,
): Promise<<Result>(method: string, params: object) => Promise<Result>> => {
  const socket = new WebSocket(address)
  await once(socket, 'open')
  const pending = new Map<number, (reply: Reply) => void>()
  socket.on('message', (data: Buffer) => {
    const reply = JSON.parse(data.toString()) as Reply
    pending.get(reply.id)?.(reply)
    pending.delete(reply.id)
  })
  let id = 0
  return <Result>(method: string, params: object) =>
    new Promise<Result>((resolve, reject) => {
      id += 1
      pending.set(id, ({ type, result, error, message }) => {
        if (type === 'success') resolve(result as Result)
        else reject(new Error(`Firefox failed ${method}: ${error ?? ''} ${message ?? ''}`))
      })
      socket.send(JSON.stringify({ id, method, params }))
    })
}

/** Starts Firefox with one tab. */
export const launchFirefox = async (): Promise<Tab> => {
  const { start, stop } = childProcesses()
  const profile = await mkdtemp(join(tmpdir(), 'chat-session-firefox-'))
  const firefox = start(
    path,
    ['--headless', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const output = firefox.stderr
  if (!output) throw new Error('Firefox has no standard error.')
  const command = await connect(`${await addressFrom(output)}/session`)
  output.resume()

  await command('session.new', { capabilities: {} })
  const tab = async (): Promise<Context> => {
    const tree = await command<{ contexts: Context[] }>('browsingContext.getTree', { maxDepth: 0 })
    const [first] = tree.contexts
    if (!first) throw new Error('Firefox has no tab.')
    return first
  }
  const { context } = await tab()
  return {
    goto: (url) => command('browsingContext.navigate', { context, url, wait: 'complete' }),
    url: async () => (await tab()).url,
    evaluate: async (expression) => {
      const { result, exceptionDetails } = await command<Evaluation>('script.evaluate', {
        // BiDi has its own format for values. JSON text needs no conversion.
        expression: `(async () => JSON.stringify(await (${expression})))()`,
        target: { context },
        awaitPromise: true,
      })
      if (exceptionDetails) throw new Error(exceptionDetails.text)
      return result.value === undefined ? undefined : (JSON.parse(result.value) as unknown)
    },
    close: async () => {
      const exited = once(firefox, 'exit')
      await command('browser.close', {})
        .then(() => exited)
        .finally(stop)
      // Firefox's child processes may still write to the profile.
      await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
    },
  }
}
