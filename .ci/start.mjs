// Types the README's start command, looks at the pages it prints, and stops it as a person does: with Ctrl+C.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { readmeCommand } from './readme-command.mjs'

const LIMIT = 300_000

const child = spawn('bash', ['-c', await readmeCommand('start')], {
  detached: true,
  stdio: ['ignore', 'pipe', 'inherit'],
})
const exited = once(child, 'exit')
const stop = (signal) => process.kill(-child.pid, signal)
const limit = setTimeout(() => stop('SIGKILL'), LIMIT)

/** The addresses that it prints, by what they are of. */
const addresses = {}
for await (const line of createInterface(child.stdout)) {
  console.log(line)
  const [, name, url] = /(playground|demo)\b.*?(http:\S+)/i.exec(line) ?? []
  if (name) addresses[name.toLowerCase()] = url
  if (addresses.playground && addresses.demo) break
}

let good = Boolean(addresses.playground && addresses.demo)
for (const [name, url] of Object.entries(addresses)) {
  const response = await fetch(url)
  const text = await response.text()
  const page = response.ok && /<html/i.test(text)
  console.log(`${name}: ${response.status}, ${text.length} characters`)
  good &&= page
}
stop('SIGINT')
await exited
clearTimeout(limit)
process.exit(good ? 0 : 1)
