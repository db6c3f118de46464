import type { Engine } from '../engine.js'
import { EngineError, reporterOf } from '../errors.js'
import { createNodeName } from '../util/node-name.js'
import { Lifecycle } from '../lifecycle.js'
import { Listeners } from '../listeners.js'
import { rows } from './store/rows.js'
import { put, read, type Volume } from './store/store.js'
import { Supervisor, type Opened } from './supervisor.js'

export interface EngineOptions {
  /**
   * Called with the errors of listeners, of background jobs, of failed writes, and of the recovery after a failed write. An error that a
   * background job or the recovery repeats is reported once. @default a warning of the process
   */
  onError?: ((error: unknown) => void) | undefined
}

/**
 * Makes an engine for one process, on an ordered store. `openVolume` is called when a closed engine is opened, and at each attempt of a
 * recovery after a failed write. `signal` aborts when the engine is closed.
 */
export const createExclusiveEngine = (
  openVolume: (signal: AbortSignal) => Promise<Volume>,
  options: EngineOptions = {},
): Engine => {
  const name = createNodeName()
  const onError = reporterOf(options.onError)
  const listeners = new Listeners(onError)
  const lifecycle = new Lifecycle<Opened, Supervisor>(
    (previous) => new Supervisor({ openVolume, onError, previous, emit: (event) => listeners.emit(event) }),
  )
  const use = <T>(work: (opened: Opened) => T | Promise<T>): Promise<T> => lifecycle.use(work)

  return {
    open: () => lifecycle.open(),
    close: () => lifecycle.close(),
    key: () => use(({ database }) => new Uint8Array(database.key)),
    check: () =>
      use(async ({ database: { commit, volume } }) => {
        const now = Date.now()
        await commit.sync([put(rows.check, now)])
        if (typeof read(volume.store, rows.check) !== 'number')
          throw new EngineError(
            'unavailable',
            'The engine read another value than it wrote: look for a failing disk.',
          )
      }),
    configure: (appId, { retention, webhooks }) =>
      use(({ database }) => {
        database.inboxes.retain(appId, retention)
        database.webhooks.configure(appId, webhooks)
        database.inboxes.resume(appId)
      }),
    listen: (listener, signal) => listeners.add(listener, signal),

    user: (of) => use(({ database }) => database.users.get(of)),
    saveUser: async (of, change) =>
      listeners.emitSaved(await use(({ database }) => database.users.save(of, change))),
    admitUser: async (of, change, admission) =>
      listeners.emitSaved(
        await use(({ service, database }) => service.admit(of, change, admission, database)),
      ),
    changeUser: async (of, change) =>
      listeners.emitSaved(
        await use(({ database }) =>
          database.users.save(of, change, { refuse: (stored) => (stored ? undefined : null) }),
        ),
      ),
    users: (appId, after, limit) => use(({ database }) => database.users.after(appId, after, limit)),
    status: (of) =>
      use(({ sessions, service, database }) => ({
        online: sessions.isOnline(of),
        sessions: sessions.of(of).length,
        lastSeenAt: service.lastSeenAt(of),
        revokedBefore: database.revocations.revokedBefore(of),
        unread: database.inboxes.state(of).unread,
      })),
    usage: (appId) =>
      use(({ sessions, database }) => {
        const { users, guests, inboxes, bytes } = database.usage.of(appId)
        return { users, guests, inboxes, bytes, sessions: sessions.count(appId) }
      }),
    deleteUser: async ({ appId, userId }) => {
      const of = { appId, userId }
      // This is read first: if the user is a guest without messages, the end of the last session deletes the user.
      const wasThere = await use(({ database }) => database.users.get(of) !== null)
      await use(({ service, database }) =>
        service.revokeUser(of, { issuedBefore: null, mode: 'end' }, database),
      )
      return use(async ({ sessions, service, database }) => {
        const { users, inboxes, commit } = database
        commit.assertWritable()
        const operations = commit.change(() => inboxes.delete(of, () => users.delete(of)))
        await commit.sync(operations)
        for (const session of sessions.of(of)) service.end(session, 'revoked')
        service.forgetLastSeen(of, database)
        return wasThere || operations.length > 0
      })
    },
    adoptGuest: (request) => use(({ service, database }) => service.adopt(request, database)),

    startSession: async (request) => {
      const { after } = request
      // The store is read first, so that a failed read leaves no session behind.
      const isLost =
        after !== undefined &&
        (await use(({ database }) => database.inboxes.reader.after(request, after, 1))).lost
      return use(({ service, database }) => service.start(request, database, isLost))
    },
    confirmSession: (session, connectionId) => use(({ sessions }) => sessions.confirm(session, connectionId)),
    renewSession: (session, connectionId, credential) =>
      use(({ sessions, database }) => {
        if (database.revocations.isRevoked(session, credential)) return false
        sessions.renew(session, connectionId, credential)
        return true
      }),
    touchSession: (session, connectionId, { rtt }) =>
      use(({ sessions }) => sessions.touch(session, connectionId, rtt)),
    setHidden: (session, connectionId, hidden) =>
      use(({ sessions }) => sessions.setHidden(session, connectionId, hidden)),
    detachSession: (session, connectionId, resumableFor) =>
      use(({ sessions }) => sessions.detach(session, connectionId, resumableFor)),
    endSession: (session, code, connectionId) =>
      use(({ service }) => service.end(session, code, connectionId)),
    sessions: (of) => use(({ sessions }) => sessions.of(of)),
    appSessions: (appId, after, limit) => use(({ sessions }) => sessions.inApp(appId, after, limit)),

    isRevoked: (of, credential) => use(({ database }) => database.revocations.isRevoked(of, credential)),
    revokeUser: (of, revocation) =>
      use(({ service, database }) => service.revokeUser(of, revocation, database)),
    revokeApp: (appId, revocation) =>
      use((opened) => {
        const isOpen = (): boolean => lifecycle.current?.opened === opened
        return opened.service.revokeApp(appId, revocation, opened.database, isOpen)
      }),
    revokeToken: (appId, tokenId) =>
      use(({ service, database }) => service.revokeToken(appId, tokenId, database)),
    // `devices` ends the devices whose credential is revoked. Without this call a lifted revocation would bring them back.
    liftRevocation: (of) =>
      use(({ database: { pushes, revocations } }) => revocations.lift(of, () => pushes.devices(of))),

    send: (message, rules) => use(({ database }) => database.inboxes.sends.send(message, rules)),
    findSent: (message) => use(({ database }) => database.inboxes.sends.find(message)),
    inbox: (of) => use(({ database }) => database.inboxes.state(of)),
    messagesAfter: (of, position, limit) =>
      use(({ database }) => database.inboxes.reader.after(of, position, limit)),
    messagesBefore: (of, before, limit) =>
      use(({ database }) => database.inboxes.reader.before(of, before, limit)),
    markRead: (of, position) => use(({ database }) => database.inboxes.markRead(of, position)),

    exchanges: (of, peers) => use(({ database }) => database.inboxes.peers.exchanges(of, peers)),
    peers: (of, before, limit) => use(({ database }) => database.inboxes.peers.page(of, before, limit)),
    messagesWith: (of, peer, range, limit) =>
      use(({ database }) => database.inboxes.peers.messages(of, peer, range, limit)),
    markPeerRead: (of, peer, position) =>
      use(({ database }) => database.inboxes.peers.markRead(of, peer, position)),

    // No other process can have sessions of the user, so the listeners of this engine are enough.
    signal: ({ appId, userId }, signal) =>
      use(() => listeners.emit({ type: 'signal', user: { appId, userId }, signal })),

    watch: (users) => use(({ service }) => users.map((of) => service.watch(of))),
    unwatch: (users) => {
      for (const of of users) lifecycle.current?.opened?.service.unwatch(of)
    },

    node: () => name,
    // No other engine has the data of this one, so there is none to ask, and none asks.
    askNode: () => use(() => null),
    answerNodes: () => undefined,

    savePushDevice: ({ appId, userId }, subscription, credential) => {
      const of = { appId, userId }
      return use(({ database: { users, inboxes, pushes } }) => {
        const user = users.get(of)
        if (!user || !users.exists(of, user.createdAt)) return false
        return pushes.save(of, subscription, credential, inboxes.state(of).offset)
      })
    },
    endPushDevice: (of, id) => use(({ database }) => database.pushes.end(of, id)),
    pushDevices: (of) => use(({ database }) => database.pushes.devices(of)),
    unreadSenders: (of, after, limit) =>
      use(({ database }) => database.inboxes.reader.unreadSenders(of, after, limit)),
    seenOnPage: (of, offset) =>
      use(({ database: { inboxes, pushes } }) => pushes.seen(of, offset, inboxes.state(of).offset)),
    endPushes: ({ appId, userId }, outcomes, through, dueIn) => {
      const of = { appId, userId }
      return use(({ database: { inboxes, pushes } }) =>
        pushes.endPushes(of, outcomes, through, dueIn, inboxes.state(of).offset),
      )
    },

    takeDueEvents: (appId, limit, leaseFor) =>
      use(({ database }) => database.queue.takeDueEvents(appId, limit, leaseFor)),
    endDelivery: (appId, userId, eventId, outcome) =>
      use(({ database }) => database.queue.endDelivery(appId, userId, eventId, outcome)),
    pendingEvents: (appId, after, limit) =>
      use(({ database }) => database.queue.pendingEvents(appId, after, limit)),
    replayEvent: (appId, userId, eventId) =>
      use(({ database }) => database.queue.replayEvent(appId, userId, eventId)),
    pendingSummary: (appId) => use(({ database }) => database.queue.pendingSummary(appId)),
  }
}
