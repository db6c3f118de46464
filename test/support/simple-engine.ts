import { randomBytes, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  EngineError,
  mergeProfile,
  type Credential,
  type Engine,
  type EngineEvent,
  type Revocation,
  type SessionRecord,
  type SessionRef,
  type UserRecord,
  type UserRef,
} from '../../src/engine/index.js'
import type { JsonObject } from '../../src/protocol/index.js'
import { createSimpleMessages } from './simple-messages.js'
import { createSimpleWebhooks } from './simple-webhooks.js'

interface Session extends SessionRecord {
  connectionId: string | null
  /** The order of detachments, and of hidings. */
  detachedNumber: number
  hiddenNumber: number
  keys: string[]
  /** When its connection was lost, by the monotonic clock; null while there is one. */
  lostAt: number | null
  /** The order of starts. */
  number: number
  timer?: NodeJS.Timeout
}

const keyOf = ({ appId, userId }: UserRef): string => JSON.stringify([appId, userId])

/** For so many milliseconds after its connection was lost, a session's user counts as online. */
const AWAY_AFTER = 20_000

/** How often expired messages are deleted, in milliseconds. */
const SWEEP_INTERVAL = 10

/** An engine in plain Maps, as a third party would write one: it shares no code with the engines of src/. */
export const createSimpleEngine = (onError: (error: unknown) => void): Engine => {
  const listeners = new Set<(event: EngineEvent) => void>()
  let users = new Map<string, UserRecord>()
  let guests = new Set<string>()
  let sessions: Session[] = []
  let key = randomBytes(32)
  let revoked = new Map<string, number>()
  let revokedApps = new Map<string, number>()
  let revokedTokens = new Set<string>()
  let lastSeen = new Map<string, number>()
  /** Setting the machine's clock does not move this one. */
  const now = (): number => performance.now()
  let isOpen = false
  let lastNumber = 0
  let sweep: NodeJS.Timeout | undefined

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

  const find = (ref: SessionRef): Session | undefined =>
    sessionsOf(ref).find(({ sessionId }) => sessionId === ref.sessionId)

  const end = (session: Session, code: Extract<EngineEvent, { type: 'session-ended' }>['code']): void => {
    clearTimeout(session.timer)
    lastSeen.set(keyOf(session), session.connectionId === null ? session.lastSeenAt : Date.now())
    sessions = sessions.filter((other) => other !== session)
    emit({ type: 'session-ended', session: refOf(session), code })
    owe(session, 'session.ended', { ...factsOf(session), code })
    updatePresence(session)
    forgetGuest(session)
  }

  /** Deletes a guest without sessions and messages. */
  const forgetGuest = ({ appId, userId }: UserRef): void => {
    const name = keyOf({ appId, userId })
    const isInUse = sessionsOf({ appId, userId }).length > 0 || messages.held({ appId, userId }).length > 0
    if (!isInUse && guests.delete(name)) {
      owe({ appId, userId }, 'user.deleted', {})
      users.delete(name)
      lastSeen.delete(name)
    }
  }

  const presenceOf = (of: UserRef): { online: boolean; sessions: number } => {
    const all = sessionsOf(of)
    return {
      online: all.some(({ lostAt }) => lostAt === null || lostAt + AWAY_AFTER > now()),
      sessions: all.length,
    }
  }

  const webhooks = createSimpleWebhooks(presenceOf, emit)
  const { owe } = webhooks
  const messages = createSimpleMessages({
    webhooks,
    emit,
    user: (of) => users.get(keyOf(of)),
    onEmptied: (of) => forgetGuest(of),
  })

  /** Whom the last event about presence said to be online. */
  const online = new Set<string>()
  const updatePresence = ({ appId, userId }: UserRef): void => {
    const name = keyOf({ appId, userId })
    const is = presenceOf({ appId, userId }).online
    if (is === online.has(name)) return
    if (is) online.add(name)
    else online.delete(name)
    owe({ appId, userId }, is ? 'user.online' : 'user.offline', {})
  }

  const factsOf = ({ sessionId, guest, credential, origin, address, client, startedAt }: Session) => ({
    ...{ sessionId, guest, way: credential.way, origin, address, client, startedAt },
  })

  const revokedBefore = (of: UserRef): number | null => {
    const times = [revoked.get(keyOf(of)), revokedApps.get(of.appId)].filter((time) => time !== undefined)
    return times.length > 0 ? Math.max(...times) : null
  }

  const isRevoked = (of: UserRef, { issuedAt, tokenId }: Credential): boolean => {
    const before = revokedBefore(of)
    if (before !== null && (issuedAt === null || issuedAt <= before)) return true
    return tokenId !== null && revokedTokens.has(JSON.stringify([of.appId, tokenId]))
  }

  const revoke = (concerned: Session[], { issuedBefore, mode }: Revocation): void => {
    for (const session of concerned) {
      if (issuedBefore !== null && !isRevoked(session, { ...session.credential, tokenId: null })) continue
      if (mode === 'end') end(session, 'revoked')
      else emit({ type: 'reauth', session: refOf(session) })
    }
  }

  const engine: Engine = {
    open() {
      if (isOpen) return Promise.resolve()
      isOpen = true
      users = new Map()
      guests = new Set()
      sessions = []
      messages.clear()
      key = randomBytes(32)
      webhooks.clear()
      revoked = new Map()
      revokedApps = new Map()
      revokedTokens = new Set()
      lastSeen = new Map()
      sweep = setInterval(() => {
        messages.prune()
        for (const session of sessions) updatePresence(session)
        messages.checkUnread()
        webhooks.announce()
      }, SWEEP_INTERVAL).unref()
      return Promise.resolve()
    },
    close() {
      isOpen = false
      clearInterval(sweep)
      for (const { timer } of sessions) clearTimeout(timer)
      return Promise.resolve()
    },
    key: () =>
      whenOpen(() => {
        return new Uint8Array(key)
      }),
    user: (of) =>
      whenOpen(() => {
        return structuredClone(users.get(keyOf(of)) ?? null)
      }),
    saveUser: ({ appId, userId }, change) =>
      whenOpen(() => {
        const name = keyOf({ appId, userId })
        const before = users.get(name)
        const { vouched, claimed } = JSON.parse(JSON.stringify(change)) as typeof change
        const user: UserRecord = structuredClone(
          before ?? { appId, userId, vouched: {}, vouchedAt: null, claimed: {}, createdAt: Date.now() },
        )
        const { issuedAt = null, profile = {} } = vouched ?? {}
        const isFirst = user.vouchedAt === null && Object.keys(user.vouched).length === 0
        if (vouched && (isFirst || (issuedAt !== null && issuedAt >= (user.vouchedAt ?? 0))))
          Object.assign(user, { vouched: profile, vouchedAt: issuedAt })
        Object.assign(user.claimed, claimed)
        const changed = !isDeepStrictEqual(
          [user.vouched, user.claimed],
          before && [before.vouched, before.claimed],
        )
        users.set(name, user)
        const event = {
          user: { ...mergeProfile(user), id: userId } as JsonObject,
          guest: userId.startsWith('guest:'),
        }
        if (!before) owe(user, 'user.created', event)
        else if (changed) owe(user, 'user.updated', event)
        if (before && changed) emit({ type: 'user-changed', user: structuredClone(user) })
        return { user: structuredClone(user), created: !before, changed }
      }),
    saveGuest: (of, change, maxGuests) =>
      whenOpen(async () => {
        const inApp = [...guests].filter((name) => (JSON.parse(name) as string[])[0] === of.appId)
        if (!users.has(keyOf(of)) && inApp.length >= maxGuests) return null
        guests.add(keyOf(of))
        return engine.saveUser(of, change)
      }),
    startSession: ({ resumes, connectionId, keyHash, hidden, sessionsPerUser, ...request }) =>
      whenOpen(() => {
        if (isRevoked(request, request.credential)) return null
        const { appId, userId, guest, origin, address, client, node } = request
        const credential = { ...request.credential }
        const now = Date.now()
        const resumed = sessionsOf(request).find(
          ({ keys }) => resumes !== undefined && keys.includes(resumes),
        )
        if (resumed && resumes !== undefined) {
          const replaced = resumed.connectionId
          clearTimeout(resumed.timer)
          Object.assign(resumed, { connectionId, keys: [keyHash, resumes], state: 'active', lastSeenAt: now })
          Object.assign(resumed, { credential, origin, address, client, node, rtt: null, lostAt: null })
          if (resumed.hidden !== hidden) Object.assign(resumed, { hidden, hiddenNumber: ++lastNumber })
          updatePresence(resumed)
          if (replaced !== null)
            emit({ type: 'connection-replaced', session: refOf(resumed), connectionId: replaced })
          return { ...recordOf(resumed), resumed: true }
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
          ...{ detachedNumber: 0, hiddenNumber: ++lastNumber, number: ++lastNumber, lostAt: null },
          ...{ credential, origin, address, client, node, rtt: null },
        }
        for (const old of inOrder.slice(0, Math.max(0, all.length + 1 - sessionsPerUser)))
          end(old, 'too-many-sessions')
        sessions.push(session)
        owe(session, 'session.started', factsOf(session))
        updatePresence(session)
        return { ...recordOf(session), resumed: false }
      }),
    confirmSession: (ref, connectionId) =>
      whenOpen(() => {
        const session = find(ref)
        if (session?.connectionId === connectionId) session.keys = session.keys.slice(0, 1)
      }),
    setHidden: (ref, connectionId, hidden) =>
      whenOpen(() => {
        const session = find(ref)
        if (session?.connectionId !== connectionId || session.hidden === hidden) return
        Object.assign(session, { hidden, hiddenNumber: ++lastNumber })
      }),
    detachSession: (ref, connectionId, holdFor) =>
      whenOpen(() => {
        const session = find(ref)
        if (session?.connectionId !== connectionId) return
        Object.assign(session, {
          connectionId: null,
          state: 'detached',
          lastSeenAt: Date.now(),
          lostAt: now(),
        })
        session.detachedNumber = ++lastNumber
        if (holdFor === 0) end(session, 'ended')
        else session.timer = setTimeout(() => end(session, 'ended'), holdFor).unref()
      }),
    sessions: (of) =>
      whenOpen(() => {
        return sessionsOf(of).map(recordOf)
      }),
    endSession: (ref, code, connectionId) =>
      whenOpen(() => {
        const session = find(ref)
        if (!session || (connectionId !== undefined && session.connectionId !== connectionId)) return false
        end(session, code)
        return true
      }),
    isRevoked: (of, credential) => whenOpen(() => isRevoked(of, credential)),
    renewSession: (ref, connectionId, credential) =>
      whenOpen(() => {
        if (isRevoked(ref, credential)) return false
        const session = find(ref)
        if (session?.connectionId === connectionId) session.credential = { ...credential }
        return true
      }),
    touchSession: (ref, connectionId, { rtt }) =>
      whenOpen(() => {
        const session = find(ref)
        if (session?.connectionId === connectionId) Object.assign(session, { rtt, lastSeenAt: Date.now() })
      }),
    appSessions: (appId, after, limit) =>
      whenOpen(() => {
        const rest = sessions.filter((session) => session.appId === appId && session.number > Number(after))
        const last = rest[limit - 1]
        const next = last && rest.length > limit ? String(last.number) : null
        return { sessions: rest.slice(0, limit).map(recordOf), next }
      }),
    revokeUser: (of, revocation) =>
      whenOpen(() => {
        const before = Math.max(revocation.issuedBefore ?? Date.now(), revoked.get(keyOf(of)) ?? 0)
        revoked.set(keyOf(of), before)
        revoke(sessionsOf(of), revocation)
        return Math.max(before, revokedApps.get(of.appId) ?? 0)
      }),
    revokeApp: (appId, revocation) =>
      whenOpen(() => {
        const before = Math.max(revocation.issuedBefore ?? Date.now(), revokedApps.get(appId) ?? 0)
        revokedApps.set(appId, before)
        revoke(
          sessions.filter((session) => session.appId === appId),
          revocation,
        )
        return before
      }),
    revokeToken: (appId, tokenId) =>
      whenOpen(() => {
        revokedTokens.add(JSON.stringify([appId, tokenId]))
        for (const session of sessions)
          if (session.appId === appId && session.credential.tokenId === tokenId) end(session, 'revoked')
      }),
    liftRevocation: (of) => whenOpen(() => revoked.delete(keyOf(of))),
    status: (of) =>
      whenOpen(() => {
        const all = sessionsOf(of)
        const seen = [...all.map((one) => one.lastSeenAt), lastSeen.get(keyOf(of)) ?? 0]
        return {
          ...presenceOf(of),
          lastSeenAt: Math.max(...seen) || null,
          revokedBefore: revokedBefore(of),
          unread: messages.stateOf(of).unread,
        }
      }),
    users: (appId, after, limit) =>
      whenOpen(() => {
        const all = [...users.values()].filter((user) => user.appId === appId)
        const inOrder = all.sort((a, b) => (a.userId < b.userId ? -1 : 1))
        return structuredClone(
          inOrder.filter(({ userId }) => after === null || userId > after).slice(0, limit),
        )
      }),
    deleteUser: async (of) => {
      await engine.revokeUser(of, { issuedBefore: null, mode: 'end' })
      const name = keyOf(of)
      const hadInbox = messages.delete(of)
      guests.delete(name)
      lastSeen.delete(name)
      const hadUser = users.delete(name)
      if (hadUser) owe(of, 'user.deleted', {})
      return hadUser || hadInbox
    },
    usage: (appId) =>
      whenOpen(() => {
        const isOfApp = (name: string): boolean => (JSON.parse(name) as string[])[0] === appId
        return {
          users: [...users.keys()].filter(isOfApp).length,
          guests: [...guests].filter(isOfApp).length,
          ...messages.usage(appId),
          sessions: sessions.filter((session) => session.appId === appId).length,
        }
      }),
    check: () => whenOpen(() => undefined),
    configure: (appId, appOptions) =>
      whenOpen(() => {
        messages.retain(appId, appOptions.retention)
        webhooks.configure(appId, appOptions.webhooks)
      }),
    takeDueEvents: (...args) => whenOpen(() => webhooks.take(...args)),
    settleEvent: (...args) => whenOpen(() => webhooks.settle(...args)),
    owedEvents: (...args) => whenOpen(() => webhooks.list(...args)),
    replayEvent: (...args) => whenOpen(() => webhooks.replay(...args)),
    owedSummary: (appId) => whenOpen(() => webhooks.summary(appId)),
    send: (message, rules) =>
      whenOpen(() => {
        return messages.send(message, rules)
      }),
    inbox: (of) => whenOpen(() => messages.stateOf(of)),
    messagesAfter: (...args) => whenOpen(() => messages.after(...args)),
    messagesBefore: (...args) => whenOpen(() => messages.before(...args)),
    markRead: (of, position) => whenOpen(() => messages.markRead(of, position)),
    listen(listener, signal) {
      if (signal.aborted) return
      // A function of its own, so that the same listener may be added twice.
      const entry = (event: EngineEvent): void => listener(event)
      listeners.add(entry)
      signal.addEventListener('abort', () => listeners.delete(entry), { once: true })
    },
  }
  return engine
}
