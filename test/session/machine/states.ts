import { starting } from '../../../src/session/machine/connecting.js'
import { ended, idle } from '../../../src/session/machine/state.js'
import type {
  Active,
  Connecting,
  Effect,
  SessionInfo,
  Fault,
  CredentialPhase,
  Renewal,
  SocketPhase,
  State,
  World,
} from '../../../src/session/machine/state.js'

/** The time of the tests' states, and their deadlines. */
export const NOW = 1_000_000
export const DUE = NOW + 10_000

export const world = (changes: Partial<World> = {}): World => ({
  now: NOW,
  random: 0.5,
  hidden: false,
  since: undefined,
  credentials: 'held',
  ...changes,
})

export const info: SessionInfo = {
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
  ...starting(null),
  connectFailures: 3,
  ...changes,
})

export const activeState = (changes: Partial<Active> = {}): Active => ({
  name: 'active',
  connectFailures: 0,
  fetchFailures: 0,
  rejections: 0,
  startAsFrame: false,
  expiresAt: NOW + 60_000,
  info,
  cursor: { key: 'k', epoch: 'e', offset: 3 },
  heartbeatDeadline: NOW + 35_000,
  sleepGraceUsed: false,
  stableAt: Infinity,
  credentials: { at: 'scheduled', until: DUE, reason: 'expiring' },
  ...changes,
})

const socketPhases: SocketPhase[] = [
  { at: 'none' },
  { at: 'left' },
  { at: 'frozen' },
  { at: 'asleep' },
  ...(['backoff', 'opening-with-start', 'opening', 'open', 'start-sent'] as const).map((at) => ({
    at,
    until: DUE,
  })),
]
const credentialPhases: CredentialPhase[] = [
  { at: 'held' },
  { at: 'fresh' },
  { at: 'fetching', reason: 'first' },
  { at: 'backoff', until: DUE, reason: 'first' },
]
const renewals: Renewal[] = [
  { at: 'held' },
  { at: 'scheduled', until: DUE, reason: 'expiring' },
  { at: 'fetching', reason: 'expiring' },
  { at: 'sent', fetched: false, superseded: 0 },
  { at: 'sent', fetched: true, superseded: 0 },
  { at: 'sent', fetched: false, superseded: 1 },
  { at: 'retrying', until: DUE, fetched: false },
  { at: 'retrying', until: DUE, fetched: true },
]

/** The socket phases and credential phases that exist together. A property test checks that no session reaches another pair. */
export const possible = new Set([
  'none fetching',
  'none backoff',
  'left held',
  'frozen held',
  'asleep held',
  'backoff held',
  'backoff fresh',
  'opening-with-start held',
  'opening-with-start fresh',
  'opening held',
  'opening fresh',
  'opening fetching',
  'open fetching',
  'start-sent held',
  'start-sent fresh',
])

const fault = (code: string): Fault => ({ code })

const everyConnecting: Connecting[] = (['starting', 'reconnecting'] as const).flatMap((name) =>
  socketPhases.flatMap((socket) =>
    credentialPhases.map((credentials) =>
      connectingState({
        name,
        socket,
        credentials,
        error: name === 'reconnecting' ? fault('token-expired') : null,
        info: name === 'reconnecting' ? info : null,
      }),
    ),
  ),
)

export const impossibleStates = everyConnecting.filter(
  ({ socket, credentials }) => !possible.has(`${socket.at} ${credentials.at}`),
)

/** One of each kind of state. */
export const states: State[] = [
  idle,
  ended,
  ...['replaced', 'too-many-sessions', 'ended', 'token-expired', 'revoked', 'signed-out'].map(
    (code): State => ({
      name: 'ended',
      error: fault(code),
      cursor: null,
    }),
  ),
  ...['unknown-app', 'bad-request', 'unauthenticated', 'no-credentials'].map((code): State => ({
    name: 'failed',
    error: fault(code),
    cursor: null,
  })),
  ...everyConnecting.filter((state) => !impossibleStates.includes(state)),
  ...renewals.map((credentials) => activeState({ credentials })),
]

const nameOfRenewal = (renewal: Renewal): string =>
  'fetched' in renewal
    ? `${renewal.at}-${renewal.fetched ? 'fetched' : 'superseded' in renewal && renewal.superseded ? 'again' : 'set'}`
    : renewal.at

/** A state in words: `starting opening-with-start held`, `active scheduled`, `failed unknown-app`, `ended`. */
export const nameOfState = (state: State): string => {
  if ('socket' in state) return `${state.name} ${state.socket.at} ${state.credentials.at}`
  if (state.name === 'active') return `active ${nameOfRenewal(state.credentials)}`
  return 'error' in state && state.error ? `${state.name} ${state.error.code}` : state.name
}

/** An effect in words: `open with-start`, `fetch-token first`, `send end`. */
export const nameOfEffect = (effect: Effect): string => {
  switch (effect.do) {
    case 'open':
      return effect.withStart ? 'open with-start' : 'open'
    case 'fetch-token':
      return `fetch-token ${effect.reason}`
    case 'send':
    case 'deliver':
      return `${effect.do} ${effect.frame.type}`
    case 'discard':
      return `discard ${effect.which}`
    case 'close':
      return effect.code === undefined ? effect.do : `${effect.do} ${effect.code}`
    case 'send-start':
    case 'send-token':
    case 'end-after-open':
    case 'post-sends':
    case 'accept-credentials':
    case 'emit-error':
      return effect.do
  }
}
