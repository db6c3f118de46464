// The runner is a parameter, so that the suite works with every runner. All runners understand the errors of node:assert.
import assert from 'node:assert/strict'
import type {
  CheckedMessage,
  Credential,
  Engine,
  SendRules,
  SavedUser,
  SendResult,
  SessionRecord,
  SessionRequest,
  EngineEvent,
  StartedSession,
  UserChange,
  UserRef,
  VouchedProfile,
} from '../engine.js'
import { EngineError } from '../errors.js'

/** The part of a test runner that the suite uses: `node:test`, Mocha, Vitest and Jest have it. */
export interface SuiteRunner {
  describe: (name: string, body: () => void) => unknown
  it: (name: string, body: () => Promise<void>) => unknown
}

export interface EngineUnderTest {
  /** Makes an engine on empty storage of its own. The suite opens and closes it. */
  create: () => Engine | Promise<Engine>
  /** Whether the engine still has its data when it is closed and opened again. */
  durable: boolean
  /** Makes a second engine on the data of an engine that `create` made. Leave this out if two engines can't share their data. */
  createPeer?: (engine: Engine) => Engine | Promise<Engine>
  /**
   * Whether each list of an app is in order as a whole: users by id, sessions and webhook events by age. If false, only the entries of each
   * user are in order. @default true
   */
  ordered?: boolean
}

export const app = 'app'
export const ada: UserRef = { appId: app, userId: 'ada' }
export const bob: UserRef = { appId: app, userId: 'bob' }

export const idsOf = (sessions: SessionRecord[]): string[] => sessions.map(({ sessionId }) => sessionId)

/** How long a test waits for a condition or an event, in milliseconds. */
const TIMEOUT = 30_000

let counter = 0

/** Returns a vouched profile that counts as issued later than the profiles of all earlier calls. */
export const vouch = (profile: VouchedProfile['profile']): VouchedProfile => ({
  profile,
  issuedAt: Date.now() + ++counter,
})

/** Returns a credential that is issued now. */
export const credential = (): Credential => ({
  authMethod: 'token',
  tokenId: `token ${++counter}`,
  issuedAt: Date.now(),
  expiresAt: null,
})

/** Saves a guest, as the start of a session does. Returns null if the app has too many guests. */
export const saveGuest = async (
  engine: Engine,
  of: UserRef,
  change: UserChange = {},
  maxGuests = 10,
): Promise<SavedUser | null> => {
  const saved = await engine.admitUser(of, change, { credential: credential(), maxGuests, mustBeNew: false })
  assert.ok(typeof saved === 'object' || saved === 'full', `admitted or full, not ${JSON.stringify(saved)}`)
  return typeof saved === 'object' ? saved : null
}

/** Returns a request for a session. Each request has another connection and another resume key. */
export const request = (of: UserRef, more: Partial<SessionRequest> = {}): SessionRequest => {
  counter++
  return {
    ...of,
    guest: false,
    credential: credential(),
    origin: 'https://example.com',
    address: '203.0.113.1',
    client: 'suite/1',
    node: 'node 1',
    hidden: false,
    connectionId: `connection ${counter}`,
    keyHash: `hash ${counter}`,
    resumableFor: 60_000,
    sessionsPerUser: 100,
    ...more,
  }
}

/** Starts a session, and asserts that the engine did not refuse it. */
export const startSession = async (engine: Engine, of: SessionRequest): Promise<StartedSession> => {
  const started = await engine.startSession(of)
  assert.ok(started, 'the credential is not revoked')
  return started
}

/** Returns the record that `sessions` lists for a started session. */
export const recordOf = (session: StartedSession): SessionRecord => {
  const record: Partial<StartedSession> = { ...session }
  delete record.resumed
  delete record.inbox
  delete record.lost
  return record as SessionRecord
}

export const start = async (engine: Engine, of: UserRef, sessionsPerUser = 100): Promise<SessionRecord> =>
  recordOf(await startSession(engine, request(of, { sessionsPerUser })))

const DAY = 86_400_000

export const rules = (more: Partial<SendRules> = {}): SendRules => ({
  sendWindow: 3_600_000,
  retention: { messages: 1_000, age: 30 * DAY, bytes: 1e9 },
  unknownRecipients: true,
  unknownSenders: true,
  unreadPerSender: 1,
  quota: { inboxes: 1_000, bytes: 1_000_000_000 },
  ...more,
})

/** Returns a message from Ada to Bob. Each message has another id. */
export const newMessage = (more: Partial<CheckedMessage> = {}): CheckedMessage => ({
  appId: app,
  id: `message ${++counter}`,
  from: ada.userId,
  to: bob.userId,
  body: 'Hello',
  ...more,
})

/** Sends a message and asserts that this call stored it. */
export const deliver = async (
  engine: Engine,
  more: Partial<CheckedMessage> = {},
  under: Partial<SendRules> = {},
): Promise<Extract<SendResult, { outcome: 'stored' | 'repeated' }>> => {
  const sent = await engine.send(newMessage(more), rules(under))
  assert.equal(sent.outcome, 'stored')
  assert.ok('offset' in sent)
  return sent
}

/** Resolves with the bodies of all messages in an inbox. Asserts that the offsets have no gaps. */
export const bodies = async (engine: Engine, of: UserRef): Promise<(string | undefined)[]> => {
  const { epoch } = await engine.inbox(of)
  const { messages } = await engine.messagesAfter(of, { epoch, offset: 0 }, 10_000)
  messages.forEach(({ offset }, n) => assert.equal(offset, (messages[0]?.offset ?? 0) + n, 'no holes'))
  return messages.map(({ body }) => body)
}

const monotonicNow = performance.now.bind(performance)
let advancedBy = 0

/** Sets the monotonic clock forward. The clock is never set back, because engines rely on a clock that does not go back. */
export const advanceClock = (milliseconds: number): void => {
  advancedBy += milliseconds
  performance.now = () => monotonicNow() + advancedBy
}

/** Waits for a condition. If the wait takes too long, `what` names the condition in the error. */
export const until = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + TIMEOUT
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited too long: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Resolves with the first `count` events of a type from now on; rejects if that takes too long. */
export const nextEvents = <T extends EngineEvent['type']>(
  engine: Engine,
  type: T,
  count = 1,
): Promise<Extract<EngineEvent, { type: T }>[]> =>
  new Promise((resolve, reject) => {
    const life = new AbortController()
    const deadline = setTimeout(() => {
      life.abort()
      reject(new Error(`waited too long: received ${events.length} of ${count} events '${type}'`))
    }, TIMEOUT)
    const events: Extract<EngineEvent, { type: T }>[] = []
    const isOfType = (event: EngineEvent): event is Extract<EngineEvent, { type: T }> => event.type === type
    engine.listen((event) => {
      if (!isOfType(event)) return
      events.push(event)
      if (events.length < count) return
      life.abort()
      clearTimeout(deadline)
      resolve(events)
    }, life.signal)
  })

export const isUnavailable = (error: unknown): boolean =>
  error instanceof EngineError && error.code === 'unavailable' && error.message !== ''

/** The parameters of each part of the suite. */
export interface SuiteContext extends SuiteRunner, EngineUnderTest {
  /** Defines a test on an open engine. The engine is closed after the test. */
  on: (name: string, body: (engine: Engine) => Promise<void>) => void
  /** Defines a test on two open engines with the same data. Without `createPeer` it defines no test. */
  onTwo: (name: string, body: (one: Engine, two: Engine) => Promise<void>) => void
  reopen: (engine: Engine) => Promise<void>
}

/** Opens an engine, and closes it when `body` has ended. Resolves with the result of `body`. */
export const whileOpen = async <T>(engine: Engine, body: (engine: Engine) => Promise<T>): Promise<T> => {
  await engine.open()
  try {
    return await body(engine)
  } finally {
    await engine.close()
  }
}

export const contextOf = (runner: SuiteRunner, subject: EngineUnderTest): SuiteContext => {
  const { create, createPeer } = subject
  const on: SuiteContext['on'] = (name, body) => {
    runner.it(name, async () => whileOpen(await create(), body))
  }
  return {
    ...runner,
    ...subject,
    on,
    onTwo: (name, body) => {
      if (createPeer) on(name, async (one) => whileOpen(await createPeer(one), (two) => body(one, two)))
    },
    reopen: async (engine) => {
      await engine.close()
      await engine.open()
    },
  }
}

/**
 * Ids that break careless stores: ids with separators or escapes; ids that begin like another id; names of an engine's rows; the id that
 * is last in order; and the longest ids.
 */
export const trickyIds = [
  'a',
  'ab',
  'a b',
  'a/b',
  'a%2Fb',
  'a:b',
  'a!b',
  'a.b',
  'A',
  ' ',
  '/',
  '%',
  '\\',
  '"',
  '{}',
  '...',
  'key',
  'user',
  'session',
  '__proto__',
  'constructor',
  'guest:1',
  '😀',
  '😀😀',
  'é', // in one code point
  'e\u0301', // in two
  '\u{10FFFF}',
  '~'.repeat(255),
  '😀'.repeat(63) + 'abc',
  '12345',
  '012345',
]

/** Returns a generator of numbers from 0 to 1 (mulberry32). The same seed gives the same numbers. */
export const createRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
