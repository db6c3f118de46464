/* global clearInterval, performance, setInterval */
// Measures how much each attack slows down honest sessions: node bench/attacks.mjs [--quick] [--rounds N] [--server KIND] [NAME]…
import { execFileSync, fork, spawn } from 'node:child_process'
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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    /** own, tls, attached or attached-tls. */
    server: { type: 'string', default: 'own' },
  },
})
const { quick: isQuick, server: kind } = values
const isTls = kind.endsWith('tls')
const scheme = isTls ? 'wss' : 'ws'
/** Calm runs, each with an attacked one after it. Their medians count: one pause of the machine must not make a figure. */
const ROUNDS = Number(values.rounds ?? (isQuick ? 2 : 5))
/** Seconds of a calm run and of an attacked one. */
const SECONDS = isQuick ? 1.5 : 4
/** Milliseconds in which the gateway closes what an attack has left. */
const SETTLE = 1_000
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
  const file = join(folder, 'config.json')
  const pems = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const [cert, key] = pems
  if (isTls) {
    execFileSync(
      'openssl',
      // prettier-ignore
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
       '-subj', '/CN=localhost', '-keyout', key, '-out', cert],
      { stdio: 'ignore' },
    )
    if (kind === 'tls') config.listen.tls = { cert, key }
  }
  await writeFile(file, JSON.stringify(config))
  const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url))
  const command = kind.startsWith('attached')
    ? [pathOf('host.mjs'), file, ...(isTls ? pems : [])]
    : [pathOf('../dist/cli/main.js'), 'serve', '--config', file]
  const child = spawn(
    'sh',
    [
      '-c',
      'ulimit -n "$0" && exec "$@"',
      String(files),
      process.execPath,
      '--max-old-space-size=1024',
      ...command,
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

/** Lets pairs exchange messages and new sessions start for this many seconds. Returns the measurements. */
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
    const result = await withTimeout(openSession('chat-session', port, token, scheme).catch(() => 'failed'))
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

/** Seconds of an attack. It begins a little earlier than the measurement, and goes on while what was sent late is answered. */
const ATTACK_SECONDS = SECONDS + 0.5

const sum = (runs, what) => runs.reduce((total, run) => total + run[what], 0)
const medianOf = (runs, what) => median(runs.map((run) => run[what]))

const runAttack = (name) =>
  withGateway(attacks[name].gateway ?? {}, async ({ port, pid, isAlive }) => {
    const attacker = fork(new URL('attackers.mjs', import.meta.url), [name])
    try {
      await order(attacker, { do: 'prepare', port, scheme, seconds: 10, isQuick })
      const pairs = await openPairs('chat-session', port, PAIRS, scheme)
      for (const { sender, recipient } of pairs)
        for (const socket of [sender, recipient]) socket.on('error', () => undefined)
      await measure(pairs, port, 2)
      const before = await peakOf(pid)
      const [calm, beside, busy] = [[], [], []]
      let answers = {}
      for (let round = 0; round < ROUNDS && isAlive(); round += 1) {
        calm.push(await measure(pairs, port, SECONDS))
        const [cpuBefore, began] = [await cpuOf(pid), performance.now()]
        const attacking = order(attacker, { do: 'run', port, scheme, seconds: ATTACK_SECONDS, isQuick })
        await sleep(200)
        beside.push(await measure(pairs, port, SECONDS))
        busy.push((((await cpuOf(pid)) - cpuBefore) / (performance.now() - began)) * 100_000)
        // Each report counts from the attacker's start.
        const report = await Promise.race([attacking, sleep(TIMEOUT, undefined, { ref: false })])
        answers = report?.answers ?? { ...answers, 'attacker late': 1 }
        await sleep(SETTLE)
      }
      const peak = await peakOf(pid)
      closePairs(pairs)
      return { calm, beside, before, peak, busy: Math.round(median(busy)), answers, alive: isAlive() }
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
    const token = await createToken({ appId, userId: 'known', secret })
    const socket = await openSession('chat-session', port, token)
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

const all = Object.keys(attacks).filter((name) => isTls || !attacks[name].isTls)
const names =
  positionals.length > 0 ? all.filter((name) => positionals.some((part) => name.includes(part))) : all
if (names.length === 0) throw new Error(`No attack has such a name. There are: ${all.join(', ')}.`)
console.log(
  `Server: ${kind}. ${PAIRS} pairs at ${RATE} messages a second each. ${ROUNDS} rounds of ${SECONDS} s calm and ${SECONDS} s beside the attack; medians of the rounds, × is the ratio to calm.`,
)
console.log(
  `${'attack'.padEnd(30)}${'median'.padStart(9)}${'p99'.padStart(9)}${'start'.padStart(9)}  not started  not acknowledged  refused  cut  memory before, peak    CPU`,
)
const rounded = (runs, what) => runs.map((run) => run[what].toFixed(1)).join(' ')
for (const name of names) {
  const { calm, beside, before, peak, busy, answers, alive } = await runAttack(name)
  const ratio = (what) => times(medianOf(beside, what), medianOf(calm, what)).padStart(9)
  const cells = [
    name.padEnd(30),
    ratio('median'),
    ratio('p99'),
    ratio('start'),
    `${sum(beside, 'failed')} of ${sum(beside, 'newcomers')}`.padStart(13),
    String(sum(beside, 'lost')).padStart(18),
    String(sum(beside, 'refused')).padStart(9),
    String(beside.at(-1).cut).padStart(5),
    `${before}, ${peak} MB`.padStart(22),
    `${busy} %`.padStart(7),
  ]
  console.log(cells.join('') + (alive ? '' : '  THE GATEWAY DIED'))
  console.log(
    `  calm median ${medianOf(calm, 'median').toFixed(1)} ms, start ${medianOf(calm, 'start').toFixed(1)}; p99 of each round: calm ${rounded(calm, 'p99')}, attacked ${rounded(beside, 'p99')}`,
  )
  console.log(
    `  received: ${
      Object.entries(answers)
        .map(([what, count]) => `${count} × ${what}`)
        .join(', ') || 'nothing'
    }`,
  )
}
if (positionals.length === 0 && kind === 'own') await refusals()
process.exit()
