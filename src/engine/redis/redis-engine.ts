import type { Engine } from '../engine.js'
import { EngineError, reporterOf } from '../errors.js'
import { createNodeName } from '../util/node-name.js'
import { Lifecycle } from '../lifecycle.js'
import { Listeners } from '../listeners.js'
import type { RedisClient, ServerInfo } from './client/port.js'
import { createRedisClient, type RedisClientOptions } from './client/index.js'
import type { NodeParts } from './opening/node-parts.js'
import { OpenedEngine } from './opening/opened-engine.js'

interface CommonOptions {
  /** The beginning of the names of all keys. @default 'chat-session:' */
  prefix?: string | undefined
  /**
   * The interval, in milliseconds, at which the engine asks each server how much the server has published. The answers show whether
   * anything that was published was lost. Within this interval the engine also renews each watch of a user's presence. At least 1,000.
   * @default 15000
   */
  compareInterval?: number | undefined
  /**
   * Called with errors that reject no call: of a listener that threw, of a background job, and of a lost connection.
   * @default a warning of the process
   */
  onError?: ((error: unknown) => void) | undefined
  /** Called when the engine has opened, with what its server says about itself; in a cluster, with what the least durable server says. */
  onOpen?: ((server: ServerInfo) => void) | undefined
}

export interface RedisEngineOptions extends CommonOptions {
  /** One server, the master that Sentinels name, or a cluster. */
  server: RedisClientOptions
}

export interface SharedEngineOptions extends CommonOptions {
  /** Makes a client for each opening of the engine. */
  client: () => RedisClient
  /** Milliseconds that are added to the time of Redis: for tests. */
  clockShift?: (() => number) | undefined
  /**
   * The number of partitions: a power of two. For tests: on a cluster an engine makes one call for each partition when it opens, so few
   * partitions save time. All engines of a Redis need the same number.
   */
  partitionCount?: number | undefined
}

/** Makes an engine whose data are in a Redis that other engines may share. */
export const createSharedEngine = ({
  client,
  prefix = 'chat-session:',
  clockShift = () => 0,
  compareInterval = 15_000,
  partitionCount,
  onOpen = () => undefined,
  onError: report,
}: SharedEngineOptions): Engine => {
  const name = createNodeName()
  const onError = reporterOf(report)
  const listeners = new Listeners(onError)
  let answer: ((question: string) => Promise<string>) | undefined
  const lifecycle = new Lifecycle<OpenedEngine, OpenedEngine>(
    (previous) =>
      new OpenedEngine({
        ...{ client: client(), prefix, clockShift, compareInterval, partitionCount, onOpen, onError, name },
        previous,
        answer: (question) =>
          answer?.(question) ??
          Promise.reject(new EngineError('unavailable', 'This gateway answers no others.')),
        emit: (event) => listeners.emit(event),
      }),
  )
  const use = <T>(work: (parts: NodeParts, node: OpenedEngine) => Promise<T>): Promise<T> =>
    lifecycle.use((node) => node.run(() => work(node.parts, node)))

  return {
    open: () => lifecycle.open(),
    close: () => lifecycle.close(),
    key: () => use((_parts, node) => Promise.resolve(node.key())),
    check: () => use((_parts, node) => node.check()),
    configure: (appId, options) => use(({ appNotes }) => appNotes.configure(appId, options)),
    listen: (listener, signal) => listeners.add(listener, signal),

    user: (of) => use(({ users }) => users.get(of)),
    saveUser: (of, change) => use(async ({ users }) => listeners.emitSaved(await users.save(of, change))),
    admitUser: ({ appId, userId }, change, admission) => {
      const of = { appId, userId }
      return use(async ({ users }) => listeners.emitSaved(await users.admit(of, change, admission)))
    },
    changeUser: (of, change) => use(async ({ users }) => listeners.emitSaved(await users.change(of, change))),
    users: (appId, after, limit) => use(({ users }) => users.after(appId, after, limit)),
    status: (of) => use(({ sessions }) => sessions.status(of)),
    usage: (appId) => use(({ quotas }) => quotas.usage(appId)),
    deleteUser: ({ appId, userId }) => {
      const of = { appId, userId }
      return use(async ({ adoptions, revocations, users }) => {
        // The end of the last session deletes a guest without messages. Then `users.delete` finds no user, although there was one.
        const wasThere = (await users.get(of)) !== null
        await revocations.revokeUser(of, { issuedBefore: null, mode: 'end' })
        await adoptions.stop(of)
        return (await users.delete(of)) || wasThere
      })
    },
    adoptGuest: (request) =>
      use(async ({ apps, revocations, adoptions }) => {
        const { appId, guestId: userId, proof, retention } = request
        apps.retain(appId, retention)
        if (proof && (await revocations.isRevoked({ appId, userId }, proof.credential))) return null
        const adoption = await adoptions.adopt(request)
        // This moves the first of the guest's messages to the user. The sweeper moves the others.
        if (adoption) await adoptions.move({ appId, userId }).catch(onError)
        return adoption
      }),

    startSession: (request) => use(({ sessions }) => sessions.start(request)),
    confirmSession: (session, connectionId) => use(({ sessions }) => sessions.confirm(session, connectionId)),
    renewSession: (session, connectionId, credential) =>
      use(({ sessions }) => sessions.renew(session, connectionId, credential)),
    touchSession: (session, connectionId, { rtt }) =>
      use(({ attached }) => Promise.resolve(attached.touch(session, connectionId, rtt))),
    setHidden: (session, connectionId, hidden) =>
      use(({ sessions }) => sessions.setHidden(session, connectionId, hidden)),
    detachSession: (session, connectionId, resumableFor) =>
      use(({ sessions }) => sessions.detach(session, connectionId, resumableFor)),
    endSession: (session, code, connectionId) =>
      use(({ sessions }) => sessions.end(session, code, connectionId)),
    sessions: (of) => use(({ sessions }) => sessions.of(of)),
    appSessions: (appId, after, limit) => use(({ sessions }) => sessions.inApp(appId, after, limit)),

    isRevoked: (of, credential) => use(({ revocations }) => revocations.isRevoked(of, credential)),
    revokeUser: (of, revocation) => use(({ revocations }) => revocations.revokeUser(of, revocation)),
    revokeApp: (appId, revocation) => use(({ revocations }) => revocations.revokeApp(appId, revocation)),
    revokeToken: (appId, tokenId) => use(({ revocations }) => revocations.revokeToken(appId, tokenId)),
    liftRevocation: (of) =>
      use(async ({ pushes, revocations }) => {
        // `devices` removes the devices whose credentials are revoked. Otherwise messages would be pushed to them after the lift.
        await pushes.devices(of)
        return revocations.lift(of)
      }),

    send: (message, rules) =>
      use(({ apps, inboxes }) => {
        apps.retain(message.appId, rules.retention)
        return inboxes.send(message, rules)
      }),
    findSent: (message, rules) => use(({ inboxes }) => inboxes.findSent(message, rules)),
    inbox: (of) => use(({ reads }) => reads.state(of)),
    messagesAfter: (of, position, limit) => use(({ reads }) => reads.after(of, position, limit)),
    messagesBefore: (of, before, limit) => use(({ reads }) => reads.before(of, before, limit)),
    markRead: (of, position) => use(({ inboxes }) => inboxes.markRead(of, position)),

    exchanges: (of, ids) => use(({ peers }) => peers.exchanges(of, ids)),
    peers: (of, before, limit) => use(({ peers }) => peers.page(of, before, limit)),
    messagesWith: (of, peer, range, limit) => use(({ peers }) => peers.messages(of, peer, range, limit)),
    markPeerRead: (of, peer, position) => use(({ peers }) => peers.markRead(of, peer, position)),

    // If the reply is lost, the signal may be lost too.
    signal: (to, signal) =>
      use(async ({ runner }) => {
        await runner.onUser(runner.steps.signal, to, [JSON.stringify(signal)])
      }),

    watch: (users) => use(({ watches }) => watches.watch(users)),
    unwatch: (users) => lifecycle.current?.parts.watches.unwatch(users),

    node: () => name,
    askNode: (node, question) => use(({ calls }) => calls.ask(node, question)),
    answerNodes: (answerWith, signal) => {
      answer = answerWith
      signal.addEventListener('abort', () => (answer = undefined), { once: true })
    },

    savePushDevice: (of, subscription, credential) =>
      use(({ pushes }) => pushes.save(of, subscription, credential)),
    endPushDevice: (of, id) => use(({ pushes }) => pushes.end(of, id)),
    pushDevices: (of) => use(({ pushes }) => pushes.devices(of)),
    unreadSenders: (of, after, limit) => use(({ pushes }) => pushes.unreadSenders(of, after, limit)),
    seenOnPage: (of, offset) => use(({ pushes }) => pushes.seen(of, offset)),
    endPushes: (of, outcomes, through, dueIn) =>
      use(({ pushes }) => pushes.endPushes(of, outcomes, through, dueIn)),

    takeDueEvents: (appId, limit, leaseFor) => use(({ webhooks }) => webhooks.take(appId, limit, leaseFor)),
    endDelivery: (appId, userId, eventId, outcome) =>
      use(({ webhooks }) => webhooks.endDelivery({ appId, userId }, eventId, outcome)),
    pendingEvents: (appId, after, limit) => use(({ webhooks }) => webhooks.list(appId, after, limit)),
    replayEvent: (appId, userId, eventId) =>
      use(({ webhooks }) => webhooks.replay({ appId, userId }, eventId)),
    pendingSummary: (appId) => use(({ webhooks }) => webhooks.summary(appId)),
  }
}

/**
 * Makes an engine that keeps its data in a Redis, for several gateways that work as one. Each gateway makes such an engine with the same
 * server and prefix. How durable data are depends on the server's `appendfsync`. The engine needs the package ioredis.
 *
 * @example
 *     const engine = createRedisEngine({ server: { type: 'single', url: 'redis://127.0.0.1:6379' } })
 *     await engine.open()
 */
export const createRedisEngine = ({ server, ...options }: RedisEngineOptions): Engine =>
  createSharedEngine({ ...options, client: () => createRedisClient(server) })
