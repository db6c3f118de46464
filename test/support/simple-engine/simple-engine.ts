import { randomBytes, randomUUID } from 'node:crypto'
import {
  EngineError,
  type Engine,
  type EngineEvent,
  type EngineInboxes,
  type EngineLifecycle,
  type EngineNodes,
  type EnginePeers,
  type EnginePresence,
  type EnginePush,
  type EngineRevocations,
  type EngineSessions,
  type EngineSignals,
  type EngineUsers,
  type Revocation,
  type SessionRecord,
  type SessionRef,
  type UserRef,
  type WebhookQueue,
} from '../../../src/engine/index.js'
import { createSimpleMessages } from './simple-messages.js'
import { createSimplePushes } from './simple-pushes.js'
import { createSimpleRevocations } from './simple-revocations.js'
import { createSimpleUsers } from './simple-users.js'
import { createSimpleWebhooks } from './simple-webhooks.js'
import { keyOf } from './key-of.js'

interface Session extends SessionRecord {
  connectionId: string | null
  /** The order of detachments, and of hidings. */
  detachedNumber: number
  hiddenNumber: number
  keys: string[]
  /** When the session's connection was lost, by the monotonic clock; null while there is one. */
  lostAt: number | null
  /** The order of starts. */
  number: number
  /** When the resume window ends, by the monotonic clock; null while there is a connection. */
  expiresAt: number | null
}

/** Who has adopted a guest. `until` is a time of the monotonic clock. */
interface Adopted {
  by: string
  byCreatedAt: number
  createdAt: number
  messages: number
  until: number
}

/** Milliseconds from the loss of a session's connection until the session no longer makes its user online. */
const AWAY_AFTER = 20_000

/** Milliseconds between two sweeps, which end detached sessions and delete expired messages. */
const SWEEP_INTERVAL = 10

/** An engine in plain Maps, as a third party would write one, part by part: it shares no code with the engines of src/. */
export const createSimpleEngine = (onError: (error: unknown) => void): Engine => {
  const listeners = new Set<(event: EngineEvent) => void>()
  let sessions: Session[] = []
  let key = randomBytes(32)
  const revocations = createSimpleRevocations()
  let lastSeen = new Map<string, number>()
  /** The guests whose start is on its way. */
  const starting = new Set<string>()
  /** Setting the machine's clock does not move this one. */
  const now = (): number => performance.now()
  let isOpen = false
  let lastNumber = 0
  let sweep: NodeJS.Timeout | undefined

  const adoptions = new Map<string, Adopted>()

  const emit = (event: EngineEvent): void => {
    for (const listener of [...listeners]) {
      try {
        if (listeners.has(listener)) listener(event)
      } catch (error) {
        onError(error)
      }
    }
  }

  /** Resolves with what `work` returns; rejects with what it throws, or with `unavailable` while the engine is closed. */
  const whenOpen = <T>(work: () => T | Promise<T>): Promise<T> =>
    new Promise((resolve) => {
      if (!isOpen) throw new EngineError('unavailable', 'The simple engine is not open.')
      resolve(work())
    })

  const refOf = ({ appId, userId, sessionId }: SessionRef): SessionRef => ({ appId, userId, sessionId })

  const recordOf = (session: Session): SessionRecord => {
    const { appId, userId, sessionId, guest, startedAt, lastSeenAt, state, hidden, rtt } = session
    const { origin, address, client, node } = session
    const credential = { ...session.credential }
    return {
      ...{ appId, userId, sessionId, guest, startedAt, lastSeenAt, state, hidden, rtt },
      ...{ credential, origin, address, client, node },
    }
  }

  const sessionsOf = (of: UserRef): Session[] =>
    sessions.filter(({ appId, userId }) => appId === of.appId && userId === of.userId)

  const sessionsIn = (appId: string): Session[] => sessions.filter((session) => session.appId === appId)

  const find = (ref: SessionRef): Session | undefined =>
    sessionsOf(ref).find(({ sessionId }) => sessionId === ref.sessionId)

  const end = (session: Session, code: Extract<EngineEvent, { type: 'session-ended' }>['code']): void => {
    const seen = session.connectionId === null ? session.lastSeenAt : Date.now()
    lastSeen.set(keyOf(session), Math.max(seen, lastSeen.get(keyOf(session)) ?? 0))
    sessions = sessions.filter((other) => other !== session)
    emit({ type: 'session-ended', session: refOf(session), code })
    addEvent(session, 'session.ended', { ...factsOf(session), code })
    updatePresence(session)
    forgetGuest(session)
  }

  /** Deletes a guest without sessions and messages. */
  const forgetGuest = ({ appId, userId }: UserRef): void => {
    const of = { appId, userId }
    const isInUse = sessionsOf(of).length > 0 || messages.held(of).length > 0 || starting.has(keyOf(of))
    if (isInUse || !users.isGuest(of)) return
    messages.delete(of)
    users.delete(of)
    lastSeen.delete(keyOf(of))
  }

  const presenceOf = (of: UserRef): { online: boolean; sessions: number } => {
    const all = sessionsOf(of)
    return {
      online: all.some(({ lostAt }) => lostAt === null || lostAt + AWAY_AFTER > now()),
      sessions: all.length,
    }
  }

  const webhooks = createSimpleWebhooks(presenceOf, emit)
  const { addEvent } = webhooks
  const users = createSimpleUsers({ addEvent, onChanged: (user) => emit({ type: 'user-changed', user }) })
  const messages = createSimpleMessages({
    webhooks,
    emit,
    user: users.get,
    adopterOf: (guest) => {
      const known = adoptions.get(keyOf(guest))
      if (!known || known.until <= now()) return undefined
      const user = { appId: guest.appId, userId: known.by }
      return users.get(user)?.createdAt === known.byCreatedAt ? known.by : undefined
    },
    create: (of) => void users.save(of, {}),
    onEmptied: (of) => forgetGuest(of),
    onReceived: (of, after) => pushes.onMessage(of, after),
  })
  const pushes = createSimplePushes({
    emit,
    addEvent,
    exists: (of) => users.get(of) !== undefined,
    isRevoked: (...args) => revocations.isRevoked(...args),
    newest: (of) => messages.stateOf(of).offset,
  })

  const watched = new Set<string>()
  const seenAt = (of: UserRef): number | null => {
    const seen = [...sessionsOf(of).map(({ lastSeenAt }) => lastSeenAt), lastSeen.get(keyOf(of)) ?? 0]
    return Math.max(...seen) || null
  }

  /** The users who are online according to the last event about presence. */
  const online = new Set<string>()
  const updatePresence = ({ appId, userId }: UserRef): void => {
    const name = keyOf({ appId, userId })
    const is = presenceOf({ appId, userId }).online
    if (is === online.has(name)) return
    if (is) online.add(name)
    else online.delete(name)
    addEvent({ appId, userId }, is ? 'user.online' : 'user.offline', {})
    const user = { appId, userId }
    if (watched.has(name)) emit({ type: 'presence', user, online: is, lastSeenAt: seenAt(user) })
  }

  const factsOf = ({ sessionId, guest, credential, origin, address, client, startedAt }: Session) => ({
    ...{ sessionId, guest, way: credential.authMethod, origin, address, client, startedAt },
  })

  const revoke = (concerned: Session[], { issuedBefore, mode }: Revocation): void => {
    for (const session of concerned) {
      if (issuedBefore !== null && !revocations.isRevoked(session, { ...session.credential, tokenId: null }))
        continue
      if (mode === 'end') end(session, 'revoked')
      else emit({ type: 'reauth', session: refOf(session) })
    }
  }

  const lifecycle: EngineLifecycle = {
    open() {
      if (isOpen) return Promise.resolve()
      isOpen = true
      users.clear()
      sessions = []
      messages.clear()
      pushes.clear()
      adoptions.clear()
      key = randomBytes(32)
      webhooks.clear()
      revocations.clear()
      lastSeen = new Map()
      starting.clear()
      watched.clear()
      sweep = setInterval(() => {
        messages.prune()
        for (const session of sessions) {
          updatePresence(session)
          if (session.expiresAt !== null && session.expiresAt <= now()) end(session, 'timeout')
        }
        messages.checkUnread()
        webhooks.announce()
        pushes.announce()
      }, SWEEP_INTERVAL).unref()
      return Promise.resolve()
    },
    close() {
      isOpen = false
      clearInterval(sweep)
      return Promise.resolve()
    },
    key: () => whenOpen(() => new Uint8Array(key)),
    check: () => whenOpen(() => undefined),
    configure: (appId, appOptions) =>
      whenOpen(() => {
        messages.retain(appId, appOptions.retention)
        webhooks.configure(appId, appOptions.webhooks)
      }),
    listen(listener, signal) {
      if (signal.aborted) return
      // Each call adds a function of its own, so that a listener may be added twice.
      const entry = (event: EngineEvent): void => listener(event)
      listeners.add(entry)
      signal.addEventListener('abort', () => listeners.delete(entry), { once: true })
    },
  }

  const userCalls: EngineUsers = {
    user: (of) => whenOpen(() => structuredClone(users.get(of) ?? null)),
    saveUser: (...args) => whenOpen(() => users.save(...args)),
    changeUser: (of, change) => whenOpen(() => (users.get(of) ? users.save(of, change) : null)),
    admitUser: (of, change, admission) =>
      whenOpen(() => {
        const admitted = users.admit(of, change, admission, revocations.isRevoked(of, admission.credential))
        if (typeof admitted === 'object' && admission.maxGuests !== null) starting.add(keyOf(of))
        return admitted
      }),
    users: (...args) => whenOpen(() => users.after(...args)),
    status: (of) =>
      whenOpen(() => ({
        ...presenceOf(of),
        lastSeenAt: seenAt(of),
        revokedBefore: revocations.revokedBefore(of),
        unread: messages.stateOf(of).unread,
      })),
    usage: (appId) =>
      whenOpen(() => ({
        ...users.usage(appId),
        ...messages.usage(appId),
        sessions: sessionsIn(appId).length,
      })),
    deleteUser: async (of) => {
      const wasThere = users.get(of) !== undefined
      starting.delete(keyOf(of))
      await revocationCalls.revokeUser(of, { issuedBefore: null, mode: 'end' })
      const hadInbox = messages.delete(of)
      pushes.forget(of)
      lastSeen.delete(keyOf(of))
      return users.delete(of) || hadInbox || wasThere
    },
    adoptGuest: ({ appId, userId, userCreatedAt, guestId, proof, retention }) =>
      whenOpen(() => {
        const guest = { appId, userId: guestId }
        const user = { appId, userId }
        if (userId.startsWith('guest:')) return null
        if (proof && revocations.isRevoked(guest, proof.credential)) return null
        const isOfProof = (createdAt: number): boolean => !proof || proof.createdAt === createdAt
        const known = adoptions.get(keyOf(guest))
        if (known && known.until > now()) {
          const isSame = known.by === userId && known.byCreatedAt === userCreatedAt
          return isSame && isOfProof(known.createdAt) ? { guest: guestId, messages: known.messages } : null
        }
        const stored = users.isGuest(guest) && users.get(guest)
        if (!stored || !isOfProof(stored.createdAt)) return null
        messages.retain(appId, retention)
        messages.prune()
        const adopted = { guest: guestId, messages: messages.held(guest).length }
        const { createdAt } = stored
        const until = now() + retention.age
        const facts = { by: userId, byCreatedAt: userCreatedAt, createdAt, messages: adopted.messages, until }
        adoptions.set(keyOf(guest), facts)
        users.forget(guest)
        pushes.forget(guest)
        for (const session of sessionsOf(guest)) end(session, 'replaced')
        lastSeen.delete(keyOf(guest))
        addEvent(user, 'guest.adopted', adopted)
        messages.move(guest, user, retention)
        return adopted
      }),
  }

  const sessionCalls: EngineSessions = {
    startSession: ({ resumes, after, connectionId, keyHash, hidden, sessionsPerUser, ...request }) =>
      whenOpen(() => {
        const inbox = messages.stateOf(request)
        const lost = after !== undefined && messages.after(request, after, 0).lost
        if (revocations.isRevoked(request, request.credential)) return null
        if (request.userCreatedAt !== undefined && users.get(request)?.createdAt !== request.userCreatedAt)
          return null
        const { appId, userId, guest, origin, address, client, node } = request
        const credential = { ...request.credential }
        const now = Date.now()
        const resumed = sessionsOf(request).find(
          ({ keys }) => resumes !== undefined && keys.includes(resumes),
        )
        if (resumed && resumes !== undefined) {
          const replaced = resumed.connectionId
          Object.assign(resumed, {
            connectionId,
            keys: [keyHash, resumes, resumed.keys[0] ?? resumes],
            state: 'active',
            lastSeenAt: now,
          })
          Object.assign(resumed, { credential, origin, address, client, node, rtt: null })
          Object.assign(resumed, { lostAt: null, expiresAt: null })
          if (resumed.hidden !== hidden) Object.assign(resumed, { hidden, hiddenNumber: ++lastNumber })
          updatePresence(resumed)
          if (replaced !== null)
            emit({ type: 'connection-replaced', session: refOf(resumed), connectionId: replaced })
          return { ...recordOf(resumed), resumed: true, inbox, lost }
        }
        const all = sessionsOf(request)
        const detached = all.filter(({ state }) => state === 'detached')
        const active = all.filter(({ state }) => state === 'active')
        const inOrder = [
          ...detached.sort((a, b) => a.detachedNumber - b.detachedNumber),
          ...active.filter((one) => one.hidden).sort((a, b) => a.hiddenNumber - b.hiddenNumber),
          ...active.filter((one) => !one.hidden),
        ]
        const record = { appId, userId, sessionId: randomUUID(), guest, startedAt: now, lastSeenAt: now }
        const session: Session = {
          ...{ ...record, state: 'active', hidden, connectionId, keys: [keyHash] },
          ...{ detachedNumber: 0, hiddenNumber: ++lastNumber, number: ++lastNumber },
          ...{ credential, origin, address, client, node, rtt: null, lostAt: null, expiresAt: null },
        }
        for (const old of inOrder.slice(0, Math.max(0, all.length + 1 - sessionsPerUser)))
          end(old, 'too-many-sessions')
        sessions.push(session)
        starting.delete(keyOf(session))
        addEvent(session, 'session.started', factsOf(session))
        updatePresence(session)
        return { ...recordOf(session), resumed: false, inbox, lost }
      }),
    confirmSession: (ref, connectionId) =>
      whenOpen(() => {
        const session = find(ref)
        if (session?.connectionId === connectionId) session.keys = session.keys.slice(0, 1)
      }),
    renewSession: (ref, connectionId, credential) =>
      whenOpen(() => {
        if (revocations.isRevoked(ref, credential)) return false
        const session = find(ref)
        if (session?.connectionId === connectionId) session.credential = { ...credential }
        return true
      }),
    touchSession: (ref, connectionId, { rtt }) =>
      whenOpen(() => {
        const session = find(ref)
        if (session?.connectionId === connectionId) Object.assign(session, { rtt, lastSeenAt: Date.now() })
      }),
    setHidden: (ref, connectionId, hidden) =>
      whenOpen(() => {
        const session = find(ref)
        if (session?.connectionId !== connectionId || session.hidden === hidden) return
        Object.assign(session, { hidden, hiddenNumber: ++lastNumber })
      }),
    detachSession: (ref, connectionId, resumableFor) =>
      whenOpen(() => {
        const session = find(ref)
        if (session?.connectionId !== connectionId) return
        Object.assign(session, {
          connectionId: null,
          state: 'detached',
          lastSeenAt: Date.now(),
          lostAt: now(),
          expiresAt: now() + resumableFor,
        })
        session.detachedNumber = ++lastNumber
        if (resumableFor === 0) end(session, 'timeout')
      }),
    endSession: (ref, code, connectionId) =>
      whenOpen(() => {
        const session = find(ref)
        if (!session || (connectionId !== undefined && session.connectionId !== connectionId)) return false
        end(session, code)
        return true
      }),
    sessions: (of) => whenOpen(() => sessionsOf(of).map(recordOf)),
    appSessions: (appId, after, limit) =>
      whenOpen(() => {
        const rest = sessionsIn(appId).filter(({ number }) => number > Number(after))
        const last = rest[limit - 1]
        const next = last && rest.length > limit ? String(last.number) : null
        return { sessions: rest.slice(0, limit).map(recordOf), next }
      }),
  }

  const revocationCalls: EngineRevocations = {
    isRevoked: (...args) => whenOpen(() => revocations.isRevoked(...args)),
    revokeUser: (of, revocation) =>
      whenOpen(() => {
        const before = revocations.revokeUser(of, revocation.issuedBefore)
        revoke(sessionsOf(of), revocation)
        return before
      }),
    revokeApp: (appId, revocation) =>
      whenOpen(() => {
        const before = revocations.revokeApp(appId, revocation.issuedBefore)
        revoke(sessionsIn(appId), revocation)
        return before
      }),
    revokeToken: (appId, tokenId) =>
      whenOpen(() => {
        revocations.revokeToken(appId, tokenId)
        for (const session of sessionsIn(appId))
          if (session.credential.tokenId === tokenId) end(session, 'revoked')
      }),
    liftRevocation: (of) =>
      whenOpen(() => {
        pushes.prune()
        return revocations.lift(of)
      }),
  }

  const inboxCalls: EngineInboxes = {
    send: (...args) => whenOpen(() => messages.send(...args)),
    findSent: (message) => whenOpen(() => messages.findSent(message)),
    inbox: (of) => whenOpen(() => messages.stateOf(of)),
    messagesAfter: (...args) => whenOpen(() => messages.after(...args)),
    messagesBefore: (...args) => whenOpen(() => messages.before(...args)),
    markRead: (of, position) => whenOpen(() => messages.markRead(of, position)),
  }

  const peerCalls: EnginePeers = {
    exchanges: (...args) => whenOpen(() => messages.exchanges(...args)),
    peers: (...args) => whenOpen(() => messages.peers(...args)),
    messagesWith: (...args) => whenOpen(() => messages.messagesWith(...args)),
    markPeerRead: (...args) => whenOpen(() => messages.markPeerRead(...args)),
  }

  const signals: EngineSignals = {
    signal: (user, signal) => whenOpen(() => emit({ type: 'signal', user, signal })),
  }

  const presence: EnginePresence = {
    watch: (all) =>
      whenOpen(() =>
        all.map(({ appId, userId }) => {
          const of = { appId, userId }
          watched.add(keyOf(of))
          return { ...of, online: presenceOf(of).online, lastSeenAt: seenAt(of) }
        }),
      ),
    unwatch: (all) => all.forEach((of) => watched.delete(keyOf(of))),
  }

  const name = randomUUID()
  const nodes: EngineNodes = {
    node: () => name,
    askNode: () => whenOpen(() => null),
    answerNodes: () => undefined,
  }

  const push: EnginePush = {
    savePushDevice: (...args) => whenOpen(() => pushes.save(...args)),
    endPushDevice: (...args) => whenOpen(() => pushes.end(...args)),
    pushDevices: (of) => whenOpen(() => pushes.devices(of)),
    unreadSenders: (...args) => whenOpen(() => messages.unreadSenders(...args)),
    seenOnPage: (...args) => whenOpen(() => pushes.seen(...args)),
    endPushes: (...args) => whenOpen(() => pushes.endPushes(...args)),
  }

  const webhookQueue: WebhookQueue = {
    takeDueEvents: (...args) => whenOpen(() => webhooks.take(...args)),
    endDelivery: (...args) => whenOpen(() => webhooks.settle(...args)),
    pendingEvents: (...args) => whenOpen(() => webhooks.list(...args)),
    replayEvent: (...args) => whenOpen(() => webhooks.replay(...args)),
    pendingSummary: (appId) => whenOpen(() => webhooks.summary(appId)),
  }

  return {
    ...lifecycle,
    ...userCalls,
    ...sessionCalls,
    ...revocationCalls,
    ...inboxCalls,
    ...peerCalls,
    ...signals,
    ...presence,
    ...nodes,
    ...push,
    ...webhookQueue,
  }
}
