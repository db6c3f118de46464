import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../../../src/protocol/index.js'
import { until } from '../../support/until.js'
import { conformancePackage, installSuite } from './installed.js'

interface Result {
  name: string
  section: string
  core: boolean
  rule: string
  holds: boolean
  why?: string
}

const root = new URL('../../../', import.meta.url)
const pathOf = (name: string): string => fileURLToPath(new URL(name, root))
const program = (name: string, argument = ''): string =>
  `"${process.execPath}" "${pathOf(name)}"${argument && ` "${argument}"`}`

const ours = program('demo/clients/session.mjs')

const suite = await installSuite()

const conform = async (
  client: string,
  ...args: string[]
): Promise<{ code: number | null; cases: Result[] }> => {
  const { code, stdout, stderr } = await suite('--client', client, '--json', ...args)
  assert.equal(stderr, '')
  return { code, cases: (JSON.parse(stdout) as { cases: Result[] }).cases }
}

/** The cases that do not hold, each with the reason. */
const failuresOf = (cases: readonly Result[]): string[] =>
  cases.filter(({ holds }) => !holds).map(({ name, why }) => `${name}: ${String(why)}`)

/** The names of the cases that do not hold. */
const namesOf = (cases: readonly Result[]): string[] =>
  cases.filter(({ holds }) => !holds).map(({ name }) => name)

void describe('a suite for clients', { concurrency: 4 }, () => {
  test('the package brings no package that chat-session does not bring, and the gateway is that of its version', async () => {
    const read = async (path: string) =>
      JSON.parse(await readFile(path, 'utf8')) as { dependencies: Record<string, string> }
    const { dependencies } = await read(join(conformancePackage, 'package.json'))
    const brought = (await read(pathOf('package.json'))).dependencies
    for (const [name, range] of Object.entries(dependencies))
      assert.equal(range, name === 'chat-session' ? VERSION : brought[name], name)
    const bundle = await readFile(join(conformancePackage, 'dist/main.js'), 'utf8')
    assert.match(bundle, /from "chat-session\/gateway"/)
  })

  test('--version prints the version', async () => {
    assert.deepEqual(await suite('--version'), { code: 0, signal: null, stdout: `${VERSION}\n`, stderr: '' })
  })

  test('the client of chat-session passes every case', async () => {
    const { code, cases } = await conform(ours)
    assert.deepEqual(failuresOf(cases), [])
    assert.equal(code, 0)
    assert.ok(cases.length > 50)
  })

  test('the client in Python passes the core', async () => {
    try {
      execFileSync('python3', ['--version'])
    } catch {
      assert.fail('The program python3 is missing: install the Debian package python3.')
    }
    const { code, cases } = await conform(`python3 "${pathOf('demo/clients/client.py')}"`, '--only', 'core')
    assert.deepEqual(failuresOf(cases), [])
    assert.equal(code, 0)
    assert.ok(cases.every(({ core }) => core))
  })

  test('the client in Python closes each connection before the next one', async () => {
    let requests = 0
    let open = 0
    const mostOpen: number[] = []
    // As during an outage behind a proxy, which keeps the connection of a refused handshake open.
    const server = createServer((socket) => {
      open += 1
      socket.on('error', () => undefined).on('close', () => (open -= 1))
      socket.on('data', () => {
        requests += 1
        mostOpen.push(open)
        socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const client = spawn('python3', [pathOf('demo/clients/client.py')], {
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    client.stdin.write(
      `${JSON.stringify({ type: 'start', endpoint: `http://127.0.0.1:${port}`, appId: 'app', token: 't' })}\n`,
    )
    await until('four requests', () => requests >= 4, true)
    client.kill()
    await once(client, 'close')
    server.close()
    assert.deepEqual(new Set(mostOpen), new Set([1]))
  })

  test('a client that does nothing passes no case, and the README of the suite has a row for each', async () => {
    const idle = `"${process.execPath}" -e "console.log('{\\"type\\":\\"ready\\"}'); process.stdin.resume()"`
    const { code, cases } = await conform(idle, '--timeout', '0.5')
    assert.equal(code, 1)
    assert.deepEqual(
      cases.filter(({ holds }) => holds),
      [],
    )
    const page = await readFile(join(conformancePackage, 'README.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `([\w-]+)` +\| (yes|no) +\| (.*?) +\|$/gm)]
    assert.deepEqual(
      rows.map(([, name, core, rule]) => ({ name, core: core === 'yes', rule })),
      cases.map(({ name, core, rule }) => ({ name, core, rule })),
    )
  })

  /** A fault of a client, and the cases that find it. */
  const faults: [fault: string, ...found: string[]][] = [
    ['sends no pong', 'pong'],
    ['delivers repeated messages again', 'duplicates', 'resume'],
    ['says nothing of lost messages', 'holes', 'epoch', 'rollback'],
    ['begins a new session after a loss', 'resume', 'old-key', 'new-session'],
    ['resumes from the first message', 'resume', 'holes'],
    ['reconnects after 44xx', 'close-44xx', 'close-code'],
    ['reconnects after 1000', 'close-1000'],
    ['gives up after 45xx', 'close-others'],
    ['ignores retryAfter', 'retry-after'],
    ['starts with its first token for ever', 'refetch', 'two-rejections'],
    ['sends a message again as another one', 'resend'],
    ['forgets messages without an answer', 'resend'],
    ['goes by its own clock', 'renew', 'clocks'],
    ['has timers of 31 bits', 'far-expiry'],
    ['sends its token again', 'clocks', 'far-expiry'],
    ['sends no end', 'end'],
    ['knows only ASCII', 'text'],
    ['fails at unknown frames', 'unknown'],
    ['counts its own messages as unread', 'unread'],
    ['gives a repeated post a new number', 'stream-repeat'],
    ['posts null before its messages', 'stream', 'stream-repeat', 'stream-unknown'],
    ['reports messages without the field', 'duplicates'],
    ['starts again when it is over', 'signed-out', 'stream-close'],
  ]

  for (const [fault, ...found] of faults)
    test(`a client that ${fault} is found by ${found.join(', ')}`, async () => {
      const client = program('test/system/conformance/wrong-client.mjs', fault)
      const { code, cases } = await conform(client, '--timeout', '8', '--only', ['start', ...found].join())
      assert.equal(code, 1)
      assert.deepEqual(namesOf(cases).toSorted(), found.toSorted())
    })

  test('a client that resets the socket of a refused handshake does not end the command', async () => {
    const client = program('test/system/conformance/wrong-client.mjs', 'resets a refused handshake')
    const { code, cases } = await conform(client, '--only', 'start-frame')
    assert.deepEqual(failuresOf(cases), [])
    assert.equal(code, 0)
  })

  test('the command ends with its last case, though a step of the client may still have a day', async () => {
    const { code, cases } = await conform(ours, '--only', 'close-1000', '--timeout', '86400')
    assert.deepEqual(failuresOf(cases), [])
    assert.equal(code, 0)
  })

  test('the command ends though a process that the client has detached keeps its output open', async () => {
    const detached = new Set<Socket>()
    const server = createServer((socket) => detached.add(socket.on('error', () => undefined)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    // The detached process ends with its connection to this server.
    const client = program('test/system/conformance/detaching-client.mjs', String(port))
    const { code, cases } = await conform(client, '--only', 'start')
    assert.ok(detached.size > 0)
    for (const socket of detached) socket.destroy()
    server.close()
    assert.deepEqual(failuresOf(cases), [])
    assert.equal(code, 0)
  })

  test('the table says of each case whether it holds, and why not', async () => {
    const args = ['--timeout', '2', '--only', 'start, pong']
    const right = await suite('--client', ours, ...args)
    assert.equal(right.code, 0)
    assert.deepEqual(right.stdout.split('\n'), [
      'ok    core  start  A start has the app and the token, and names no other user.',
      'ok    core  pong   One pong answers `started`, and one pong answers each ping.',
      'core: 2 of 2 hold; all: 2 of 2 hold',
      '',
    ])
    const client = program('test/system/conformance/wrong-client.mjs', 'sends no pong')
    const wrong = await suite('--client', client, ...args)
    assert.equal(wrong.code, 1)
    assert.deepEqual(wrong.stdout.split('\n'), [
      'ok    core  start  A start has the app and the token, and names no other user.',
      'FAIL  core  pong   One pong answers `started`, and one pong answers each ping.',
      '                   → The client did not send `pong` within 2 s.',
      'core: 1 of 2 hold; all: 1 of 2 hold',
      '',
    ])
  })

  const mistakes: [what: string, args: string[], message: RegExp][] = [
    ['without a client', [], /required option '--client <command>' not specified/],
    ['with a client that is not there', ['--client', 'no-such-client-here'], /ended by itself.*not found/],
    [
      'with a client that says nothing',
      ['--client', 'cat', '--timeout', '0.5'],
      /did not report `ready` within/,
    ],
    [
      'with a client that prints no JSON',
      ['--client', 'echo hello'],
      /printed a line that is no report: hello/,
    ],
    ['with an unknown case', ['--client', ours, '--only', 'start,weather'], /no case or section "weather"/],
    ['with no time', ['--client', ours, '--timeout', '0'], /a number of seconds above 0/],
  ]

  for (const [what, args, message] of mistakes)
    test(`the suite ${what} says so, without a stack`, async () => {
      const { code, stdout, stderr } = await suite(...args)
      assert.notEqual(code, 0)
      assert.equal(stdout, '')
      assert.match(stderr, message)
      assert.doesNotMatch(stderr, /\n {4}at /)
    })
})
