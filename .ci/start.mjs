// Types the README's start command, looks at the pages it prints, and stops it as a person does: with Ctrl+C.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { readmeCommand } from './readme-command.mjs'

/** Seconds that all of it may take. */
const LIMIT = 300

const child = spawn('bash', ['-c', await readmeCommand('start')], {
  detached: true,
  stdio: ['ignore', 'pipe', 'inherit'],
})
const exited = once(child, 'exit')
const stop = (signal) => {
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    // The command has ended by itself.
    if (error.code !== 'ESRCH') throw error
  }
}
const limit = setTimeout(() => {
  console.error(`It took more than ${LIMIT} seconds.`)
  stop('SIGKILL')
}, LIMIT * 1_000)

/** Resolves with the addresses that it prints, by what they are of. */
const readAddresses = async () => {
  const addresses = {}
  for await (const line of createInterface(child.stdout)) {
    console.log(line)
    const [, name, url] = /(playground|demo)\b.*?(http:\S+)/i.exec(line) ?? []
    if (name) addresses[name.toLowerCase()] = url
    if (addresses.playground && addresses.demo) return addresses
  }
  throw new Error('The command ended before it printed the addresses of the playground and the demo.')
}

let good = true
try {
  for (const [name, url] of Object.entries(await readAddresses())) {
    const response = await fetch(url)
    const text = await response.text()
    console.log(`${name}: ${response.status}, ${text.length} characters`)
    good &&= response.ok && /<html/i.test(text)
  }
} catch (error) {
  console.error(error)
  good = false
}
stop('SIGINT')
await exited
clearTimeout(limit)
process.exit(good ? 0 : 1)
