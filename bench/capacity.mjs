// Reckons what many sessions need, of the figures in bench/results.json: figures.mjs writes it into docs/SCALING.md. It measures nothing.
// The assumptions are here, and the document says each of them.
import { callsPerSecond } from './calls.mjs'
import { number } from './report.mjs'

const DAY = 86_400
/** The part of a core, and of a machine's memory, that is planned with. */
const USED = 0.5

const plan = {
  sessions: 10_000_000,
  inboxMessages: 10,
  messagesPerDay: 24,
  startsPerDay: 10,
  /** How many users are watched by somebody, for presence. */
  watched: 1_000_000,
  apps: 1,
  sessionsPerGateway: 50_000,
  /** In bytes, of the machine of a master. */
  masterMemory: 32e9,
}

const MEMORY = 'stream-node-max-bytes 512'
/** The cluster whose costs are taken, with the number of its gateways when they were measured. */
const MEASURED = { name: '12 masters', masters: 12, gateways: 3 }

const whole = (value) => Math.round(value).toLocaleString('en')
const perSecond = (value) => (value < 10 ? number(value) : whole(value))

/** Returns a function that returns the median of a contestant; it throws if bench/results.json lacks the figure. */
const readerOf = (results) => (figure, name) => {
  const all = Object.values(results).flatMap(({ figures }) => figures)
  const found = all
    .find((candidate) => candidate.figure === figure)
    ?.contestants.find((contestant) => contestant.name === name)
  if (!found) throw new Error(`bench/results.json lacks ${figure}, ${name}.`)
  return found.median
}

/** Rounds down to two digits, because a plan is no measurement. */
const roughly = (value) => {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1)
  return Math.floor(value / unit) * unit
}

const tenMillion = (results) => {
  const median = readerOf(results)
  const redis = (figure) => median(figure, `Redis, ${MEASURED.name}`)
  const ofGateways = (figure) => median(figure, `gateways, ${MEASURED.name}`)
  const { sessions, inboxMessages, watched, apps } = plan
  const gateways = sessions / plan.sessionsPerGateway
  const [user, inbox, message] = ['redis-user', 'redis-inbox', 'redis-message'].map((figure) =>
    median(figure, MEMORY),
  )
  const userBytes = sessions * user
  const inboxBytes = sessions * (inbox + (inboxMessages - 1) * message)
  const bytes = userBytes + inboxBytes
  const mastersByMemory = Math.ceil(bytes / (plan.masterMemory * USED))

  const messages = (sessions * plan.messagesPerDay) / DAY
  const starts = (sessions * plan.startsPerDay) / DAY
  const messageCores = (messages * redis('cluster-message')) / 1e6
  const startCores = (starts * redis('cluster-start')) / 1e6
  const idle = results.cluster.figures
    .find(({ figure }) => figure === 'cluster-idle')
    .contestants.find(({ name }) => name === `Redis, ${MEASURED.name}`)?.median
  const idleCores = idle === undefined ? 0 : (sessions * idle) / 1e6
  // Without users no app sends, and nobody is watched.
  const callsMeasured = callsPerSecond({ ...MEASURED, apps: 0, watched: 0 }, [])
  const perCall = ((redis('cluster-none') - redis('cluster-bare')) * 1_000) / callsMeasured
  const bareCores = redis('cluster-bare') / 1_000 / MEASURED.masters
  const callsOf = (masters) => callsPerSecond({ gateways, masters, apps: 0, watched }, [])
  // The counts of an app are read in all partitions at once, which costs less than as many calls on their own.
  const readings = callsPerSecond({ gateways, masters: 0, apps, watched }, []) - callsOf(0)
  const countCores = (readings * redis('cluster-counts')) / 1e6
  const coresOf = (masters) =>
    messageCores +
    startCores +
    idleCores +
    countCores +
    (callsOf(masters) * perCall) / 1e6 +
    masters * bareCores
  let mastersByCpu = 1
  while (coresOf(mastersByCpu) > mastersByCpu * USED) {
    if (++mastersByCpu > 1_024) throw new Error('More masters than partitions would be needed.')
  }
  const masters = Math.max(mastersByMemory, mastersByCpu)
  const gatewayCores = (messages * ofGateways('cluster-message') + starts * ofGateways('cluster-start')) / 1e6

  const gigabytes = (value) => `${number(value / 1e9)} GB`
  const cores = (value) => `${number(value)} cores`
  const rows = [
    ['memory of users', `${whole(sessions)} × ${whole(user)} bytes`, gigabytes(userBytes)],
    [
      'memory of inboxes',
      `${whole(sessions)} × (${whole(inbox)} + ${inboxMessages - 1} × ${whole(message)}) bytes`,
      gigabytes(inboxBytes),
    ],
    [
      'masters by memory',
      `${gigabytes(bytes)} ÷ half of ${gigabytes(plan.masterMemory)}`,
      whole(mastersByMemory),
    ],
    [
      'CPU for messages',
      `${whole(messages)} a second × ${number(redis('cluster-message'))} µs`,
      cores(messageCores),
    ],
    ['CPU for starts', `${whole(starts)} a second × ${number(redis('cluster-start'))} µs`, cores(startCores)],
    [
      'CPU for idle sessions',
      idle === undefined ? 'below the noise' : `${whole(sessions)} × ${number(idle)} µs a second`,
      idle === undefined ? 'none' : cores(idleCores),
    ],
    [
      'CPU for counts of the app',
      `${whole(readings)} a second × ${number(redis('cluster-counts'))} µs`,
      cores(countCores),
    ],
    [
      'CPU for other calls without users',
      `${whole(callsOf(masters))} a second × ${number(perCall)} µs`,
      cores((callsOf(masters) * perCall) / 1e6),
    ],
    [
      'CPU of idle masters',
      `${whole(masters)} × ${number(bareCores * 1_000)} ms a second`,
      cores(masters * bareCores),
    ],
    ['masters by CPU', `${cores(coresOf(mastersByCpu))} ÷ half a core`, whole(mastersByCpu)],
    ['**masters**', 'the greater of both', `**${whole(masters)}**, with ${gigabytes(bytes / masters)} each`],
    ['CPU of gateways', 'messages and starts, as above', cores(gatewayCores)],
    [
      '**gateways**',
      `${whole(sessions)} ÷ ${whole(plan.sessionsPerGateway)}`,
      `**${whole(gateways)}**, and some more`,
    ],
  ]
  return [
    '| need | arithmetic | result |',
    '| --- | --- | --- |',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n')
}

/** How many of these operations a second half a core of these servers carries. */
const carried =
  (figure, ...names) =>
  (results) => {
    const most = Math.max(...names.map((name) => readerOf(results)(figure, name)))
    return perSecond(roughly((USED * 1e6) / most))
  }

/** What a document may show by its name: a table or a number. */
const shown = {
  'ten million sessions': (results) => `\n\n${tenMillion(results)}\n\n`,
  'messages of a master': carried('cluster-message', `Redis, ${MEASURED.name}`),
  'starts of a master': carried('cluster-start', `Redis, ${MEASURED.name}`),
  'messages of a lone gateway': carried('nodes-message', 'one gateway'),
  'messages of a gateway': carried('cluster-message', 'gateways, 3 masters', 'gateways, 12 masters'),
}

/** Returns what is shown under a name; undefined if bench/results.json lacks a figure for it. */
export const capacityOf = (results, name) => {
  if (!results.nodes || !results.cluster || !results['redis-memory']) return undefined
  return shown[name](results)
}
