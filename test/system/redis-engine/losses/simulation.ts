// Calls to two nodes whose requests and replies are lost, late or slow by a seed. Each caller repeats its call as gateways, clients and
// backends do. In the end Redis has what the model has, and nothing else.
import assert from 'node:assert/strict'
import type { Engine, EngineEvent, WebhookEvent } from '../../../../src/engine/index.js'
import { ConnectionFailure } from '../../../../src/engine/redis/client/failures.js'
import { createSharedEngine } from '../../../../src/engine/redis/redis-engine.js'
import { STATE } from '../../../../src/engine/redis/fields.js'
import { Partitions } from '../../../../src/engine/redis/nodes/partitions.js'
import { loadSteps } from '../../../../src/engine/redis/script.js'
import { pushDeviceId } from '../../../../src/engine/push-devices.js'
import {
  app,
  bodies,
  idsOf,
  isUnavailable,
  request,
  rules,
  saveGuest,
} from '../../../../src/engine/suite/kit.js'
import { compareEvents, comparePeers, compareUser } from '../../../../src/engine/suite/model/comparisons.js'
import { Model, type ModelSession } from '../../../../src/engine/suite/model/model.js'
import { ask } from '../../../../src/engine/suite/webhook-kit.js'
import { lossyClient, type Fate } from '../../../support/redis/lossy-client.js'
import type { RedisSetting } from '../../../support/redis/single-and-cluster.js'
import { createRandom } from '../../../support/seeded-random.js'
import { until } from '../../../support/until.js'

const USERS = ['ann', 'bob', 'cid', 'guest:dora']
const SESSIONS_PER_USER = 4
/** How often a caller repeats a call before the test fails. */
const MAX_TRIES = 200
const MAX_HISTORIES = 2
/** The parts of all calls that are lost, late, slow or repeated. */
const FATES: readonly [part: number, fate: Fate][] = [
  [0.08, 'lost-request'],
  [0.12, 'lost-reply'],
  [0.05, 'late'],
  [0.05, 'slow'],
  [0.1, 'repeated'],
]

/** A closing node repeats these calls once: if that fails too, the session stays until it can no longer be resumed. */
const REPEATED_AT_CLOSE = ['endSession', 'abandonSession']

const batches = new Set<string>(
  Object.values(loadSteps()).flatMap((step) => ('isBatch' in step ? [step.name] : [])),
)

const hashOf = (text: string): number => {
  let hash = 0
  for (const character of text) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0
  return hash
}

interface SimulatedNode {
  readonly engine: Engine
  readonly events: EngineEvent[]
  /** Who is online, as the node knows it from its watch and the events since. */
  readonly online: Map<string, boolean>
  readonly settled: () => Promise<unknown>
}

export interface SimulationOptions {
  seed: number
  setting: RedisSetting
  /** How many calls the simulation makes. */
  calls: number
  /** The names of the scripts that ran. */
  reached: Set<string>
}

/** Of inboxes beyond their retention only the last step asks. */
const EVERYTHING = { messages: Infinity, isLarge: () => false }

export class Simulation {
  readonly model = new Model()
  /** The nodes that must be told that a session has ended or moved. */
  readonly #toldAt = new Map<ModelSession, Set<SimulatedNode>>()
  /** The newest message when a session's connection came. Only later ones are emitted for it. */
  readonly #newestAtStart = new Map<ModelSession, number>()
  readonly #options: SimulationOptions
  readonly #random: () => number
  readonly #nodes: SimulatedNode[] = []
  readonly #webhooks = new Map<string, WebhookEvent>()
  #isLossy = false
  #isClosing = false
  #shift = 0
  #count = 0
  #histories = 0
  /** What was called, for the error of a simulation that fails. */
  readonly log: string[] = []

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#random = createRandom(options.seed)
  }

  async run(): Promise<void> {
    for (const n of [0, 1]) this.#nodes.push(this.#makeNode(n))
    this.#isLossy = true
    try {
      for (const node of this.#nodes) await this.#repeat('open', () => node.engine.open(), node)
      for (const node of this.#nodes) {
        await this.#repeat('ask', () => ask(node.engine), node)
        await this.#watch(node)
      }
      const calls = Object.entries(this.#calls())
      for (let n = 0; n < this.#options.calls; n++) {
        // The simulation begins with one call of each kind.
        const [name, call] = calls[n] ?? this.#pick(calls)
        this.log.push(name)
        await call()
      }
      await this.#crowd()
      this.#isLossy = false
      await this.#settle()
      await this.#leave()
    } finally {
      this.#isLossy = false
      await Promise.all(this.#nodes.map(({ engine }) => engine.close()))
    }
  }

  #makeNode(n: number): SimulatedNode {
    const { seed, setting, reached } = this.#options
    const server = setting.options
    // The fate of a call depends on how often its script was called, not on what runs beside it.
    const counts = new Map<string, number>()
    // A batch runs in all partitions, and takes this many calls.
    const batchCalls = server.type === 'cluster' ? 1_024 : 16
    const fateOf = (name: string): Fate | undefined => {
      reached.add(name)
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      if (!this.#isLossy || (this.#isClosing && REPEATED_AT_CLOSE.includes(name))) return undefined
      let drawn =
        createRandom(hashOf(`${seed} ${n} ${name} ${count}`))() * (batches.has(name) ? batchCalls : 1)
      return FATES.find(([part]) => (drawn -= part) < 0)?.[1]
    }
    const openings: (() => Promise<unknown>)[] = []
    const engine = createSharedEngine({
      client: () => {
        const { client, settled } = lossyClient(server, fateOf)
        openings.push(settled)
        return client
      },
      prefix: `seed ${seed}:`,
      compareInterval: 1_000,
      clockShift: () => this.#shift,
      // Background jobs fail as calls do. On a machine that is too busy for a connection in time, the client says so.
      onError: (error) => {
        if (!isUnavailable(error) && !(error instanceof ConnectionFailure)) throw error
      },
    })
    const events: EngineEvent[] = []
    const online = new Map<string, boolean>()
    engine.listen((event) => {
      events.push(event)
      if (event.type === 'presence') online.set(event.user.userId, event.online)
    }, new AbortController().signal)
    return { engine, events, online, settled: () => Promise.all(openings.map((settled) => settled())) }
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] ?? assert.fail('There is nothing to pick.')
  }

  #at(): SimulatedNode {
    return this.#pick(this.#nodes)
  }

  /** Returns the node whose connection carries a session; undefined if it is detached. */
  #nodeOf({ engine, connectionId }: ModelSession): SimulatedNode | undefined {
    return connectionId === null ? undefined : this.#nodes.find((node) => node.engine === engine)
  }

  #mustBeTold(session: ModelSession): void {
    const node = this.#nodeOf(session)
    if (node) this.#toldAt.set(session, (this.#toldAt.get(session) ?? new Set()).add(node))
  }

  /** Ends a session. Its node is told, unless that node itself has ended it with its connection. */
  #end(session: ModelSession, by?: SimulatedNode): void {
    if (this.#nodeOf(session) !== by) this.#mustBeTold(session)
    this.model.end(session)
  }

  /** Notes what ends all sessions of a user, or of the app. */
  #endAll(userId: string | undefined, end: () => void): void {
    for (const session of this.model.alive(userId)) this.#mustBeTold(session)
    end()
  }

  #userId(): string {
    return this.#pick(USERS)
  }

  /** Makes a call again until it succeeds. Redis runs late calls before the next one. */
  async #repeat<T>(what: string, work: () => Promise<T>, node: SimulatedNode): Promise<T> {
    for (let n = 0; n < MAX_TRIES; n++)
      try {
        return await work()
      } catch (error) {
        if (!isUnavailable(error)) throw error
        await node.settled()
      }
    throw new Error(`${what} does not succeed.`)
  }

  /** Makes a call once: the engine itself makes it again if it fails. */
  async #once(work: () => Promise<unknown>, node: SimulatedNode): Promise<void> {
    await work().catch((error: unknown) => {
      if (!isUnavailable(error)) throw error
    })
    await node.settled()
  }

  async #start(userId: string, resumes?: ModelSession): Promise<void> {
    const { model } = this
    const node = this.#at()
    const of = { appId: app, userId }
    const guest = userId.startsWith('guest:')
    await this.#repeat(
      'save',
      () => (guest ? saveGuest(node.engine, of) : node.engine.saveUser(of, {})),
      node,
    )
    model.user(userId).exists = true
    let asked = request(of)
    const started = await this.#repeat(
      'start',
      () => {
        asked = request(of, {
          ...{ guest, sessionsPerUser: SESSIONS_PER_USER, resumableFor: 600_000, resumes: resumes?.keyHash },
          keyHash: `key ${++this.#count} of ${this.#options.seed}`,
          connectionId: `connection ${this.#count} of ${this.#options.seed}`,
        })
        asked.credential.issuedAt = Date.now() + 10
        return node.engine.startSession(asked)
      },
      node,
    )
    assert.ok(started)
    assert.equal(started.resumed, resumes !== undefined, 'a session is resumed by the key of its client')
    if (resumes) this.#mustBeTold(resumes)
    const { connectionId, keyHash, credential } = asked
    const [session] = model.start(
      {
        ...{ userId, engine: node.engine, connectionId, keyHash, tokenId: credential.tokenId },
        ...{ resumes: resumes?.keyHash, isHidden: false },
      },
      Infinity,
    )
    session.sessionId = started.sessionId
    this.#newestAtStart.set(session, model.user(userId).inbox.newest)
    await this.#learnReplaced(userId, started.sessionId)
  }

  /** Too many sessions of a user make some of them end. A start that failed and is being undone may have counted. */
  async #learnReplaced(userId: string, newest: string): Promise<void> {
    const { model } = this
    const node = this.#at()
    const stored = await this.#repeat('sessions', () => node.engine.sessions({ appId: app, userId }), node)
    const ids = new Set(stored.map(({ sessionId }) => sessionId))
    assert.ok(ids.has(newest))
    const ended = model.alive(userId).filter(({ sessionId }) => !ids.has(sessionId))
    if (ended.length > 0)
      assert.ok(ids.size + ended.length >= SESSIONS_PER_USER, 'a session has ended without need')
    for (const session of ended) this.#end(session)
  }

  /** A user adopts a guest who has received and sent messages. The caller repeats the call until all have moved. */
  async #adopt(userId: string): Promise<void> {
    const node = this.#at()
    const guestId = `guest:~${++this.#count}`
    const [guest, to] = [
      { appId: app, userId: guestId },
      { appId: app, userId },
    ]
    const send = async (from: string | null, recipient: string): Promise<string> => {
      const id = `message ${++this.#count}`
      const message = { appId: app, id, from, to: recipient, body: id }
      const sent = await this.#repeat('send', () => node.engine.send(message, rules()), node)
      assert.ok(sent.outcome === 'stored' || sent.outcome === 'repeated')
      return id
    }
    const saved = await this.#repeat('save', () => saveGuest(node.engine, guest, {}, 1_000), node)
    const { user } = await this.#repeat('save', () => node.engine.saveUser(to, {}), node)
    this.model.user(userId).exists = true
    const inbox = [
      { id: await send(null, guestId), from: null },
      { id: await send(guestId, guestId), from: userId },
      { id: await send(null, guestId), from: null },
    ]
    const asked = { ...to, userCreatedAt: user.createdAt, guestId, retention: rules().retention }
    const credential = { ...request(guest).credential, issuedAt: Date.now() + 10 }
    const proof = { credential, createdAt: saved?.user.createdAt ?? 0 }
    const adopt = () => node.engine.adoptGuest({ ...asked, proof: this.model.isAppRevoked ? null : proof })
    do {
      const adoption = await this.#repeat('adopt', adopt, node)
      assert.deepEqual(adoption, { guest: guestId, messages: inbox.length })
    } while ((await this.#repeat('read', () => bodies(node.engine, guest), node)).length > 0)
    for (const message of [...inbox, { id: await send(null, guestId), from: null }])
      this.model.user(userId).inbox.add({ ...message, to: userId }, EVERYTHING)
  }

  async #send(from: string | null, to: string): Promise<void> {
    const { model } = this
    const node = this.#at()
    const id = `message ${++this.#count}`
    const message = { appId: app, id, from, to, body: id }
    // In a cluster a sender who takes this share of a partition is counted in all partitions.
    const quota = { ...rules().quota, bytesPerSender: 200_000 }
    const sent = await this.#repeat('send', () => node.engine.send(message, rules({ quota })), node)
    const mayBeUnknown = (userId: string | null): boolean =>
      userId?.startsWith('guest:') === true && model.user(userId).inbox.newest === 0
    // A message creates no guest.
    if (sent.outcome === 'unknown-user') return assert.ok([from, to].some(mayBeUnknown))
    assert.ok(sent.outcome === 'stored' || sent.outcome === 'repeated')
    const { offset, ownOffset } = sent
    assert.deepEqual({ outcome: 'stored', offset, ownOffset }, model.send(message, EVERYTHING))
  }

  /** One call of each kind, on a user and a node that the seed picks. */
  #calls(): Record<string, () => Promise<unknown>> {
    const { model } = this
    const one = (): ModelSession | undefined => {
      const alive = model.alive()
      return alive.length > 0 ? this.#pick(alive) : undefined
    }
    const refOf = ({ userId, sessionId }: ModelSession) => ({ appId: app, userId, sessionId })
    /** Makes a call at the node that carries a session. */
    const there = async (
      work: (session: ModelSession, node: SimulatedNode, connectionId: string) => Promise<unknown>,
    ): Promise<void> => {
      const carried = model.alive().filter(({ connectionId }) => connectionId !== null)
      if (carried.length === 0) return
      const session = this.#pick(carried)
      const { connectionId } = session
      await work(session, this.#nodeOf(session) ?? assert.fail(), connectionId ?? assert.fail())
    }
    /** Repeats a call at any node, with a user. */
    const anywhere =
      (work: (engine: Engine, userId: string) => Promise<unknown>) => async (): Promise<void> => {
        const node = this.#at()
        const userId = this.#userId()
        await this.#repeat('a call', () => work(node.engine, userId), node)
      }
    const of = (userId: string) => ({ appId: app, userId })
    return {
      start: () => this.#start(this.#userId()),
      startAgain: () => this.#start(this.#userId()),
      resume: async () => {
        const session = one()
        if (session) await this.#start(session.userId, session)
      },
      confirm: () =>
        there((session, node, connectionId) =>
          this.#repeat('confirm', () => node.engine.confirmSession(refOf(session), connectionId), node),
        ),
      touch: () =>
        there((session, node, connectionId) =>
          this.#repeat(
            'touch',
            () => node.engine.touchSession(refOf(session), connectionId, { rtt: 1 }),
            node,
          ),
        ),
      hide: () =>
        there(async (session, node, connectionId) => {
          const hidden = session.hidden === null
          model.hide(session, hidden)
          await this.#repeat('hide', () => node.engine.setHidden(refOf(session), connectionId, hidden), node)
        }),
      renew: () =>
        there(async (session, node, connectionId) => {
          const tokenId = `renewed ${++this.#count}`
          const credential = {
            authMethod: 'token',
            tokenId,
            issuedAt: Date.now() + 10,
            expiresAt: null,
          } as const
          const isGood = await this.#repeat(
            'renew',
            () => node.engine.renewSession(refOf(session), connectionId, credential),
            node,
          )
          assert.ok(isGood)
          session.tokenId = tokenId
        }),
      detach: () =>
        there(async (session, node, connectionId) => {
          await this.#once(() => node.engine.detachSession(refOf(session), connectionId, 600_000), node)
          model.detach(session)
        }),
      endHere: () =>
        there(async (session, node, connectionId) => {
          await this.#once(() => node.engine.endSession(refOf(session), 'ended', connectionId), node)
          this.#end(session, node)
        }),
      endAnywhere: async () => {
        const session = one()
        const node = this.#at()
        if (!session) return
        await this.#repeat('end', () => node.engine.endSession(refOf(session), 'ended'), node)
        this.#end(session)
      },
      send: () => this.#send(this.#userId(), this.#userId()),
      sendMore: () => this.#send(this.#userId(), this.#userId()),
      publish: () => this.#send(null, this.#userId()),
      push: async () => {
        const node = this.#at()
        const userId = this.#userId()
        const endpoint = `https://push.example/${++this.#count}`
        const subscription = { endpoint, expirationTime: null, keys: { p256dh: 'key', auth: 'secret' } }
        const credential = { ...request(of(userId)).credential, issuedAt: Date.now() + 10 }
        const call = <T>(work: (engine: Engine) => Promise<T>): Promise<T> =>
          this.#repeat('a call about devices', () => work(node.engine), node)
        const isSaved = await call((engine) => engine.savePushDevice(of(userId), subscription, credential))
        const devices = await call((engine) => engine.pushDevices(of(userId)))
        // A revocation of the app may have been for the future.
        if (!isSaved || model.isAppRevoked) assert.ok(devices.length <= 1)
        else
          assert.deepEqual(
            devices.map((device) => device.endpoint),
            [endpoint],
          )
        const id = pushDeviceId(endpoint)
        await call((engine) => engine.endPushes(of(userId), [{ id, result: 'failed', retryIn: 1 }], 0, null))
        const { inbox } = await call((engine) => engine.unreadSenders(of(userId), 0, 10))
        assert.equal(inbox.offset, model.user(userId).inbox.newest)
        await call((engine) => engine.endPushDevice(of(userId), id))
        assert.deepEqual(await call((engine) => engine.pushDevices(of(userId))), [])
      },
      markRead: async () => {
        const node = this.#at()
        const userId = this.#userId()
        const { inbox } = model.user(userId)
        const offset = Math.floor(this.#random() * (inbox.newest + 1))
        await this.#repeat(
          'mark',
          async () => node.engine.markRead(of(userId), { ...(await node.engine.inbox(of(userId))), offset }),
          node,
        )
        inbox.markRead(offset)
      },
      markBackendRead: async () => {
        const node = this.#at()
        const userId = this.#userId()
        const { inbox } = model.user(userId)
        const offset = Math.floor(this.#random() * (inbox.newest + 1))
        await this.#repeat(
          'mark',
          async () =>
            node.engine.markPeerRead(of(userId), null, { ...(await node.engine.inbox(of(userId))), offset }),
          node,
        )
        inbox.markPeerRead(null, offset)
      },
      rename: async () => {
        const node = this.#at()
        const userId = this.#userId()
        if (userId.startsWith('guest:')) return
        const name = `name ${++this.#count}`
        await this.#repeat('save', () => node.engine.saveUser(of(userId), { claimed: { name } }), node)
        Object.assign(model.user(userId), { exists: true, name })
      },
      revoke: async () => {
        const node = this.#at()
        const userId = this.#userId()
        const mode = this.#random() < 0.7 ? 'end' : 'reauth'
        await this.#repeat(
          'revoke',
          () => node.engine.revokeUser(of(userId), { issuedBefore: null, mode }),
          node,
        )
        if (mode === 'end') this.#endAll(userId, () => model.revoke(userId))
        else model.user(userId).isRevoked = true
      },
      lift: async () => {
        const node = this.#at()
        const userId = this.#userId()
        await this.#repeat('lift', () => node.engine.liftRevocation(of(userId)), node)
        model.user(userId).isRevoked = false
      },
      revokeToken: async () => {
        const session = one()
        const node = this.#at()
        const tokenId = session?.tokenId
        if (!session || typeof tokenId !== 'string') return
        await this.#repeat('revoke', () => node.engine.revokeToken(app, tokenId), node)
        this.#end(session)
      },
      revokeApp: async () => {
        if (this.#random() < 0.7 && model.isAppRevoked) return
        const node = this.#at()
        await this.#repeat(
          'revoke',
          () => node.engine.revokeApp(app, { issuedBefore: null, mode: 'end' }),
          node,
        )
        this.#endAll(undefined, () => model.revoke())
      },
      deleteUser: async () => {
        const node = this.#at()
        const userId = this.#userId()
        await this.#repeat('delete', () => node.engine.deleteUser(of(userId)), node)
        this.#endAll(userId, () => model.delete(userId))
      },
      watch: () => this.#watch(this.#at()),
      signal: async () => {
        const node = this.#at()
        const signal = { from: null, name: 'typing', ttl: 1 }
        await this.#once(() => node.engine.signal(of(this.#userId()), signal), node)
      },
      adopt: () => this.#adopt(this.#pick(USERS.slice(0, -1))),
      isRevoked: anywhere((engine, userId) =>
        engine.isRevoked(of(userId), {
          authMethod: 'token',
          tokenId: 'unknown',
          issuedAt: null,
          expiresAt: null,
        }),
      ),
      status: anywhere((engine, userId) => engine.status(of(userId))),
      users: anywhere((engine) => engine.users(app, null, 3)),
      appSessions: anywhere((engine) => engine.appSessions(app, null, 3)),
      usage: anywhere((engine) => engine.usage(app)),
      check: anywhere((engine) => engine.check()),
      ask: anywhere((engine) => engine.askNode('nobody', 'a question')),
      before: anywhere((engine, userId) => engine.messagesBefore(of(userId), null, 3)),
      peers: anywhere((engine, userId) => engine.peers(of(userId), null, 3)),
      exchanges: anywhere((engine, userId) => engine.exchanges(of(userId), [null, ...USERS])),
      messagesWith: anywhere((engine, userId) => engine.messagesWith(of(userId), null, { after: 0 }, 3)),
      // A mark at the begin changes nothing in the model.
      readPeer: anywhere(async (engine, userId) =>
        engine.markPeerRead(of(userId), null, { ...(await engine.inbox(of(userId))), offset: 0 }),
      ),
      deliver: () => this.#deliver(this.#at(), 0.5),
      pending: anywhere((engine) => engine.pendingEvents(app, null, 10)),
      summary: anywhere((engine) => engine.pendingSummary(app)),
      reopen: async () => {
        const node = this.#at()
        for (const session of model.alive()) if (this.#nodeOf(session) === node) model.detach(session)
        // A node that closes has no connections to tell.
        for (const nodes of this.#toldAt.values()) nodes.delete(node)
        this.#isClosing = true
        await node.engine.close()
        this.#isClosing = false
        await this.#repeat('open', () => node.engine.open(), node)
        // A gateway makes this call at its start, too.
        await this.#repeat('ask', () => ask(node.engine), node)
        await this.#watch(node)
      },
      newHistory: () => this.#beginHistory(),
    }
  }

  /** Has a node watch all users. An event that comes before the answer is newer. */
  async #watch(node: SimulatedNode): Promise<void> {
    const { engine, events, online } = node
    const before = events.length
    const found = await this.#repeat(
      'watch',
      () => engine.watch(USERS.map((userId) => ({ appId: app, userId }))),
      node,
    )
    const isTold = (userId: string): boolean =>
      events.slice(before).some((event) => event.type === 'presence' && event.user.userId === userId)
    for (const presence of found) if (!isTold(presence.userId)) online.set(presence.userId, presence.online)
  }

  /** Lets the server of each user seem to be another one, as after a failover that has lost nothing. */
  async #beginHistory(): Promise<void> {
    if (this.#histories++ >= MAX_HISTORIES) return
    const { setting, seed } = this.#options
    const partitions = new Partitions()
    const isCluster = setting.options.type === 'cluster'
    const { history } = STATE
    for (const partition of new Set(
      isCluster ? USERS.map((userId) => partitions.of({ appId: app, userId })) : [0],
    )) {
      const { command } = await setting.serverOf(partition)
      const state = `seed ${seed}:{${partitions.tags[partition]}}:state`
      await command('hset', state, history, `history ${this.#histories}`)
    }
  }

  /** Delivers what is due; a part of the events fails at first. */
  async #deliver(node: SimulatedNode, failing = 0): Promise<number> {
    const taken = await this.#repeat('take', () => node.engine.takeDueEvents(app, 100, 1), node)
    for (const { event } of taken) {
      const outcome =
        this.#random() >= failing ? { delivered: true as const } : { failed: 'The simulation fails it.' }
      if ('delivered' in outcome) this.#webhooks.set(event.id, event)
      await this.#repeat('end', () => node.engine.endDelivery(app, event.userId, event.id, outcome), node)
      if ('failed' in outcome)
        await this.#repeat('replay', () => node.engine.replayEvent(app, event.userId, event.id), node)
    }
    return taken.length
  }

  /** An inbox has many more messages than a lower retention allows. */
  async #crowd(): Promise<void> {
    const node = this.#at()
    const to = 'crowded'
    for (let n = 0; n < 6; n++)
      await Promise.all(
        Array.from({ length: 50 }, (_, m) => {
          const message = { appId: app, id: `${n} ${m}`, from: null, to, body: '' }
          return this.#repeat('send', () => node.engine.send(message, rules()), node)
        }),
      )
    await this.#trim('a lower retention')
  }

  /** Sends a message with a lower retention. If it does not delete all that is beyond, the next message goes on. */
  async #trim(id: string): Promise<void> {
    const node = this.#at()
    const retention = { messages: 2, bytes: 1e9, age: rules().retention.age }
    const message = { appId: app, id, from: null, to: 'crowded', body: '' }
    await this.#repeat('send', () => node.engine.send(message, rules({ retention })), node)
  }

  /** Resolves once Redis and both nodes have what the model has. */
  async #settle(): Promise<void> {
    await Promise.all(this.#nodes.map(({ settled }) => settled()))
    // A pending own copy is made once it is a few seconds old.
    this.#shift += 6_000
    await this.#trim('one more')
    await until('Redis has what the model has', () => this.#differences(), '', 20_000)
    await until('the nodes were told', () => this.#untold(), '', 20_000)
    await this.#deliverAll()
    this.#checkWebhooks()
  }

  /** Returns what Redis has otherwise than the model; '' if nothing. */
  async #differences(): Promise<string> {
    const { model } = this
    const engine = this.#nodes[0]?.engine ?? assert.fail()
    try {
      for (const userId of USERS) {
        await compareUser(engine, model, userId)
        await comparePeers(engine, model, userId, [...USERS, null], () => [0, 1_000])
        assert.deepEqual(
          await bodies(engine, { appId: app, userId }),
          model.user(userId).inbox.messages.map(({ id }) => id),
        )
      }
      const listed = (await engine.appSessions(app, null, 1_000)).sessions
      const alive = model.alive()
      assert.deepEqual(idsOf(listed).toSorted(), alive.map(({ sessionId }) => sessionId).toSorted())
      assert.equal((await engine.usage(app)).sessions, alive.length)
      // These are beyond the retention of the last step.
      assert.equal((await bodies(engine, { appId: app, userId: 'crowded' })).length, 2)
      return ''
    } catch (error) {
      return String(error)
    }
  }

  #nameOf(node: SimulatedNode): string {
    return `node ${this.#nodes.indexOf(node)}`
  }

  /** The ends and moves of carried sessions, the messages and the presence, which the nodes have not emitted yet. */
  #untold(): string {
    const missing: string[] = []
    for (const [session, nodes] of this.#toldAt)
      for (const node of nodes) {
        const isTold = node.events.some(
          (event) =>
            (event.type === 'session-ended' || event.type === 'connection-replaced') &&
            event.session.sessionId === session.sessionId,
        )
        if (!isTold) missing.push(`${this.#nameOf(node)} was not told of ${session.sessionId}`)
      }
    for (const node of this.#nodes)
      for (const userId of USERS) {
        const alive = this.model.alive(userId)
        const isSure = alive.every(({ connectionId }) => connectionId !== null)
        if (isSure && node.online.get(userId) !== alive.length > 0)
          missing.push(`${this.#nameOf(node)} was not told of the presence of ${userId}`)
      }
    for (const session of this.model.alive()) {
      const node = this.#nodeOf(session)
      const { userId } = session
      const { newest } = this.model.user(userId).inbox
      const last = node?.events.findLast((event) => event.type === 'message' && event.user.userId === userId)
      const emitted = last?.type === 'message' ? last.message.offset : 0
      if (node && (this.#newestAtStart.get(session) ?? 0) < newest && emitted < newest)
        missing.push(`${this.#nameOf(node)} has emitted the messages of ${userId} up to ${emitted}`)
    }
    return missing.join('\n')
  }

  async #deliverAll(): Promise<void> {
    const engine = this.#nodes[0]?.engine ?? assert.fail()
    await until(
      'all events are delivered',
      async () => {
        // The node that added an event delivers it.
        for (const node of this.#nodes) while ((await this.#deliver(node)) > 0);
        return (await engine.pendingSummary(app)).pending
      },
      0,
    )
  }

  #checkWebhooks(): void {
    const events = [...this.#webhooks.values()]
    compareEvents(events, this.model, USERS)
    // Nobody knows a session whose start has failed: it has ended too.
    const known = new Set(this.model.sessions.map(({ sessionId }) => sessionId))
    const unknown = events.filter(
      ({ type, data }) => type.startsWith('session.') && !known.has(data['sessionId'] as string),
    )
    const idsIn = (type: string): unknown[] =>
      unknown.filter((event) => event.type === type).map(({ data }) => data['sessionId'])
    assert.deepEqual(idsIn('session.started').toSorted(), idsIn('session.ended').toSorted())
  }

  /** One node closes, all sessions end and all messages expire: nothing is left. */
  async #leave(): Promise<void> {
    const [stays, leaves] = this.#nodes
    assert.ok(stays && leaves)
    // Whatever has happened, the node that closes has a session to detach.
    const late = { appId: app, userId: 'late' }
    await until('it has one', async () => (await leaves.engine.startSession(request(late))) !== null)
    this.#isLossy = true
    for (const session of this.model.alive())
      if (this.#nodeOf(session) === stays)
        await this.#once(
          () => stays.engine.detachSession({ appId: app, ...session }, session.connectionId ?? '', 1),
          stays,
        )
    await leaves.engine.close()
    const retention = { ...rules().retention, age: 1_000 }
    await this.#repeat('configure', () => stays.engine.configure(app, { retention, webhooks: null }), stays)
    const sessions = async (): Promise<number> => {
      // If the other node could not detach its sessions, its lease ends first.
      this.#shift += 50_000
      return (await this.#repeat('usage', () => stays.engine.usage(app), stays)).sessions
    }
    // No client reads a session meanwhile, so only the sweep can end them.
    await until('no session is left', sessions, 0, 40_000)
    const left = async (): Promise<string> => {
      const { bytes, guests } = await this.#repeat('usage', () => stays.engine.usage(app), stays)
      const unread = await Promise.all(
        USERS.map((userId) => this.#repeat('inbox', () => stays.engine.inbox({ appId: app, userId }), stays)),
      )
      const online = await Promise.all(
        USERS.map((userId) =>
          this.#repeat('status', () => stays.engine.status({ appId: app, userId }), stays),
        ),
      )
      return JSON.stringify({
        ...{ bytes, guests },
        unread: unread.reduce((sum, inbox) => sum + inbox.unread, 0),
        online: online.filter((status) => status.online).length,
      })
    }
    const nothing = JSON.stringify({ bytes: 0, guests: 0, unread: 0, online: 0 })
    await until('nothing is left', left, nothing, 30_000)
  }
}
