// The system's WebKitGTK, driven by the few calls of W3C WebDriver that tests need, on a display of its own.
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './free-port.mjs'
import { installed, programs } from './installed.mjs'

const driverPath = installed('/usr/bin/WebKitWebDriver')
const displayPath = installed('/usr/bin/Xvfb')

/** Milliseconds that the driver may take until it answers. */
const PATIENCE = 120_000

/** Starts WebKit with one tab. */
export const launchWebKit = async () => {
  const { start, stop } = programs()
  // It takes a display that is free, and tells which.
  const display = start(displayPath, ['-displayfd', '3', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const [number] = await once(display.stdio[3], 'data')
  // The driver takes no port 0: it would not tell which one it has.
  const port = await freePort()
  const driver = start(driverPath, [`--port=${port}`, '--host=127.0.0.1'], {
    stdio: 'ignore',
    // The display has no graphics card.
    env: { ...process.env, DISPLAY: `:${String(number).trim()}`, LIBGL_ALWAYS_SOFTWARE: '1' },
  })

  const call = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    })
    const { value } = await response.json()
    if (!response.ok) throw new Error(`WebKit says ${value.error}: ${value.message}`)
    return value
  }
  const deadline = Date.now() + PATIENCE
  const ready = () =>
    call('GET', '/status').catch((error) => {
      if (Date.now() > deadline || driver.exitCode !== null) throw error
    })
  while (!(await ready())) await setTimeout(50)

  const { sessionId } = await call('POST', '/session', { capabilities: {} })
  const session = `/session/${sessionId}`
  return {
    goto: (url) => call('POST', `${session}/url`, { url }),
    url: () => call('GET', `${session}/url`),
    evaluate: (expression) =>
      call('POST', `${session}/execute/sync`, { script: `return ${expression}`, args: [] }),
    close: async () => {
      await call('DELETE', session)
      // The browser ends with its display.
      stop()
    },
  }
}
