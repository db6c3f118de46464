// The system's Firefox ESR, driven by the few commands of W3C WebDriver BiDi that tests need.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
import { installed, programs } from './installed.mjs'

const path = installed('/usr/bin/firefox-esr')

/** Starts Firefox with one tab. */
export const launchFirefox = async () => {
  const { start, stop } = programs()
  const profile = await mkdtemp(join(tmpdir(), 'chat-session-firefox-'))
  const firefox = start(
    path,
    ['--headless', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let address
  for await (const line of createInterface(firefox.stderr)) {
    address = /BiDi listening on (\S+)/.exec(line)?.[1]
    if (address) break
  }
  if (!address) throw new Error('Firefox ended before it could be driven.')
  firefox.stderr.resume()

  const socket = new WebSocket(`${address}/session`)
  await once(socket, 'open')
  const waiting = new Map()
  socket.on('message', (data) => {
    const { id, type, result, error, message } = JSON.parse(data)
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (type === 'success') resolve(result)
    else reject(new Error(`Firefox says ${error}: ${message}`))
  })
  let commands = 0
  const command = (method, params) =>
    new Promise((resolve, reject) => {
      commands += 1
      waiting.set(commands, { resolve, reject })
      socket.send(JSON.stringify({ id: commands, method, params }))
    })

  await command('session.new', { capabilities: {} })
  const tab = async () => (await command('browsingContext.getTree', { maxDepth: 0 })).contexts[0]
  const { context } = await tab()
  return {
    goto: (url) => command('browsingContext.navigate', { context, url, wait: 'complete' }),
    url: async () => (await tab()).url,
    evaluate: async (expression) => {
      const { result, exceptionDetails } = await command('script.evaluate', {
        // The protocol has a form of its own for values.
        expression: `(async () => JSON.stringify(await (${expression})))()`,
        target: { context },
        awaitPromise: true,
      })
      if (exceptionDetails) throw new Error(exceptionDetails.text)
      return result.value === undefined ? undefined : JSON.parse(result.value)
    },
    close: async () => {
      const ended = once(firefox, 'exit')
      await command('browser.close', {})
      await ended
      stop()
      // Its processes may still be at it.
      await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
    },
  }
}
