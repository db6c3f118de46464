// Not node:test, which would come along with every import of this package: the runner is given. node:assert is no
// more than a few functions, and its errors are understood by every runner.
import assert from 'node:assert/strict'
import type {
  NewMessage,
  Engine,
  SendRules,
  SendResult,
  SessionRecord,
  SessionRequest,
  EngineEvent,
  StartedSession,
  UserRef,
} from '../engine.js'
import { EngineError } from '../errors.js'

/** What the suite needs of a test runner: `node:test`, Mocha, Vitest and Jest all have it. */
export interface SuiteRunner {
  describe: (name: string, body: () => void) => unknown
  it: (name: string, body: () => Promise<void>) => unknown
}

export interface EngineUnderTest {
  /** A new engine on storage of its own that nothing was kept in yet. It is not opened. */
  create: () => Engine | Promise<Engine>
  /** Whether what `saveUser` and `key` answer outlives `close`. */
  durable: boolean
}

export const app = 'app'
export const ada: UserRef = { appId: app, userId: 'ada' }
export const bob: UserRef = { appId: app, userId: 'bob' }

export const idsOf = (sessions: SessionRecord[]): string[] => sessions.map(({ sessionId }) => sessionId)

/** How long a test waits for a thing to happen, in milliseconds. */
const TIMEOUT = 30_000

let counter = 0

/** A request for a session, with a connection and a key of its own. */
export const request = (of: UserRef, more: Partial<SessionRequest> = {}): SessionRequest => {
  counter++
  return {
    ...of,
    guest: false,
    connectionId: `connection ${counter}`,
    keyHash: `hash ${counter}`,
    holdFor: 60_000,
    sessionsPerUser: 100,
    ...more,
  }
}

/** What is listed of a session that was started. */
export const recordOf = ({
  appId,
  userId,
  sessionId,
  guest,
  startedAt,
  lastSeenAt,
  state,
}: StartedSession): SessionRecord => ({
  appId,
  userId,
  sessionId,
  guest,
  startedAt,
  lastSeenAt,
  state,
})

export const start = async (engine: Engine, of: UserRef, sessionsPerUser = 100): Promise<SessionRecord> =>
  recordOf(await engine.startSession(request(of, { sessionsPerUser })))

const DAY = 86_400_000

export const rules = (more: Partial<SendRules> = {}): SendRules => ({
  sendWindow: 3_600_000,
  retention: { messages: 1_000, age: 30 * DAY },
  unknownRecipients: true,
  quota: { inboxes: 1_000, bytes: 1_000_000_000 },
  ...more,
})

/** A message from Ada to Bob, with an id of its own. */
export const newMessage = (more: Partial<NewMessage> = {}): NewMessage => ({
  appId: app,
  id: `message ${++counter}`,
  from: ada.userId,
  to: bob.userId,
  body: 'Hello',
  ...more,
})

/** Sends, and takes nothing but a message stored now for an answer. */
export const deliver = async (
  engine: Engine,
  more: Partial<NewMessage> = {},
  under: Partial<SendRules> = {},
): Promise<Extract<SendResult, { outcome: 'stored' | 'repeated' }>> => {
  const sent = await engine.send(newMessage(more), rules(under))
  assert.equal(sent.outcome, 'stored')
  assert.ok('offset' in sent)
  return sent
}

/** All of an inbox, by what was sent. */
export const bodies = async (engine: Engine, of: UserRef): Promise<(string | undefined)[]> => {
  const { epoch } = await engine.inbox(of)
  const { messages } = await engine.messagesAfter(of, { epoch, offset: 0 }, 10_000)
  messages.forEach(({ offset }, n) => assert.equal(offset, (messages[0]?.offset ?? 0) + n, 'no holes'))
  return messages.map(({ body }) => body)
}

/** Waits for something to become so, and tells what it waited for if it doesn't. */
export const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + TIMEOUT
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `waited too long: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Resolves with the first `count` signals of a type from now on; a test that waits too long fails. */
export const nextEvents = <T extends EngineEvent['type']>(
  engine: Engine,
  type: T,
  count = 1,
): Promise<Extract<EngineEvent, { type: T }>[]> =>
  new Promise((resolve, reject) => {
    const life = new AbortController()
    const deadline = setTimeout(() => {
      life.abort()
      reject(new Error(`waited too long: heard ${heard.length} of ${count} signals '${type}'`))
    }, TIMEOUT)
    const heard: Extract<EngineEvent, { type: T }>[] = []
    const isWanted = (told: EngineEvent): told is Extract<EngineEvent, { type: T }> => told.type === type
    engine.listen((told) => {
      if (!isWanted(told)) return
      heard.push(told)
      if (heard.length < count) return
      life.abort()
      clearTimeout(deadline)
      resolve(heard)
    }, life.signal)
  })

export const isUnavailable = (error: unknown): boolean =>
  error instanceof EngineError && error.code === 'unavailable' && error.message !== ''

/** What the parts of the suite share. */
export interface SuiteContext extends SuiteRunner, EngineUnderTest {
  /** A test on an open engine, closed whatever comes of it. */
  on: (name: string, body: (engine: Engine) => Promise<void>) => void
  reopen: (engine: Engine) => Promise<void>
}

export const contextOf = (runner: SuiteRunner, subject: EngineUnderTest): SuiteContext => ({
  ...runner,
  ...subject,
  on: (name, body) => {
    runner.it(name, async () => {
      const engine = await subject.create()
      await engine.open()
      try {
        await body(engine)
      } finally {
        await engine.close()
      }
    })
  },
  reopen: async (engine) => {
    await engine.close()
    await engine.open()
  },
})

/** Ids that a store may trip over: separators, escapes, prefixes, names of its own, what sorts last, the longest. */
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
