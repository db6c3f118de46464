import { closeAction, codeOfClose, pageCloseCodes } from '../../protocol/index.js'
import { first, heardNow, leave, lifeOf, over, pauseAfter, reportMiss } from './policy.js'
import type {
  Active,
  AskReason,
  Connecting,
  Effect,
  Facts,
  Fault,
  Input,
  Line,
  Memory,
  Step,
  World,
} from './state.js'

/** Milliseconds in which an attempt has to bring `started`. */
const ATTEMPT_LIMIT = 20_000
/**
 * Firefox closes a page's sockets with 1001 as soon as a navigation begins. Most pages are gone after so many
 * milliseconds; one whose link was a download stays.
 */
const LEAVING = { close: pageCloseCodes.leaving, pause: 1_000 }
/** A connection that lived this long has settled: its next loss is a first one. */
const SETTLED_AFTER = 10_000

const nothing: Memory = {
  attempt: 0,
  failures: 0,
  misses: 0,
  refusals: 0,
  plain: false,
  lapsesAt: null,
  farewell: null,
  cursor: null,
}

const remembered = Object.keys(nothing) as (keyof Memory)[]

/** Not connected, with what `former` remembers and nothing else of it. */
export const connecting = (name: Connecting['name'], former = nothing): Connecting => ({
  ...(Object.fromEntries(remembered.map((key) => [key, former[key]])) as unknown as Memory),
  name,
  line: { at: 'none' },
  proof: { at: 'held' },
  error: null,
  facts: null,
})

const hasProof = ({ proof }: Connecting): boolean => proof.at === 'held' || proof.at === 'fresh'

const open = (state: Connecting, world: World): Step => {
  const attempt = state.attempt + 1
  const greeting = hasProof(state) && !state.plain
  const line: Line = { at: greeting ? 'calling' : 'opening', until: world.now + ATTEMPT_LIMIT }
  return [
    { ...state, attempt, line, farewell: null },
    { do: 'open', attempt, greeting },
  ]
}

const ask = (state: Connecting, reason: AskReason): Step => [
  { ...state, proof: { at: 'asked', reason } },
  { do: 'ask', reason },
]

/** The credentials are no longer good: asks for others, and connects when they are there. */
const askAnew = (state: Connecting, error: Fault, reason: AskReason): Step => {
  const next: Connecting = { ...state, error, lapsesAt: null, line: { at: 'none' } }
  return first({ do: 'discard', what: 'all' }, ask(next, reason))
}

/** Connects with what there is; what there isn't is fetched while the socket opens. */
export const connect = (state: Connecting, world: World): Step => {
  if (state.lapsesAt !== null && state.lapsesAt <= world.now)
    return askAnew(state, { code: 'token-expired' }, 'expiring')
  if (world.proof === 'held') return open(state, world)
  const reason = 'first'
  if (world.proof === 'none') return ask({ ...state, line: { at: 'none' } }, reason)
  const [next, ...effects] = open({ ...state, proof: { at: 'asked', reason } }, world)
  return [next, ...effects, { do: 'ask', reason }]
}

/** The connection is lost, or never came to be. */
export const retry = (state: Connecting, error: Fault, world: World): Step => {
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
export const lost = (state: Connecting, close: number, world: World): Step => {
  const leaving = close === LEAVING.close && { retryAfter: LEAVING.pause }
  const error = state.farewell ?? { code: codeOfClose(close), ...leaving }
  switch (closeAction(close)) {
    case 'retry':
      return retry(state, error, world)
    case 'renew': {
      const refusals = state.refusals + (state.proof.at === 'fresh' ? 1 : 0)
      return refusals < 2
        ? askAnew({ ...state, refusals }, error, 'rejected')
        : over(state, error, { do: 'discard', what: 'all' })
    }
    case 'stop':
    case 'ended':
      return over(state, error)
  }
}

const started = (state: Connecting, facts: Facts, world: World): Step => {
  const { resumeKey: key, epoch, offset, lost } = facts
  const former = state.cursor
  // Offsets of different epochs don't compare, nor does one that the inbox has not come to: its folder was put back.
  const isKnown = former?.epoch === epoch && former.offset <= offset
  const next: Active = {
    name: 'active',
    attempt: state.attempt,
    facts,
    ...heardNow(facts.pingInterval, world),
    settledAt: world.now + SETTLED_AFTER,
    failures: state.failures,
    misses: 0,
    refusals: 0,
    plain: state.plain,
    farewell: null,
    cursor: { key, epoch, offset: !former ? offset : isKnown ? former.offset : 0 },
    ...lifeOf(facts.expiresIn, world),
  }
  const effects: Effect[] = [
    { do: 'keep', token: facts.token },
    { do: 'send', frame: { type: 'pong' } },
  ]
  if (former && lost) effects.push({ do: 'report', fault: { code: 'messages-lost' } })
  return [next, ...effects]
}

const answered = (state: Connecting, { answer, cause }: Input & { type: 'answer' }, world: World): Step => {
  const { line, proof } = state
  if (proof.at !== 'asked') return [state]
  switch (answer) {
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
      const until = world.now + pauseAfter(misses, world)
      return [
        { ...state, misses, line: { at: 'none' }, proof: { at: 'pause', until, reason: proof.reason } },
        { do: 'drop' },
        reportMiss(cause),
      ]
    }
  }
}

/** A header that something on the way refuses looks like a network that is down: the next try goes without it. */
const withoutLine = (state: Connecting): Connecting => {
  const { at } = state.line
  return { ...state, plain: at === 'calling' || (at !== 'opening' && state.plain) }
}

export const stepConnecting = (state: Connecting, input: Input, world: World): Step => {
  const { line, proof } = state
  switch (input.type) {
    case 'end':
      return [
        { name: 'ended', error: null },
        ...(line.at === 'calling' ? [{ do: 'leave' } as const] : leave.slice(line.at === 'greeted' ? 0 : 1)),
      ]
    case 'credentials': {
      if (line.at === 'away' || line.at === 'frozen') return [state]
      const next: Connecting = { ...state, proof: { at: 'held' }, lapsesAt: null, misses: 0 }
      const [then, ...effects] = connect(next, world)
      // What the former start may have begun is held for nobody; what it may have carried on is carried on anew.
      return [then, ...leave.slice(line.at === 'greeted' && !state.cursor ? 0 : 1), ...effects]
    }
    case 'answer':
      return answered(state, input, world)
    case 'opened':
      if (line.at === 'calling') return [{ ...state, line: { ...line, at: 'greeted' } }]
      if (line.at !== 'opening') return [state]
      return hasProof(state)
        ? [{ ...state, line: { ...line, at: 'greeted' } }, { do: 'greet' }]
        : [{ ...state, line: { ...line, at: 'open' } }]
    case 'frame':
      if (input.frame.type === 'started') return started(state, input.frame, world)
      return [input.frame.type === 'ended' ? { ...state, farewell: input.frame } : state]
    case 'closed':
      return lost(withoutLine(state), input.close, world)
    case 'barred':
      return over(state, input.fault, { do: 'drop' })
    case 'blocked':
      return line.at === 'calling' || line.at === 'opening'
        ? over(state, { code: 'blocked-by-csp' }, { do: 'drop' })
        : [state]
    case 'time': {
      if (proof.at === 'pause' && proof.until <= world.now) return ask(state, proof.reason)
      if (!('until' in line) || line.until > world.now) return [state]
      if (line.at === 'pause') return connect(state, world)
      return first({ do: 'drop' }, retry(withoutLine(state), { code: 'timeout' }, world))
    }
    case 'wake':
      if (proof.at === 'pause') return ask(state, proof.reason)
      return line.at === 'pause' || line.at === 'frozen' ? connect(state, world) : [state]
    case 'shown':
      if (line.at !== 'away') return [state]
      return input.resume === null
        ? [{ name: 'ended', error: null }]
        : connect({ ...state, cursor: input.resume ?? state.cursor }, world)
    default:
      return [state]
  }
}
