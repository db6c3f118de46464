import { connecting } from '../../src/session/machine/connecting.js'
import type {
  Active,
  Connecting,
  Effect,
  Facts,
  Fault,
  Line,
  Proof,
  Renewal,
  State,
  World,
} from '../../src/session/machine/state.js'

/** The moment at which the tests' states stand, and when their deadlines are due. */
export const NOW = 1_000_000
export const DUE = NOW + 10_000
/** Attempts of the tests' states. */
export const ATTEMPT = 5

export const world = (changes: Partial<World> = {}): World => ({
  now: NOW,
  random: 0.5,
  proof: 'held',
  ...changes,
})

export const facts: Facts = {
  type: 'started',
  sessionId: 's1',
  user: { id: 'ann' },
  guest: false,
  resumed: false,
  resumeKey: 'k',
  resumeWindow: 0,
  epoch: 'e',
  offset: 0,
  lost: false,
  unread: 0,
  expiresIn: 60_000,
  pingInterval: 25_000,
  sendWindow: 3_600_000,
}

export const connectingState = (changes: Partial<Connecting> = {}): Connecting => ({
  ...connecting('starting'),
  attempt: ATTEMPT,
  failures: 3,
  ...changes,
})

export const activeState = (changes: Partial<Active> = {}): Active => ({
  name: 'active',
  attempt: ATTEMPT,
  failures: 0,
  misses: 0,
  refusals: 0,
  plain: false,
  lapsesAt: NOW + 60_000,
  farewell: null,
  facts,
  cursor: { key: 'k', epoch: 'e', offset: 3 },
  silentAt: NOW + 35_000,
  overslept: false,
  settledAt: null,
  renewal: { at: 'due', time: DUE, reason: 'expiring' },
  ...changes,
})

const lines: Line[] = [
  { at: 'none' },
  { at: 'away' },
  { at: 'frozen' },
  ...(['pause', 'calling', 'opening', 'open', 'greeted'] as const).map((at) => ({ at, until: DUE })),
]
const proofs: Proof[] = [
  { at: 'held' },
  { at: 'fresh' },
  { at: 'asked', reason: 'first' },
  { at: 'pause', until: DUE, reason: 'first' },
]
const renewals: (Renewal | null)[] = [
  null,
  { at: 'due', time: DUE, reason: 'expiring' },
  { at: 'asked', reason: 'expiring' },
  { at: 'sent', asked: false, before: 0 },
  { at: 'sent', asked: true, before: 0 },
  { at: 'sent', asked: false, before: 1 },
  { at: 'unjudged', time: DUE, asked: false },
  { at: 'unjudged', time: DUE, asked: true },
]

/** What a socket and a proof can be at the same time. That sessions get into nothing else is tested as well. */
export const possible = new Set([
  'none asked',
  'none pause',
  'away held',
  'frozen held',
  'pause held',
  'pause fresh',
  'calling held',
  'calling fresh',
  'opening held',
  'opening fresh',
  'opening asked',
  'open asked',
  'greeted held',
  'greeted fresh',
])

const fault = (code: string): Fault => ({ code })

const everyConnecting: Connecting[] = (['starting', 'reconnecting'] as const).flatMap((name) =>
  lines.flatMap((line) =>
    proofs.map((proof) =>
      connectingState({
        name,
        line,
        proof,
        error: name === 'reconnecting' ? fault('token-expired') : null,
        facts: name === 'reconnecting' ? facts : null,
      }),
    ),
  ),
)

export const impossibleStates = everyConnecting.filter(
  ({ line, proof }) => !possible.has(`${line.at} ${proof.at}`),
)

/** One of each kind of state. */
export const states: State[] = [
  { name: 'idle' },
  { name: 'ended', error: null },
  ...['replaced', 'ended', 'token-expired', 'revoked', 'signed-out'].map((code): State => ({
    name: 'ended',
    error: fault(code),
  })),
  ...['unknown-app', 'bad-request', 'unauthenticated', 'no-credentials'].map((code): State => ({
    name: 'failed',
    error: fault(code),
  })),
  ...everyConnecting.filter((state) => !impossibleStates.includes(state)),
  ...renewals.map((renewal) => activeState({ renewal })),
]

const nameOfRenewal = (renewal: Renewal | null): string =>
  !renewal
    ? 'none'
    : 'asked' in renewal
      ? `${renewal.at}-${renewal.asked ? 'asked' : 'before' in renewal && renewal.before ? 'again' : 'set'}`
      : renewal.at

/** A state in words: `starting calling held`, `active due`, `failed unknown-app`, `ended`. */
export const nameOfState = (state: State): string => {
  if ('line' in state) return `${state.name} ${state.line.at} ${state.proof.at}`
  if (state.name === 'active') return `active ${nameOfRenewal(state.renewal)}`
  return 'error' in state && state.error ? `${state.name} ${state.error.code}` : state.name
}

/** An effect in words: `open greeting`, `ask first`, `send end`. */
export const nameOfEffect = (effect: Effect): string => {
  switch (effect.do) {
    case 'open':
      return effect.greeting ? 'open greeting' : 'open'
    case 'ask':
      return `ask ${effect.reason}`
    case 'send':
    case 'deliver':
      return `${effect.do} ${effect.frame.type}`
    case 'discard':
      return `discard ${effect.what}`
    case 'greet':
    case 'renew':
    case 'drop':
    case 'leave':
    case 'keep':
    case 'report':
      return effect.do
  }
}
