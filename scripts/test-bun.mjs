// Runs tests on Bun, with Bun's own test runner, one process a file: node scripts/test-bun.mjs FOLDER-OR-FILE…
// It prints the tests that it leaves out, and why. test/system/transports has the cases of sockets for both runtimes; with Redis,
// `npm run test:redis-faults-bun` runs gateways on Bun.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { testFiles } from './test-files.mjs'

const bun = fileURLToPath(new URL('../node_modules/.bin/bun', import.meta.url))
/** Milliseconds that one test may take. */
const TIMEOUT = 120_000
/** Processes at once. */
const AT_ONCE = 6

const ONLY_NODE = "it tests Node's own sockets"
const BUN_SOCKETS = 'Bun has no such limit (docs/NODE-AND-BUN.md)'
const CLIENT = 'its client runs on Bun, and behaves otherwise there'
const NEEDS_V8 = "it needs V8's garbage collector"

/** The tests that are left out, by file: parts of their names, and why. Without names, the file is left out. */
const leftOut = {
  'test/system/attacks/admin.test.ts': [
    [
      [
        'a megabyte of pipelined requests',
        'strangers who send nothing',
        'sockets take no place from another address',
      ],
      BUN_SOCKETS,
    ],
  ],
  'test/system/attacks/overload/control-frames.test.ts': [
    [['a client that floods WebSocket pings'], 'Bun answers each ping by itself'],
  ],
  'test/system/attacks/handshake.test.ts': [
    [
      ['a handshake with any lines', 'bytes that are no HTTP'],
      'Bun closes a connection with a part of a request, or with no HTTP, without a status',
    ],
  ],
  'test/system/attacks/reload.test.ts': [
    [['a config module that waits for ever'], 'on Bun the reload of such a module is no error'],
  ],
  'test/system/attacks/servers.test.ts': [[null, ONLY_NODE]],
  'test/engine/embedded/memory.test.ts': [[null, NEEDS_V8]],
  'test/gateway/admin/admin-server.test.ts': [[['a body that is too large, or of unknown length'], CLIENT]],
  'test/gateway/auth/authenticate-url.test.ts': [[['requests that never end free their places'], CLIENT]],
  'test/gateway/connection/leaks.test.ts': [
    [
      [
        'frames that wait for `started` take',
        'takes no more memory than its text',
        'takes little more memory than its text',
      ],
      NEEDS_V8,
    ],
  ],
  'test/gateway/sessions/messages/delivery.test.ts': [
    [['take no more memory than their text', 'take a bounded memory'], NEEDS_V8],
  ],
  'test/gateway/sessions/messages/posted-sends.test.ts': [
    [['takes no more memory than its text', 'take no more memory than their text'], NEEDS_V8],
  ],
  'test/gateway/http/header-count.test.ts': [[['the body of a request with an upgrade and'], ONLY_NODE]],
  'test/gateway/http/pipelining.test.ts': [[null, ONLY_NODE]],
  'test/gateway/limits/connection-limits.test.ts': [
    [['silent sockets beyond the limit of a second', 'each request on a proxy'], BUN_SOCKETS],
  ],
  'test/system/attacks/overload/waiting-calls.test.ts': [
    [['64 calls of an app run at once'], "Bun's fetch opens 256 connections at most"],
  ],
  'test/gateway/sessions/profiles.test.ts': [
    [['too many `profile` frames at once'], 'Bun handles each frame to its end before the next: none waits'],
  ],
  'test/gateway/sessions/resuming.test.ts': [[['no more of a page is sent than'], ONLY_NODE]],
  'test/gateway/transports/fragments.test.ts': [[null, BUN_SOCKETS]],
  'test/gateway/transports/stream/attached.test.ts': [
    [['the socket of a stream takes no later request'], "Bun's server writes no such header"],
  ],
  'test/gateway/transports/frames/frame-reader.test.ts': [
    [
      ['the same bytes in the same chunks'],
      'Bun puts a `ws` of its own, without a receiver, in place of the package',
    ],
  ],
  'test/gateway/transports/half-close.test.ts': [[null, BUN_SOCKETS]],
}

// All of the list, whichever files run: the first ring of CI runs one, and would not see that the others' names have gone.
for (const [file, tests] of Object.entries(leftOut)) {
  if (!existsSync(file)) throw new Error(`There is no ${file}: take it off the list.`)
  const text = readFileSync(file, 'utf8')
  for (const part of tests.flatMap(([parts]) => parts ?? []))
    if (!text.includes(part)) throw new Error(`${file} has no test "${part}": take it off the list.`)
}

const files = testFiles(process.argv.slice(2))

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Returns the arguments for a file; undefined if it is left out. */
const argumentsOf = (file) => {
  const names = []
  for (const [parts, why] of leftOut[file] ?? []) {
    names.push(...(parts ?? []).map(escape))
    console.log(`left out: ${file}${parts ? `, "${parts.join('", "')}"` : ''}: ${why}`)
    if (!parts) return undefined
  }
  const others = names.length > 0 ? ['-t', `^(?!.*(${names.join('|')}))`] : []
  return ['test', '--timeout', String(TIMEOUT), ...others, `./${file}`]
}

const counts = { pass: 0, fail: 0 }

const run = (file) =>
  new Promise((resolve) => {
    const args = argumentsOf(file)
    if (!args) return resolve()
    const child = spawn(bun, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', () => {
      console.error('Bun is missing: `npm ci` installs the package bun for this system.')
      process.exit(1)
    })
    child.on('close', (code) => {
      const numberOf = (what) => Number(new RegExp(`^ *(\\d+) ${what}$`, 'm').exec(output)?.[1] ?? 0)
      const [pass, fail] = [numberOf('pass'), numberOf('fail')]
      counts.pass += pass
      // A file that ends with an error besides its tests has failed too.
      counts.fail += fail || (code === 0 && pass > 0 ? 0 : 1)
      console.log(`${code === 0 ? 'ok' : 'FAILED'} ${file}: ${pass} passed, ${fail} failed`)
      if (code !== 0) console.log(output)
      resolve()
    })
  })

const waiting = [...files]
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) await run(file)
  }),
)
// As Node's test runner says it.
console.log(`ℹ pass ${counts.pass}\nℹ fail ${counts.fail}`)
process.exit(counts.fail === 0 ? 0 : 1)
