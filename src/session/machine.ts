import {
  codeOf,
  verdictOf,
  type ClientFrameOf,
  type GatewayFrame,
  type GatewayFrameOf,
} from '../protocol/index.js'
import type { AskReason } from './options.js'

/*
 * The session as a pure function: step(state, input, world) answers the next state and what is to be done about it.
 * It holds every opinion; sockets, timers and the page feed it, and what runs its effects has none.
 *
 * Times are Unix times in milliseconds. A state holds deadlines, never timers: after each step one timer is set for
 * the earliest of them (`deadlineOf`), and when it fires the machine judges by the clock.
 */

/** Why something went wrong, as data; `SessionError` is made of it. */
export interface Fault {
  code: string
  message?: string | undefined
  retryable?: boolean | undefined
  retryAfter?: number | undefined
}

/** What `started` told. */
export type Facts = GatewayFrameOf<'started'>

/** Where the attempt's socket is. `until` is when to open one, or when to give this one up. */
export type Line =
  | { at: 'none' }
  | { at: 'pause'; until: number }
  /** Opening with the start in the handshake; opening without; open, but nothing to prove with yet; start sent. */
  | { at: 'calling' | 'opening' | 'open' | 'greeted'; until: number }

/** How far the proof of who the user is has come. One that was asked for is `fresh`, and counts when it is refused. */
export type Proof = { at: 'held' | 'fresh' | 'asked' } | { at: 'pause'; until: number; reason: AskReason }

/** What both a connecting and a live session remember. */
interface Memory {
  /** Counts sockets: what a former one still says is told apart by it. */
  attempt: number
  /** Attempts that failed since a connection last lived for a while. */
  failures: number
  /** Asks for credentials that failed in a row. */
  misses: number
  /** Fresh credentials that were refused in a row. */
  refusals: number
  /** The start goes as the first frame: something on the way did not like it in the header. */
  plain: boolean
  /** When the credentials lapse, as far as is known. */
  lapsesAt: number | null
  /** The gateway's last word on this connection: its close follows. */
  farewell: Fault | null
}

export interface Connecting extends Memory {
  name: 'starting' | 'reconnecting'
  line: Line
  proof: Proof
  /** Why the last attempt failed. */
  error: Fault | null
  facts: Facts | null
}

export interface Active extends Memory {
  name: 'active'
  facts: Facts
  /** Without a frame until then, the connection is dead. */
  silentAt: number
  /** When the connection has lived long enough for its failures to be forgotten. */
  settledAt: number | null
  /** The fresh token: when it will be asked for, that it is, or that it was sent (`asked`: by an answer to an ask). */
  renewal:
    { at: 'due'; time: number; reason: AskReason } | { at: 'asked' } | { at: 'sent'; asked: boolean } | null
}

export type State =
  | { name: 'idle' }
  | Connecting
  | Active
  | { name: 'ended'; error: Fault | null }
  | { name: 'failed'; error: Fault }

export type Input =
  | { type: 'start' }
  | { type: 'end' }
  /** Credentials were set from outside. */
  | { type: 'credentials' }
  /** What came of an ask: credentials, signed out, nobody who could tell, or a failure to try again after. */
  | { type: 'answer'; answer: 'fresh' | 'signed-out' | 'nobody' | 'failed' }
  | { type: 'opened'; attempt: number }
  | { type: 'frame'; attempt: number; frame: GatewayFrame }
  | { type: 'closed'; attempt: number; close: number }
  /** Trying again would not help: what is at the other end, or between, is not for this client. */
  | { type: 'barred'; attempt: number; fault: Fault }
  | { type: 'time' }
  /** The network is back, or the page is looked at again. */
  | { type: 'wake' }

export type Effect =
  /** Open a socket for `attempt`; with `greeting` the start rides in its handshake. */
  | { do: 'open'; attempt: number; greeting: boolean }
  /** Send the start as a frame. */
  | { do: 'greet' }
  /** Send the newest token on the open connection. */
  | { do: 'renew' }
  | { do: 'send'; frame: ClientFrameOf<'pong' | 'end'> }
  /** Let the socket go, without waiting for its close. */
  | { do: 'drop' }
  | { do: 'ask'; reason: AskReason }
  /** The newest credentials were accepted, or the gateway gave a token to use in their place. */
  | { do: 'keep'; token?: string | undefined }
  /** The newest credentials, or all of them, were refused or have lapsed. */
  | { do: 'discard'; what: 'newest' | 'all' }
  /** Hand a frame to the session, which tells its listeners. */
  | { do: 'deliver'; frame: GatewayFrame }
  /** Tell the listeners of something that is not the end. */
  | { do: 'report'; fault: Fault }

/** What the machine may know of the world at a step. */
export interface World {
  now: number
  /** From 0 up to, but not including, 1. */
  random: number
  /** Credentials are at hand, can be fetched, or must be asked of the page, which may have none. */
  proof: 'held' | 'fetchable' | 'none'
}

export type Step = [State, ...Effect[]]

/** Milliseconds in which an attempt has to bring `started`. */
const ATTEMPT_LIMIT = 20_000
/** A connection that lived this long has settled: its next loss is a first one. */
const SETTLED_AFTER = 10_000
/** The gateway's ping may be late by this much. */
const PING_GRACE = 10_000
/** A timer that fires later than this slept with its device: frames may be waiting behind it, and get this long. */
const OVERSLEPT = 2_000
const LONGEST_PAUSE = 30_000

/** Ends that new credentials undo. */
const curable = ['unauthenticated', 'token-expired', 'signed-out', 'no-credentials', 'revoked']

/** At once first, then anything up to a limit that doubles (full jitter), so that a crowd spreads out. */
const pauseAfter = (failures: number, { random }: World): number =>
  failures && random * Math.min(LONGEST_PAUSE, 1_000 * 2 ** (failures - 1))

const connecting = (name: Connecting['name'], memory?: Memory): Connecting => ({
  attempt: 0,
  failures: 0,
  misses: 0,
  refusals: 0,
  plain: false,
  lapsesAt: null,
  farewell: null,
  ...memory,
  name,
  line: { at: 'none' },
  proof: { at: 'held' },
  error: null,
  facts: null,
})

/** What was a session has ended; a start that never succeeded has failed. */
const over = (state: State, error: Fault, ...effects: Effect[]): Step => [
  { name: state.name === 'starting' ? 'failed' : 'ended', error },
  ...effects,
]

const hasProof = (state: Connecting): boolean => state.proof.at === 'held' || state.proof.at === 'fresh'

const open = (state: Connecting, world: World): Step => {
  const attempt = state.attempt + 1
  const greeting = hasProof(state) && !state.plain
  const line: Line = { at: greeting ? 'calling' : 'opening', until: world.now + ATTEMPT_LIMIT }
  return [
    { ...state, attempt, line, farewell: null },
    { do: 'open', attempt, greeting },
  ]
}

/** The credentials are no longer good: asks for others, and connects when they are there. */
const askAnew = (state: Connecting, error: Fault, reason: AskReason): Step => [
  { ...state, error, lapsesAt: null, line: { at: 'none' }, proof: { at: 'asked' } },
  { do: 'discard', what: 'all' },
  { do: 'ask', reason },
]

/** Connects with what there is; what there isn't is fetched while the socket opens. */
const connect = (state: Connecting, world: World): Step => {
  if (state.lapsesAt !== null && state.lapsesAt <= world.now)
    return askAnew(state, { code: 'token-expired' }, 'expiring')
  if (!hasProof(state)) return open(state, world)
  if (world.proof === 'held') return open(state, world)
  const asked: Connecting = { ...state, proof: { at: 'asked' } }
  const ask: Effect = { do: 'ask', reason: 'first' }
  if (world.proof === 'none') return [asked, ask]
  const [next, ...effects] = open(asked, world)
  return [next, ...effects, ask]
}

/** The connection is lost, or never came to be. */
const retry = (state: Connecting, error: Fault, world: World): Step => {
  if (!hasProof(state)) return [{ ...state, error, line: { at: 'none' } }]
  const wait = error.retryAfter ?? pauseAfter(state.failures, world)
  const next: Connecting = {
    ...state,
    error,
    failures: state.failures + 1,
    line: { at: 'pause', until: world.now + wait },
  }
  return wait > 0 ? [next] : connect(next, world)
}

/** What the loss of the socket means is told by the hundreds of its close code. */
const lost = (state: Connecting, close: number, world: World): Step => {
  const error = state.farewell ?? { code: codeOf(close) }
  switch (verdictOf(close)) {
    case 'retry':
      return retry(state, error, world)
    case 'renew': {
      const refusals = state.refusals + (state.proof.at === 'fresh' ? 1 : 0)
      return refusals < 2 ? askAnew({ ...state, refusals }, error, 'rejected') : over(state, error)
    }
    case 'stop':
    case 'ended':
      return over(state, error)
  }
}

/** When credentials with `life` milliseconds left lapse, and when to ask for others: a tenth before, 5 s to 60 s. */
const lifeOf = (life: number | null, { now }: World): Pick<Active, 'lapsesAt' | 'renewal'> => ({
  lapsesAt: life === null ? null : now + life,
  renewal:
    life === null
      ? null
      : { at: 'due', time: now + life - Math.min(60_000, Math.max(5_000, life / 10)), reason: 'expiring' },
})

const started = (state: Connecting, facts: Facts, world: World): Step => [
  {
    name: 'active',
    attempt: state.attempt,
    facts,
    silentAt: world.now + facts.pingInterval + PING_GRACE,
    settledAt: world.now + SETTLED_AFTER,
    failures: state.failures,
    misses: 0,
    refusals: 0,
    plain: state.plain,
    farewell: null,
    ...lifeOf(facts.expiresIn, world),
  },
  { do: 'keep', token: facts.token },
  { do: 'send', frame: { type: 'pong' } },
  { do: 'deliver', frame: facts },
]

const farewellOf = ({ code, message, retryable, retryAfter }: GatewayFrameOf<'ended'>): Fault => ({
  code,
  message,
  retryable,
  retryAfter,
})

const stepConnecting = (state: Connecting, input: Input, world: World): Step => {
  const { line, proof } = state
  switch (input.type) {
    case 'start':
      return [state]
    case 'end':
      return [
        { name: 'ended', error: null },
        ...(line.at === 'greeted' ? [{ do: 'send', frame: { type: 'end' } } as const] : []),
        { do: 'drop' },
      ]
    case 'credentials': {
      const [next, ...effects] = connect(
        { ...state, proof: { at: 'held' }, lapsesAt: null, misses: 0 },
        world,
      )
      return [next, { do: 'drop' }, ...effects]
    }
    case 'answer':
      if (proof.at !== 'asked') return [state]
      switch (input.answer) {
        case 'fresh': {
          const next: Connecting = { ...state, proof: { at: 'fresh' }, misses: 0 }
          if (line.at === 'open') return [{ ...next, line: { ...line, at: 'greeted' } }, { do: 'greet' }]
          return line.at === 'none' ? open(next, world) : [next]
        }
        case 'signed-out':
          return over(state, { code: 'signed-out' }, { do: 'drop' })
        case 'nobody':
          return over(state, state.error ?? { code: 'no-credentials' }, { do: 'drop' })
        case 'failed': {
          const misses = state.misses + 1
          const reason = state.error ? 'rejected' : 'first'
          const until = world.now + pauseAfter(misses, world)
          return [
            { ...state, misses, line: { at: 'none' }, proof: { at: 'pause', until, reason } },
            { do: 'drop' },
          ]
        }
      }
    // eslint-disable-next-line no-fallthrough -- every answer returns
    case 'opened':
      if (line.at === 'calling') return [{ ...state, line: { ...line, at: 'greeted' } }]
      if (line.at !== 'opening') return [state]
      return hasProof(state)
        ? [{ ...state, line: { ...line, at: 'greeted' } }, { do: 'greet' }]
        : [{ ...state, line: { ...line, at: 'open' } }]
    case 'frame':
      if (input.frame.type === 'started') return started(state, input.frame, world)
      return [input.frame.type === 'ended' ? { ...state, farewell: farewellOf(input.frame) } : state]
    case 'closed': {
      // A header that something on the way refuses looks like a network that is down: the next try goes without it.
      const plain = line.at === 'calling' || (line.at !== 'opening' && state.plain)
      return lost({ ...state, plain }, input.close, world)
    }
    case 'barred':
      return over(state, input.fault, { do: 'drop' })
    case 'time':
      if (proof.at === 'pause' && proof.until <= world.now)
        return [
          { ...state, proof: { at: 'asked' } },
          { do: 'ask', reason: proof.reason },
        ]
      if (line.at === 'none' || line.until > world.now) return [state]
      if (line.at === 'pause') return connect(state, world)
      return withDrop(retry(state, { code: 'timeout' }, world))
    case 'wake':
      if (proof.at === 'pause')
        return [
          { ...state, proof: { at: 'asked' } },
          { do: 'ask', reason: proof.reason },
        ]
      return line.at === 'pause' ? connect(state, world) : [state]
  }
}

/** Lets the former socket go before whatever else is done. */
const withDrop = ([next, ...effects]: Step): Step => [next, { do: 'drop' }, ...effects]

const stepActive = (state: Active, input: Input, world: World): Step => {
  const { renewal } = state
  const disconnected = (): Connecting => ({
    ...connecting('reconnecting', memoryOf(state)),
    facts: state.facts,
  })
  switch (input.type) {
    case 'end':
      return [{ name: 'ended', error: null }, { do: 'send', frame: { type: 'end' } }, { do: 'drop' }]
    case 'credentials':
      return [{ ...state, renewal: { at: 'sent', asked: false } }, { do: 'renew' }]
    case 'answer':
      if (renewal?.at !== 'asked') return [state]
      switch (input.answer) {
        case 'fresh':
          return [{ ...state, renewal: { at: 'sent', asked: true }, misses: 0 }, { do: 'renew' }]
        case 'nobody':
          return [{ ...state, renewal: null }]
        case 'signed-out':
          return over(state, { code: 'signed-out' }, { do: 'send', frame: { type: 'end' } }, { do: 'drop' })
        case 'failed': {
          const misses = state.misses + 1
          const time = world.now + pauseAfter(misses, world)
          return [{ ...state, misses, renewal: { at: 'due', time, reason: 'expiring' } }]
        }
      }
    // eslint-disable-next-line no-fallthrough -- every answer returns
    case 'frame': {
      const heard: Active = { ...state, silentAt: world.now + state.facts.pingInterval + PING_GRACE }
      return hear(heard, input.frame, world)
    }
    case 'closed':
      return lost(disconnected(), input.close, world)
    case 'barred':
      return over(state, input.fault, { do: 'drop' })
    case 'time':
      if (state.silentAt <= world.now) {
        if (world.now - state.silentAt > OVERSLEPT) return [{ ...state, silentAt: world.now + OVERSLEPT }]
        return withDrop(retry(disconnected(), { code: 'timeout' }, world))
      }
      if (renewal?.at === 'due' && renewal.time <= world.now)
        return [
          { ...state, renewal: { at: 'asked' } },
          { do: 'ask', reason: renewal.reason },
        ]
      if (state.settledAt !== null && state.settledAt <= world.now)
        return [{ ...state, settledAt: null, failures: 0 }]
      return [state]
    case 'start':
    case 'opened':
    case 'wake':
      return [state]
  }
}

const memoryOf = ({ attempt, failures, misses, refusals, plain, lapsesAt, farewell }: Memory): Memory => ({
  attempt,
  failures,
  misses,
  refusals,
  plain,
  lapsesAt,
  farewell,
})

/** What a live session makes of a frame. */
const hear = (state: Active, frame: GatewayFrame, world: World): Step => {
  switch (frame.type) {
    case 'ping':
      return [state, { do: 'send', frame: { type: 'pong' } }]
    case 'ended':
      return [{ ...state, farewell: farewellOf(frame) }]
    case 'renewed':
      return [{ ...state, refusals: 0, ...lifeOf(frame.expiresIn, world) }, { do: 'keep' }]
    case 'refused':
      return frame.re === 'token'
        ? tokenRefused(state, frame, world)
        : [state, { do: 'report', fault: frame }]
    case 'user':
      return [
        { ...state, facts: { ...state.facts, user: frame.user } },
        { do: 'deliver', frame },
      ]
    case 'unread':
      return [
        { ...state, facts: { ...state.facts, unread: frame.unread } },
        { do: 'deliver', frame },
      ]
    default:
      return [state, { do: 'deliver', frame }]
  }
}

/** The session goes on with the token it has. What an ask brought is asked for once more, then the user is out. */
const tokenRefused = (state: Active, frame: GatewayFrameOf<'refused'>, world: World): Step => {
  const discard: Effect = { do: 'discard', what: 'newest' }
  const report: Effect = { do: 'report', fault: frame }
  if (state.renewal?.at !== 'sent' || !state.renewal.asked)
    return [{ ...state, renewal: null }, discard, report]
  const refusals = state.refusals + 1
  if (refusals >= 2) return over(state, frame, { do: 'send', frame: { type: 'end' } }, { do: 'drop' })
  return [
    { ...state, refusals, renewal: { at: 'due', time: world.now, reason: 'rejected' } },
    discard,
    report,
  ]
}

export const idle: State = { name: 'idle' }

/** Decides what `input` means in `state`. Pure: the same arguments give the same answer. */
export const step = (state: State, input: Input, world: World): Step => {
  const late = 'attempt' in input && 'attempt' in state && input.attempt !== state.attempt
  if (late) return [state]
  switch (state.name) {
    case 'starting':
    case 'reconnecting':
      return stepConnecting(state, input, world)
    case 'active':
      return stepActive(state, input, world)
    case 'idle':
      return input.type === 'start' ? connect(connecting('starting'), world) : [state]
    case 'ended':
    case 'failed':
      return input.type === 'start' ||
        (input.type === 'credentials' && state.error && curable.includes(state.error.code))
        ? connect(connecting('starting'), world)
        : [state]
  }
}

/** When the state wants to be stepped with `time` next. */
export const deadlineOf = (state: State): number | null => {
  const times =
    state.name === 'active'
      ? [state.silentAt, state.settledAt, state.renewal?.at === 'due' ? state.renewal.time : null]
      : 'line' in state
        ? [
            state.line.at === 'none' ? null : state.line.until,
            state.proof.at === 'pause' ? state.proof.until : null,
          ]
        : []
  const due = times.filter((time) => time !== null)
  return due.length ? Math.min(...due) : null
}

/** When the next attempt is made, if the session waits for one. */
export const retryAtOf = (state: State): number | null =>
  !('line' in state)
    ? null
    : state.line.at === 'pause'
      ? state.line.until
      : state.proof.at === 'pause'
        ? state.proof.until
        : null
