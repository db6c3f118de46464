import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Credential, Engine, EngineEvent, Retention, SessionRef, WebhookEvent } from '../../engine.js'
import { app, createRandom, credential, request, rules, until, whileOpen, type SuiteContext } from '../kit.js'
import {
  compareEvents,
  compareLists,
  comparePages,
  comparePeers,
  compareUser,
  refOf,
  type PageRange,
} from './comparisons.js'
import { Model, type ModelMessage, type ModelSession } from './model.js'

const USERS = ['ada', 'bob', 'cy', '__proto__']
const PHASES = 4
const CALLS = 2_400
/** How many messages an inbox keeps after most sends, and how many after the others. */
const KEPT = 40
const KEPT_SHORTLY = 7
const SESSIONS_PER_USER = 3
/** A large message has this many characters. An inbox has room for one of them and `KEPT` small ones, but not for two large ones. */
const LARGE = 16_000
const retention: Retention = { messages: KEPT, age: 3_600_000, bytes: 1.9 * LARGE }
/** The age in milliseconds that `#expire` sets for a moment, and how many calls come after the messages that must expire. */
const SHORT_AGE = 60
const LATE_CALLS = 15
const webhooks = {
  events: ['session.started', 'session.ended', 'user.created', 'user.deleted', 'user.online', 'user.offline'],
  unreadAfter: 3_600_000,
} as const

const keptRules = rules({ retention })

const isLarge = ({ body }: Pick<ModelMessage, 'body'>): boolean => body?.length === LARGE

const sessionRefOf = ({ userId, sessionId }: ModelSession): SessionRef => ({ ...refOf(userId), sessionId })

/** Returns a credential that is issued later than all revocations until now. */
const laterCredential = (): Credential => ({ ...credential(), issuedAt: Date.now() + 10 })

/** Makes random calls, one after the other, to engines on the same data, and compares each answer with the model. */
export class RandomCalls {
  readonly #model = new Model()
  readonly #engines: readonly Engine[]
  readonly #random: () => number
  /** For each engine the offset that it has emitted last, by user and epoch. */
  readonly #emitted = new Map<Engine, Map<string, number>>()
  readonly #webhooks: WebhookEvent[] = []
  /** All resume keys and connections so far, for calls to choose from. */
  readonly #starts: { session: ModelSession; keyHash: string; connectionId: string }[] = []
  readonly #wrong: string[] = []
  readonly #log: string[] = []
  readonly #life = new AbortController()
  #count = 0

  constructor(engines: readonly Engine[], seed: number) {
    this.#engines = engines
    this.#random = createRandom(seed)
    for (const engine of engines) {
      const emitted = new Map<string, number>()
      this.#emitted.set(engine, emitted)
      engine.listen((event) => this.#hear(event, emitted), this.#life.signal)
    }
  }

  /** Calls `between` after each phase, when no connection carries a session: it may close the engines, and open them again. */
  async run(between: () => Promise<void>): Promise<void> {
    try {
      await this.#configure(retention.age)
      for (let phase = 0; phase < PHASES; phase++) {
        await this.#make(CALLS / PHASES - LATE_CALLS)
        const makeLate = (): Promise<void> => this.#make(LATE_CALLS)
        await (phase % 2 === 0 ? this.#expire(makeLate) : makeLate())
        await this.#compareEmitted()
        for (const session of this.#model.alive()) await this.#detach(session)
        await between()
        // An engine may forget the options of an app when it is closed.
        await this.#configure(retention.age)
        for (const userId of USERS) await this.#comparePeers(userId)
      }
      await this.#compareWebhooks()
    } catch (cause) {
      const last = this.#log.slice(-9).join(', ')
      throw new Error(`After ${this.#log.length} calls, the last ones ${last}: ${String(cause)}`, { cause })
    } finally {
      this.#life.abort()
    }
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T
  }

  #chance(part: number): boolean {
    return this.#random() < part
  }

  get #engine(): Engine {
    return this.#pick(this.#engines)
  }

  /** Returns an offset that an inbox has, had or will have. */
  #offset(userId: string): number {
    return Math.max(0, this.#model.user(userId).inbox.newest + 5 - Math.floor(this.#random() * (KEPT + 10)))
  }

  #range(userId: string): PageRange {
    return [this.#offset(userId), 1 + Math.floor(this.#random() * 6)]
  }

  #comparePeers(userId: string): Promise<void> {
    return comparePeers(this.#engine, this.#model, userId, [...USERS, null], () => this.#range(userId))
  }

  #configure(age: number): Promise<unknown> {
    return Promise.all(
      this.#engines.map((engine) => engine.configure(app, { retention: { ...retention, age }, webhooks })),
    )
  }

  #hear(event: EngineEvent, emitted: Map<string, number>): void {
    if (event.type !== 'message') return
    const { user, epoch, message } = event
    const inbox = JSON.stringify([user.userId, epoch])
    if (message.offset <= (emitted.get(inbox) ?? 0)) this.#wrong.push(`${inbox} ${message.offset} came late`)
    emitted.set(inbox, message.offset)
  }

  async #make(count: number): Promise<void> {
    const calls = Object.entries(this.#calls)
    for (let n = 0; n < count; n++) {
      let drawn = this.#random() * calls.reduce((sum, [, [weight]]) => sum + weight, 0)
      const [name, [, call]] = calls.find(([, [weight]]) => (drawn -= weight) < 0) ?? assert.fail()
      const userId = this.#pick(USERS)
      this.#log.push(`${name} ${userId}`)
      await call(userId)
      await compareUser(this.#engine, this.#model, userId)
      assert.deepEqual(this.#wrong, [])
    }
  }

  /** The calls with how often each is made. */
  readonly #calls: Record<string, readonly [weight: number, call: (userId: string) => Promise<unknown>]> = {
    send: [30, (userId) => this.#send(userId)],
    'mark of a peer': [16, (userId) => this.#markPeer(userId)],
    mark: [
      3,
      async (userId) => {
        const { inbox } = this.#model.user(userId)
        const offset = this.#offset(userId)
        const engine = this.#engine
        const { epoch } = await engine.inbox(refOf(userId))
        inbox.markRead(offset)
        assert.deepEqual(await engine.markRead(refOf(userId), { epoch, offset }), { epoch, ...inbox.state })
        assert.equal(await engine.markRead(refOf(userId), { epoch: 'another', offset }), null)
      },
    ],
    pages: [4, (userId) => comparePages(this.#engine, this.#model, userId, this.#range(userId))],
    peers: [4, (userId) => this.#comparePeers(userId)],
    start: [8, (userId) => this.#start(userId)],
    resume: [
      8,
      (userId) => {
        // Most earlier keys are good no more.
        const start = this.#starts.length > 0 ? this.#pick(this.#starts.slice(-8)) : undefined
        const isOwn = start !== undefined && this.#chance(0.9)
        return this.#start(isOwn ? start.session.userId : userId, start?.keyHash ?? 'nothing')
      },
    ],
    confirm: [
      3,
      () =>
        this.#onConnection(async (session, connectionId, carries) => {
          await session.engine.confirmSession(sessionRefOf(session), connectionId)
          if (carries) session.former = []
        }),
    ],
    hide: [
      3,
      () =>
        this.#onConnection(async (session, connectionId, carries) => {
          const isHidden = this.#chance(0.6)
          await session.engine.setHidden(sessionRefOf(session), connectionId, isHidden)
          if (carries) this.#model.hide(session, isHidden)
        }),
    ],
    renew: [
      2,
      () =>
        this.#onConnection(async (session, connectionId, carries) => {
          const fresh = laterCredential()
          assert.ok(await session.engine.renewSession(sessionRefOf(session), connectionId, fresh))
          if (carries) session.tokenId = fresh.tokenId
        }),
    ],
    detach: [
      4,
      () =>
        this.#onConnection((session, connectionId) =>
          this.#detach(session, connectionId, this.#chance(0.2) ? 0 : 600_000),
        ),
    ],
    end: [
      3,
      () =>
        this.#onConnection(async (session, connectionId, carries) => {
          const isNamed = this.#chance(0.5)
          const ends = isNamed ? carries : !session.hasEnded
          const given = isNamed ? connectionId : undefined
          assert.equal(await session.engine.endSession(sessionRefOf(session), 'ended', given), ends)
          if (ends) this.#model.end(session)
        }),
    ],
    rename: [
      3,
      async (userId) => {
        const user = this.#model.user(userId)
        const name = this.#chance(0.3) ? user.name : `name ${++this.#count}`
        const saved = await this.#engine.saveUser(
          refOf(userId),
          name === undefined ? {} : { claimed: { name } },
        )
        assert.deepEqual(
          [saved.created, saved.changed, saved.user.claimed.name],
          [!user.exists, !user.exists || name !== user.name, name],
        )
        Object.assign(user, { exists: true, name })
      },
    ],
    revoke: [
      1,
      async (userId) => {
        const isReauth = this.#chance(0.3)
        const mode = isReauth ? 'reauth' : 'end'
        await this.#engine.revokeUser(refOf(userId), { issuedBefore: null, mode })
        if (isReauth) this.#model.user(userId).isRevoked = true
        else this.#model.revoke(userId)
      },
    ],
    lift: [
      1,
      async (userId) => {
        const user = this.#model.user(userId)
        assert.equal(await this.#engine.liftRevocation(refOf(userId)), user.isRevoked)
        user.isRevoked = false
      },
    ],
    'revoke token': [
      1,
      async (userId) => {
        const [session] = this.#model.alive(userId)
        if (typeof session?.tokenId !== 'string') return
        const { tokenId } = session
        await this.#engine.revokeToken(app, tokenId)
        this.#model.end(session)
        const refused = request(refOf(userId), { credential: { ...laterCredential(), tokenId } })
        assert.equal(await this.#engine.startSession(refused), null)
      },
    ],
    'revoke app': [
      0.2,
      async () => {
        await this.#engine.revokeApp(app, { issuedBefore: null, mode: 'end' })
        this.#model.revoke()
      },
    ],
    delete: [
      0.7,
      async (userId) => {
        assert.equal(await this.#engine.deleteUser(refOf(userId)), this.#model.user(userId).exists)
        this.#model.delete(userId)
      },
    ],
    deliver: [2, () => this.#deliver()],
    lists: [2, () => compareLists(this.#engine, this.#model)],
  }

  /** Sends one message, or a few at once that wait for each other. Some are retries, or have the id of another message. */
  async #send(userId: string): Promise<void> {
    const model = this.#model
    const messages = this.#chance(0.03) ? KEPT_SHORTLY : KEPT
    // With `KEPT_SHORTLY` only the backend sends: a message of a user with more unread messages than that could be refused.
    const from = messages === KEPT_SHORTLY || this.#chance(0.2) ? null : this.#pick(USERS)
    // So could a large message of another user.
    const isLargeOne = (from === null || from === userId) && this.#chance(0.05)
    const drafts = Array.from({ length: this.#chance(0.2) ? 3 : 1 }, () => ({
      ...{ from, to: userId, id: this.#chance(0.1) ? 'often' : `message ${++this.#count}` },
      body: isLargeOne ? 'x'.repeat(LARGE) : this.#pick(['a', 'b']),
    }))
    if (this.#chance(0.1)) drafts.push(...drafts)
    const expected = drafts.map((draft) => model.send(draft, { messages, isLarge }))
    const engine = this.#engine
    const sent = await Promise.all(
      drafts.map((draft) =>
        engine.send({ appId: app, ...draft }, rules({ retention: { ...retention, messages } })),
      ),
    )
    assert.deepEqual(
      sent.map((result) =>
        'offset' in result
          ? { outcome: result.outcome, offset: result.offset, ownOffset: result.ownOffset }
          : result,
      ),
      expected,
    )
    if (from !== null) await compareUser(this.#engine, this.#model, from)
  }

  async #markPeer(userId: string): Promise<void> {
    const { inbox } = this.#model.user(userId)
    const [peer, offset] = [
      this.#chance(0.05) ? 'nobody' : this.#pick([...USERS, null]),
      this.#offset(userId),
    ]
    const engine = this.#engine
    const { epoch } = await engine.inbox(refOf(userId))
    inbox.markPeerRead(peer, offset)
    assert.deepEqual(await engine.markPeerRead(refOf(userId), peer, { epoch, offset }), {
      inbox: { epoch, ...inbox.state },
      peer: { id: peer, unread: inbox.unread(peer), readOffset: inbox.markOf(peer) },
    })
  }

  async #start(userId: string, resumes?: string): Promise<void> {
    const engine = this.#engine
    const [offset, isOfAnother] = [this.#offset(userId), this.#chance(0.2)]
    const epoch = isOfAnother ? 'another' : (await engine.inbox(refOf(userId))).epoch
    const asked = request(refOf(userId), {
      ...{ resumes, credential: laterCredential(), hidden: this.#chance(0.2), after: { epoch, offset } },
      ...{ sessionsPerUser: SESSIONS_PER_USER, resumableFor: 600_000 },
    })
    const started = (await engine.startSession(asked)) ?? assert.fail('the credential is not revoked')
    const { connectionId, keyHash, hidden, credential: of } = asked
    const start = { userId, engine, connectionId, keyHash, resumes, isHidden: hidden, tokenId: of.tokenId }
    const [session, isResumed] = this.#model.start(start, SESSIONS_PER_USER)
    assert.equal(started.resumed, isResumed)
    if (!isResumed) session.sessionId = started.sessionId
    assert.equal(started.sessionId, session.sessionId)
    const { inbox } = this.#model.user(userId)
    assert.deepEqual(started.inbox, { epoch: started.inbox.epoch, ...inbox.state })
    assert.equal(started.lost, isOfAnother || inbox.lacks(offset))
    this.#starts.push({ session, keyHash, connectionId })
  }

  /** Makes a call for a connection that may have been replaced, or whose session may be over. */
  async #onConnection(
    call: (session: ModelSession, connectionId: string, carries: boolean) => Promise<void>,
  ): Promise<void> {
    if (this.#starts.length === 0) return
    // Most of the earlier connections are long gone.
    const { session, connectionId } = this.#pick(this.#starts.slice(-12))
    await call(session, connectionId, session.connectionId === connectionId)
    await compareUser(this.#engine, this.#model, session.userId)
  }

  async #detach(
    session: ModelSession,
    connectionId = session.connectionId,
    resumableFor = 600_000,
  ): Promise<void> {
    if (connectionId === null) return
    await session.engine.detachSession(sessionRefOf(session), connectionId, resumableFor)
    if (session.connectionId !== connectionId) return
    this.#model.detach(session)
    if (resumableFor === 0) this.#model.end(session)
  }

  /** Delivers what is due. Some events fail, and come again. */
  async #deliver(): Promise<void> {
    for (const engine of this.#engines)
      for (const { event } of await engine.takeDueEvents(app, 100, 60_000)) {
        const isFailing = this.#chance(0.1)
        const outcome = isFailing ? { failed: 'The suite fails it.' } : { delivered: true as const }
        if (!isFailing) this.#webhooks.push(event)
        await engine.endDelivery(app, event.userId, event.id, outcome)
        if (isFailing) assert.ok(await engine.replayEvent(app, event.userId, event.id))
      }
  }

  async #compareWebhooks(): Promise<void> {
    const [engine] = this.#engines
    await until('all events are delivered', async () => {
      await this.#deliver()
      return (await engine?.pendingSummary(app))?.pending === 0
    })
    compareEvents(this.#webhooks, this.#model, USERS)
  }

  /** An engine has emitted the newest message of each user whose session it carries. */
  async #compareEmitted(): Promise<void> {
    for (const session of this.#model.alive()) {
      if (session.connectionId === null) continue
      const { userId, engine } = session
      const sent = await engine.send(
        { appId: app, id: `last ${++this.#count}`, from: null, to: userId },
        keptRules,
      )
      this.#model.send(
        { id: `last ${this.#count}`, from: null, to: userId, body: undefined },
        { messages: KEPT, isLarge },
      )
      const { epoch, offset } = await engine.inbox(refOf(userId))
      assert.ok('offset' in sent && sent.offset === offset)
      const inbox = JSON.stringify([userId, epoch])
      await until(`${userId} is told`, () =>
        Promise.resolve(this.#emitted.get(engine)?.get(inbox) === offset),
      )
    }
  }

  /**
   * Calls `more`, which sends messages, and lets the messages from before the call expire. How many of the later messages also expire
   * depends on the machine, so the model takes the oldest kept message from the engine.
   */
  async #expire(more: () => Promise<unknown>): Promise<void> {
    const inboxes = USERS.map((userId) => this.#model.user(userId).inbox)
    const expired = inboxes.map(({ newest }) => newest)
    await sleep(SHORT_AGE)
    await more()
    await this.#configure(SHORT_AGE)
    const firstOf = async (userId: string): Promise<number> => {
      const [message] = (await this.#engine.messagesAfter(refOf(userId), { offset: 0 }, 1)).messages
      return message?.offset ?? this.#model.user(userId).inbox.newest + 1
    }
    for (const [n, userId] of USERS.entries())
      // If the user was deleted meanwhile, the offsets have begun anew, and nothing is left to expire.
      if (this.#model.user(userId).inbox === inboxes[n])
        await until(`what ${userId} had expires`, async () => (await firstOf(userId)) > (expired[n] ?? 0))
    await this.#configure(retention.age)
    for (const userId of USERS) {
      const { inbox } = this.#model.user(userId)
      const first = await firstOf(userId)
      inbox.messages = inbox.messages.filter(({ offset }) => offset >= first)
    }
  }
}

/** A part of the suite: random calls, compared with a model. SUITE_SEED repeats an earlier run. */
export const randomCallsSuite = ({ describe, on, createPeer, reopen, durable }: SuiteContext): void => {
  describe('after any calls', () => {
    const seed = Number(process.env['SUITE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    on(`everything is as in a simple model (SUITE_SEED=${seed})`, async (engine) => {
      const run = (engines: readonly Engine[]): Promise<void> =>
        new RandomCalls(engines, seed).run(async () => {
          if (durable) await reopen(engine)
        })
      if (createPeer) await whileOpen(await createPeer(engine), (peer) => run([engine, peer]))
      else await run([engine])
    })
  })
}
