/* global clearInterval, performance, setInterval */
// Measures how much each attack slows down honest sessions: node bench/attacks.mjs [--quick] [NAME]…
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createSignature, createToken } from '../dist/tokens/index.js'
import { WebSocket } from 'ws'
import { attacks } from './attackers.mjs'
import { appId, closePairs, median, openPairs, openSession, secret } from './setting.mjs'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean' } } })
const isQuick = values.quick ?? false
/** Seconds of a calm run and of an attack. */
const SECONDS = isQuick ? 2 : 5
const PAIRS = 40
/** Messages a second of each honest sender: half of the default rate limit. */
const RATE = 10
/** Milliseconds between two new honest sessions. */
const START_INTERVAL = 100
/** Milliseconds after which a message counts as lost, and a start as failed. */
const TIMEOUT = 15_000

const signatureSecret = 'another secret of 32 bytes, for signatures'

/** Runs `use` with a gateway of default limits, in a process as `serve` runs it, with a heap of 1 GB. */
const withGateway = async ({ files = 20_000, log = 'ignore' }, use) => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-session-attacks-'))
  const config = {
    listen: { port: 0 },
    engine: { type: 'embedded', path: join(folder, 'data') },
    drainTime: 0.2,
    apps: {
      [appId]: { environment: 'production', secrets: [secret], origins: ['http://127.0.0.1'] },
      open: { environment: 'production', guests: true, origins: ['http://127.0.0.1'] },
      signed: {
        environment: 'production',
        signatureSecrets: [signatureSecret],
        requireExpiry: false,
        origins: ['http://127.0.0.1'],
      },
    },
  }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
  const child = spawn(
    'sh',
    [
      '-c',
      'ulimit -n "$0" && exec "$@"',
      String(files),
      process.execPath,
      '--max-old-space-size=1024',
      main,
      'serve',
      '--config',
      join(folder, 'config.json'),
    ],
    // With `unread` no process reads the pipe, so it fills.
    { stdio: ['ignore', 'pipe', log === 'unread' ? 'pipe' : 'ignore'] },
  )
  const exited = once(child, 'exit')
  try {
    const lines = createInterface({ input: child.stdout })
    const [line] = await Promise.race([once(lines, 'line'), exited.then(() => [''])])
    const port = Number(/:(\d+)$/.exec(line)?.[1])
    if (!port) throw new Error('The gateway did not start.')
    return await use({
      port,
      pid: child.pid,
      isAlive: () => child.exitCode === null && child.signalCode === null,
    })
  } finally {
    child.kill('SIGKILL')
    await exited
    await rm(folder, { recursive: true, force: true })
  }
}

/** Returns the peak memory of a process in MB. Only Linux has it. */
const peakOf = async (pid) => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024)
}

/** Returns the CPU time of a process in seconds. Only Linux has it. */
const cpuOf = async (pid) => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [, , ...fields] = stat.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const withTimeout = (work) => Promise.race([work, sleep(TIMEOUT, 'late', { ref: false })])

let messageCount = 0
let newcomerCount = 0

/** Lets pairs exchange messages and new sessions start for so many seconds. Returns the measurements. */
const measure = async (pairs, port, seconds) => {
  const due = new Map()
  const took = []
  const refused = []
  const unacknowledged = new Set()
  for (const { recipient, sender } of pairs) {
    recipient.removeAllListeners('message').on('message', (data) => {
      const frame = JSON.parse(data.toString())
      if (frame.type === 'ping') recipient.send('{"type":"pong"}')
      if (frame.type !== 'message' || !due.has(frame.id)) return
      took.push(performance.now() - due.get(frame.id))
      due.delete(frame.id)
    })
    sender.removeAllListeners('message').on('message', (data) => {
      const frame = JSON.parse(data.toString())
      if (frame.type === 'ping') sender.send('{"type":"pong"}')
      if (frame.type === 'sent') unacknowledged.delete(frame.id)
      if (frame.type === 'refused') refused.push(frame.code)
    })
  }
  const starts = []
  let failed = 0
  const newcomer = async () => {
    const token = await createToken({ appId, userId: `newcomer-${newcomerCount++}`, secret })
    const began = performance.now()
    const result = await withTimeout(openSession('chat-session', port, token).catch(() => 'failed'))
    if (typeof result === 'string') return void (failed += 1)
    starts.push(performance.now() - began)
    result.terminate()
  }
  const began = performance.now()
  const newcomers = []
  let turn = 0
  const talk = setInterval(() => {
    const late = ((performance.now() - began) / 1_000) * RATE * PAIRS
    while (turn < late) {
      const { sender, to } = pairs[turn++ % PAIRS]
      if (sender.readyState !== WebSocket.OPEN) continue
      const id = `m${messageCount++}`
      due.set(id, performance.now())
      unacknowledged.add(id)
      sender.send(JSON.stringify({ type: 'send', id, to, body: 'Is the blue one still there?' }))
    }
  }, 5)
  const come = setInterval(() => newcomers.push(newcomer()), START_INTERVAL)
  await sleep(seconds * 1_000)
  clearInterval(talk)
  clearInterval(come)
  await Promise.all(newcomers)
  const deadline = performance.now() + TIMEOUT
  while ((due.size > 0 || unacknowledged.size > 0) && performance.now() < deadline) await sleep(20)
  const cut = pairs.filter(({ sender, recipient }) =>
    [sender, recipient].some(({ readyState }) => readyState !== WebSocket.OPEN),
  ).length
  const sorted = took.toSorted((one, other) => one - other)
  return {
    median: sorted[sorted.length >> 1] ?? NaN,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    start: starts.length > 0 ? median(starts) : NaN,
    failed,
    newcomers: newcomers.length,
    lost: unacknowledged.size + due.size,
    refused: refused.length,
    cut,
  }
}

const order = async (attacker, what) => {
  attacker.send(what)
  const [report] = await Promise.race([
    once(attacker, 'message'),
    once(attacker, 'exit').then(() => [{ answers: {} }]),
  ])
  return report
}

const times = (one, other) => `${(one / other).toFixed(1)} ×`

const runAttack = (name) =>
  withGateway(attacks[name].gateway ?? {}, async ({ port, pid, isAlive }) => {
    const attacker = fork(new URL('attackers.mjs', import.meta.url), [name])
    try {
      await order(attacker, { do: 'prepare', port, seconds: 10, isQuick })
      const pairs = await openPairs('chat-session', port, PAIRS)
      for (const { sender, recipient } of pairs)
        for (const socket of [sender, recipient]) socket.on('error', () => undefined)
      await measure(pairs, port, 1)
      const calm = await measure(pairs, port, SECONDS)
      const before = await peakOf(pid)
      const [cpuBefore, began] = [await cpuOf(pid), performance.now()]
      const attacking = order(attacker, { do: 'run', port, seconds: SECONDS + 1, isQuick })
      await sleep(200)
      const beside = await measure(pairs, port, SECONDS)
      const cpu = (await cpuOf(pid)) - cpuBefore
      const busy = Math.round((cpu / (performance.now() - began)) * 100_000)
      const { answers } = await Promise.race([
        attacking,
        sleep(TIMEOUT, { answers: { 'attacker late': 1 } }, { ref: false }),
      ])
      const peak = await peakOf(pid)
      closePairs(pairs)
      return { calm, beside, before, peak, busy, answers, alive: isAlive() }
    } finally {
      attacker.kill()
    }
  })

/** Returns the list in random order, because the position in a round affects the time. */
const shuffle = (list) =>
  list
    .map((item) => [Math.random(), item])
    .toSorted(([one], [other]) => one - other)
    .map(([, item]) => item)

/** Measures how long the refusal of each kind of start takes, in turn. Returns the medians and the texts of the refusals. */
const compareRefusals = async (port, kinds, rounds) => {
  const took = kinds.map(() => [])
  const words = kinds.map(() => new Set())
  for (let round = 0; round < rounds; round += 1)
    for (const [index, { make }] of shuffle([...kinds.entries()])) {
      const start = await make(round)
      const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/session`, 'chat-session.v1')
      await once(socket, 'open')
      const began = performance.now()
      const ended = once(socket, 'message')
      socket.send(JSON.stringify({ type: 'start', ...start }))
      const [data] = await ended
      took[index].push(performance.now() - began)
      const { code, message } = JSON.parse(data.toString())
      const [close] = await once(socket, 'close')
      words[index].add(`${close} ${code}: ${message}`)
    }
  return kinds.map(({ what }, index) => ({
    what,
    median: median(took[index]),
    words: [...words[index]].join(' | '),
  }))
}

const refusals = () =>
  withGateway({}, async ({ port }) => {
    const { socket } = {
      socket: await openSession('chat-session', port, await createToken({ appId, userId: 'known', secret })),
    }
    const forged = (userId) =>
      createToken({ appId, userId, secret: 'a secret that the gateway does not know' })
    const wrong = (round) => createSignature(`x${round}`, 'a secret that the gateway does not know')
    const signed = (userId) => async (round) => ({
      appId: 'signed',
      userId: userId(round),
      signature: await wrong(round),
    })
    // The user `known` of the app `signed` has started, too.
    const signature = await createSignature('known', signatureSecret)
    const known = new WebSocket(`ws://127.0.0.1:${port}/v1/session`, 'chat-session.v1')
    await once(known, 'open')
    known.send(JSON.stringify({ type: 'start', appId: 'signed', userId: 'known', signature }))
    await once(known, 'message')
    const rounds = isQuick ? 200 : 1_000
    const rows = await compareRefusals(
      port,
      [
        { what: 'wrong token, known user', make: async () => ({ appId, token: await forged('known') }) },
        { what: 'the same again (noise)', make: async () => ({ appId, token: await forged('known') }) },
        {
          what: 'wrong token, unknown user',
          make: async (round) => ({ appId, token: await forged(`x${round}`) }),
        },
        { what: 'wrong signature, known user', make: signed(() => 'known') },
        { what: 'wrong signature, unknown user', make: signed((round) => `n${round % 10}xyz`.slice(0, 5)) },
        { what: 'unknown app', make: async () => ({ appId: 'nothing', token: await forged('known') }) },
      ],
      rounds,
    )
    for (const one of [socket, known]) one.terminate()
    console.log(`\nrefused starts, medians of ${rounds} in turn`)
    for (const { what, median: middle, words } of rows)
      console.log(
        `${what.padEnd(32)}${middle.toFixed(3)} ms  ${(middle / rows[0].median).toFixed(2)} ×  ${words}`,
      )
  })

const names = positionals.length > 0 ? positionals : Object.keys(attacks)
console.log(
  `${PAIRS} pairs at ${RATE} messages a second each, ${SECONDS} s calm and ${SECONDS} s beside each attack; × is the ratio to the calm run`,
)
console.log(
  `${'attack'.padEnd(30)}${'median'.padStart(9)}${'p99'.padStart(9)}${'start'.padStart(9)}  not started  not acknowledged  refused  cut  memory before, peak    CPU`,
)
for (const name of names) {
  const { calm, beside, before, peak, busy, answers, alive } = await runAttack(name)
  const cells = [
    name.padEnd(30),
    times(beside.median, calm.median).padStart(9),
    times(beside.p99, calm.p99).padStart(9),
    times(beside.start, calm.start).padStart(9),
    `${beside.failed} of ${beside.newcomers}`.padStart(13),
    String(beside.lost).padStart(18),
    String(beside.refused).padStart(9),
    String(beside.cut).padStart(5),
    `${before}, ${peak} MB`.padStart(22),
    `${busy} %`.padStart(7),
  ]
  console.log(cells.join('') + (alive ? '' : '  THE GATEWAY DIED'))
  console.log(
    `  calm ${calm.median.toFixed(1)} ms, p99 ${calm.p99.toFixed(1)}, start ${calm.start.toFixed(1)}; received: ${
      Object.entries(answers)
        .map(([what, count]) => `${count} × ${what}`)
        .join(', ') || 'nothing'
    }`,
  )
}
if (positionals.length === 0) await refusals()
process.exit()
