import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  createMemoryEngine,
  type Engine,
  type SendResult,
  type EngineEvent,
} from '../../../../src/engine/index.js'
import { createExclusiveEngine } from '../../../../src/engine/exclusive/exclusive-engine.js'
import { MemoryStore } from '../../../../src/engine/memory/memory-store.js'
import { request, startSession } from '../../../../src/engine/suite/kit.js'
import { volumeOf, rules, withStore } from '../../../support/engine/stores.js'

const appId = 'app'
const users = ['ada', 'bob', 'cy']
const user = fc.constantFrom(...users)
const small = fc.nat({ max: 12 })

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      drafts: fc.array(
        fc.record({
          from: fc.option(user),
          to: user,
          id: fc.constantFrom('1', '2', '3', '4', '5', '6'),
          body: fc.constantFrom('a', 'b'),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  },
  fc.record({ do: fc.constant('read' as const), user, offset: small }),
  fc.record({ do: fc.constant('page' as const), user, after: small, limit: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ do: fc.constant('start' as const), user, key: fc.option(small) }),
  fc.record({ do: fc.constant('confirm' as const), connection: small }),
  fc.record({
    do: fc.constant('detach' as const),
    connection: small,
    resumableFor: fc.constantFrom(0, 60_000),
  }),
  fc.record({ do: fc.constant('end' as const), connection: small, named: fc.boolean() }),
  fc.record({ do: fc.constant('reopen' as const) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

interface Inbox {
  messages: { offset: number; from: string | null; id: string; body: string }[]
  read: number
}
interface Session {
  id: string
  user: string
  connection: string | null
  /** The order of detachments. */
  detached: number
  key: string
  /** The earlier keys that are good until a connection is confirmed: the one that the last start used, and the one that it replaced. */
  former: readonly string[]
}

const KEEP = 6
const PER_USER = 3

/** A model of an engine without storage, concurrency or time. */
class Model {
  readonly inboxes = new Map(users.map((name): [string, Inbox] => [name, { messages: [], read: 0 }]))
  readonly sent = new Map<string, { body: string; offset: number; ownOffset: number | null }>()
  sessions: Session[] = []
  detachments = 0
  /** All connections and keys so far, for steps to choose from. */
  readonly connections: { connection: string; session: Session }[] = []
  readonly keys: string[] = []

  inbox(name: string): Inbox {
    return this.inboxes.get(name) ?? assert.fail()
  }

  kept(name: string): Inbox['messages'] {
    return this.inbox(name).messages.slice(-KEEP)
  }

  send(draft: { from: string | null; to: string; id: string; body: string }): Partial<SendResult> {
    const key = JSON.stringify([draft.from, draft.to, draft.id])
    const earlier = this.sent.get(key)
    if (earlier?.body === draft.body) {
      return { outcome: 'repeated', offset: earlier.offset, ownOffset: earlier.ownOffset }
    }
    if (earlier) return { outcome: 'conflict' }
    const put = (name: string): number => {
      const { messages } = this.inbox(name)
      const { from, id, body } = draft
      return messages.push({ offset: messages.length + 1, from, id, body })
    }
    const offset = put(draft.to)
    const ownOffset = draft.from === null ? null : draft.from === draft.to ? offset : put(draft.from)
    this.sent.set(key, { body: draft.body, offset, ownOffset })
    return { outcome: 'stored', offset, ownOffset }
  }

  unread(name: string): number {
    const { read } = this.inbox(name)
    return this.kept(name).filter(({ offset, from }) => offset > read && from !== name).length
  }

  detach(session: Session): void {
    if (session.connection === null) return
    session.connection = null
    session.detached = ++this.detachments
  }

  byKey(name: string, key: string): Session | undefined {
    return this.sessions.find((one) => one.user === name && [one.key, ...one.former].includes(key))
  }

  of(name: string): Session[] {
    return this.sessions.filter((one) => one.user === name)
  }

  remove(session: Session | undefined): void {
    this.sessions = this.sessions.filter((one) => one !== session)
  }
}

const limits = { ...rules, retention: { ...rules.retention, messages: KEEP } }

const pick = <T>(from: readonly T[], n: number): T | undefined => from[n % Math.max(from.length, 1)]

/** Runs a step on the engine and the model, and compares the results. */
const doStep = async (engine: Engine, model: Model, given: Step, durable: boolean): Promise<void> => {
  switch (given.do) {
    case 'send': {
      const expected = given.drafts.map((draft) => model.send(draft))
      const sent = await Promise.all(given.drafts.map((draft) => engine.send({ appId, ...draft }, limits)))
      assert.deepEqual(
        sent.map((one) => ('sentAt' in one ? { ...one, sentAt: undefined } : one)),
        expected.map((one) => ('offset' in one ? { ...one, sentAt: undefined } : one)),
      )
      return
    }
    case 'read': {
      const inbox = model.inbox(given.user)
      inbox.read = Math.max(inbox.read, Math.min(given.offset, inbox.messages.length))
      const of = { appId, userId: given.user }
      const { epoch } = await engine.inbox(of)
      await engine.markRead(of, { epoch, offset: given.offset })
      return
    }
    case 'page': {
      const of = { appId, userId: given.user }
      const { epoch, offset } = await engine.inbox(of)
      const after = Math.min(given.after, offset)
      const page = await engine.messagesAfter(of, { epoch, offset: after }, given.limit)
      const kept = model.kept(given.user)
      assert.deepEqual(
        page.messages.map(({ offset, from, id, body }) => ({ offset, from, id, body })),
        kept.filter((message) => message.offset > after).slice(0, given.limit),
      )
      assert.equal(page.lost, after + 1 < (kept[0]?.offset ?? 1))
      const before = await engine.messagesBefore(of, given.after, given.limit)
      assert.deepEqual(
        before.messages.map((message) => message.offset),
        kept
          .map((message) => message.offset)
          .filter((one) => one < given.after)
          .slice(-given.limit),
      )
      return
    }
    case 'start': {
      const resumes = given.key === null ? undefined : pick(model.keys, given.key)
      const asked = request({ appId, userId: given.user }, { resumes, sessionsPerUser: PER_USER })
      const started = await startSession(engine, asked)
      const carried = resumes === undefined ? undefined : model.byKey(given.user, resumes)
      assert.equal(started.resumed, carried !== undefined)
      if (!carried) {
        const all = model.of(given.user)
        const order = [
          ...all.filter((one) => one.connection === null).sort((a, b) => a.detached - b.detached),
          ...all.filter((one) => one.connection !== null),
        ]
        for (const old of order.slice(0, Math.max(0, all.length + 1 - PER_USER))) model.remove(old)
      }
      const session = carried ?? {
        id: started.sessionId,
        user: given.user,
        connection: null,
        detached: 0,
        key: '',
        former: [],
      }
      assert.equal(started.sessionId, session.id)
      Object.assign(session, {
        connection: asked.connectionId,
        key: asked.keyHash,
        former: carried && resumes !== undefined ? [resumes, session.key] : [],
      })
      if (!carried) model.sessions.push(session)
      model.keys.push(asked.keyHash)
      model.connections.push({ connection: asked.connectionId, session })
      return
    }
    case 'reopen': {
      await engine.close()
      await engine.open()
      if (durable) for (const session of model.sessions) model.detach(session)
      else Object.assign(model, new Model())
      return
    }
    case 'confirm':
    case 'detach':
    case 'end':
      return doOnConnection(engine, model, given)
  }
}

/** Does a step of a connection that may have been replaced, or that belongs to a session which is over. */
const doOnConnection = async (
  engine: Engine,
  model: Model,
  given: Extract<Step, { connection: number }>,
): Promise<void> => {
  const chosen = pick(model.connections, given.connection)
  if (!chosen) return
  const { connection, session } = chosen
  const ref = { appId, userId: session.user, sessionId: session.id }
  const carries = model.sessions.includes(session) && session.connection === connection
  if (given.do === 'confirm') {
    await engine.confirmSession(ref, connection)
    if (carries) session.former = []
  } else if (given.do === 'detach') {
    await engine.detachSession(ref, connection, given.resumableFor)
    if (carries) model.detach(session)
    if (carries && given.resumableFor === 0) model.remove(session)
  } else {
    const ends = given.named ? carries : model.sessions.includes(session)
    assert.equal(await engine.endSession(ref, 'ended', given.named ? connection : undefined), ends)
    if (ends) model.remove(session)
  }
}

const compare = async (engine: Engine, model: Model): Promise<void> => {
  for (const name of users) {
    const of = { appId, userId: name }
    const { offset, readOffset, unread } = await engine.inbox(of)
    const { messages, read } = model.inbox(name)
    assert.deepEqual([offset, readOffset, unread], [messages.length, read, model.unread(name)])
    assert.deepEqual(
      (await engine.sessions(of)).map(({ sessionId, state }) => [sessionId, state]),
      model.of(name).map(({ id, connection }) => [id, connection === null ? 'detached' : 'active']),
    )
  }
}

const run = async (engine: Engine, steps: Step[], durable: boolean): Promise<void> => {
  const model = new Model()
  const offsets = new Map<string, number>()
  const life = new AbortController()
  let wrong = ''
  engine.listen((event: EngineEvent) => {
    if (event.type !== 'message') return
    const { user, epoch, message } = event
    const inbox = `${user.userId} ${epoch}`
    if (message.offset !== (offsets.get(inbox) ?? 0) + 1)
      wrong = `${inbox}: ${message.offset} was emitted out of order`
    offsets.set(inbox, message.offset)
  }, life.signal)
  await engine.open()
  try {
    for (const given of steps) {
      await doStep(engine, model, given, durable)
      await compare(engine, model)
      assert.equal(wrong, '')
    }
  } finally {
    life.abort()
    await engine.close()
  }
}

/** An engine whose rows are still there when it is opened again. */
const lasting = (): Engine => {
  const store = withStore(new MemoryStore(), { close: () => Promise.resolve() })
  return createExclusiveEngine(() => Promise.resolve(volumeOf(store)))
}

/** A failing run names its seed and path: give them here to run it again. */
const replay = {
  ...(process.env['FC_SEED'] && { seed: Number(process.env['FC_SEED']) }),
  ...(process.env['FC_PATH'] && { path: process.env['FC_PATH'] }),
}

void describe('after any sequence of steps', () => {
  for (const [name, create, durable] of [
    ['an engine with persistent rows', lasting, true],
    ['the memory engine', createMemoryEngine, false],
  ] as const) {
    void it(`${name} is in the same state as a simple model`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), (steps) =>
          run(create(), steps, durable),
        ),
        { numRuns: 150, ...replay },
      )
    })
  }
})
