// Starts the system's WebKitGTK on its own display and drives it with the few W3C WebDriver calls that the tests need.
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '../network/free-port.js'
import { childProcesses, systemProgram } from './programs.js'
import type { Tab } from './tab.js'

const driverPath = systemProgram('/usr/bin/WebKitWebDriver')
const displayPath = systemProgram('/usr/bin/Xvfb')

/** Milliseconds that the driver has to become ready. */
const TIMEOUT = 120_000

/** Milliseconds that the driver has for a call: after a test that failed, a page may answer nothing any more. */
const CALL_TIMEOUT = 60_000

/** Starts WebKit with one tab. */
export const launchWebKit = async (): Promise<Tab> => {
  const { start, stop } = childProcesses()
  // Xvfb chooses a free display and writes its number to file descriptor 3.
  const display = start(displayPath, ['-displayfd', '3', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const [number] = (await once(display.stdio[3] as Readable, 'data')) as [Buffer]
  // With port 0 the driver would not print the port that it listens on.
  const port = await freePort()
  const driver = start(driverPath, [`--port=${port}`, '--host=127.0.0.1'], {
    stdio: 'ignore',
    // Xvfb has no graphics card.
    env: { ...process.env, DISPLAY: `:${String(number).trim()}`, LIBGL_ALWAYS_SOFTWARE: '1' },
  })

  const call = async <Value>(method: string, path: string, body?: object): Promise<Value> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      signal: AbortSignal.timeout(CALL_TIMEOUT),
      ...(body && { body: JSON.stringify(body) }),
    })
    const { value } = (await response.json()) as { value: Value & { error?: string; message?: string } }
    if (!response.ok)
      throw new Error(`WebKit failed ${method} ${path}: ${value.error ?? ''} ${value.message ?? ''}`)
    return value
  }
  const deadline = Date.now() + TIMEOUT
  const status = (): Promise<unknown> =>
    call('GET', '/status').catch((error: unknown) => {
      if (Date.now() > deadline || driver.exitCode !== null) throw error
    })
  while (!(await status())) await setTimeout(50)

  const { sessionId } = await call<{ sessionId: string }>('POST', '/session', { capabilities: {} })
  const session = `/session/${sessionId}`
  return {
    goto: (url) => call('POST', `${session}/url`, { url }),
    url: () => call('GET', `${session}/url`),
    evaluate: (expression) =>
      call('POST', `${session}/execute/sync`, { script: `return ${expression}`, args: [] }),
    close: async () => {
      // The browser exits with its display.
      await call('DELETE', session).finally(stop)
    },
  }
}
