import { randomBytes, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  EngineError,
  mergeProfile,
  type Credential,
  type Engine,
  type EngineEvent,
  type NewMessage,
  type Retention,
  type Revocation,
  type SendResult,
  type SendRules,
  type SessionRecord,
  type SessionRef,
  type UserRecord,
  type UserRef,
} from '../../src/engine/index.js'
import type { JsonObject, Message } from '../../src/protocol/index.js'
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

interface Inbox {
  epoch: string
  messages: Message[]
  newest: number
  readOffset: number
}

interface Sent {
  content: unknown
  result: Extract<SendResult, { outcome: 'stored' | 'repeated' }>
  expiresAt: number
}

const keyOf = ({ appId, userId }: UserRef): string => JSON.stringify([appId, userId])

const contentOf = ({ body, data }: NewMessage): unknown => structuredClone({ body, data })

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
  let inboxes = new Map<string, Inbox>()
  let sent = new Map<string, Sent>()
  let retentions = new Map<string, Retention>()
  let key = randomBytes(32)
  let revoked = new Map<string, number>()
  let revokedApps = new Map<string, number>()
  let revokedTokens = new Set<string>()
  let lastSeen = new Map<string, number>()
  /** Setting the machine's clock does not move this one. */
  const now = (): number => performance.now()
  const storedAt = new WeakMap<Message, number>()
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
    const isInUse = sessionsOf({ appId, userId }).length > 0 || (inboxes.get(name)?.messages.length ?? 0) > 0
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

  /** Makes a `message.unread` once for each streak of unread messages. */
  const streaks = new Map<string, { reported: boolean }>()
  const checkUnread = (): void => {
    for (const [name, inbox] of inboxes) {
      const [appId = '', userId = ''] = JSON.parse(name) as string[]
      const unreadAfter = webhooks.unreadAfter(appId)
      const unread = inbox.messages.filter(({ offset, from }) => offset > inbox.readOffset && from !== userId)
      const [oldest] = unread
      if (!oldest) {
        streaks.delete(name)
        continue
      }
      const streak = streaks.get(name) ?? { reported: false }
      streaks.set(name, streak)
      if (streak.reported || (storedAt.get(oldest) ?? 0) + unreadAfter > now()) continue
      streak.reported = true
      const messages = structuredClone(unread.slice(-5))
      const data = { userId, epoch: inbox.epoch, unread: unread.length, oldestAt: oldest.sentAt, messages }
      owe({ appId, userId }, 'message.unread', data)
    }
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

  const inboxOf = (of: UserRef): Inbox => {
    const known = inboxes.get(keyOf(of))
    if (known) return known
    const inbox = { epoch: randomUUID(), messages: [], newest: 0, readOffset: 0 }
    inboxes.set(keyOf(of), inbox)
    return inbox
  }

  const stateOf = (of: UserRef) => {
    const { epoch, messages, newest, readOffset } = inboxOf(of)
    const unread = messages.filter(({ offset, from }) => offset > readOffset && from !== of.userId).length
    return { epoch, offset: newest, readOffset, unread }
  }

  const sizeOf = (messages: unknown[]): number =>
    messages.reduce<number>((sum, message) => sum + JSON.stringify(message).length, 0)

  /** Whether `from` has too many unread messages to push out another sender's unread message. */
  const isCrowded = (
    { appId, from, to }: NewMessage,
    size: number,
    { retention, unreadPerSender }: SendRules,
  ) => {
    const { messages, readOffset } = inboxOf({ appId, userId: to })
    const unread = messages.filter((one) => one.offset > readOffset && one.from !== to)
    const own = unread.filter((one) => one.from === from)
    const isFull = messages.length >= retention.messages || sizeOf(messages) + size > retention.bytes
    const pushesOut = isFull && unread.length === messages.length && unread[0]?.from !== from
    const share = Math.max(own.length / retention.messages, sizeOf(own) / retention.bytes)
    return from !== null && from !== to && pushesOut && share > unreadPerSender
  }

  const prune = (inbox: Inbox, { messages, age, bytes }: Retention): void => {
    const kept = inbox.messages.slice(-messages)
    while (kept.length > 1 && sizeOf(kept) > bytes) kept.shift()
    inbox.messages = kept.filter((message) => (storedAt.get(message) ?? 0) + age > now())
  }

  const pruneApp = (appId: string, retention: Retention): void => {
    for (const [name, inbox] of inboxes) {
      const [inboxAppId, userId = ''] = JSON.parse(name) as string[]
      if (inboxAppId !== appId || inbox.messages.length === 0) continue
      prune(inbox, { ...retention, messages: Infinity })
      if (inbox.messages.length === 0) forgetGuest({ appId, userId })
    }
  }

  const exceeds = (appId: string, copies: UserRef[], size: number, quota: SendRules['quota']): boolean => {
    const used = [...inboxes].filter(
      ([name, { newest }]) => newest > 0 && (JSON.parse(name) as string[])[0] === appId,
    )
    const more = copies.filter((of) => inboxOf(of).newest === 0).length
    const bytes = used
      .flatMap(([, { messages }]) => messages)
      .reduce((sum, message) => sum + JSON.stringify(message).length, 0)
    return (more > 0 && used.length + more > quota.inboxes) || bytes + size * copies.length > quota.bytes
  }

  const send = (message: NewMessage, rules: SendRules): SendResult => {
    const { appId, id, from, to, body, data } = message
    retentions.set(appId, rules.retention)
    pruneApp(appId, rules.retention)
    const name = JSON.stringify([appId, from, to, id])
    const earlier = sent.get(name)
    if (earlier && earlier.expiresAt > now())
      return isDeepStrictEqual(earlier.content, contentOf(message))
        ? { ...earlier.result, outcome: 'repeated' }
        : { outcome: 'conflict' }
    if (!rules.unknownRecipients && !users.has(keyOf({ appId, userId: to })))
      return { outcome: 'unknown-user' }
    const user = from === null ? undefined : users.get(keyOf({ appId, userId: from }))
    const { name: senderName, photoUrl } = user ? mergeProfile(user) : {}
    const hasSender = senderName !== undefined || photoUrl !== undefined
    const sender = hasSender
      ? { ...(senderName !== undefined && { name: senderName }), ...(photoUrl !== undefined && { photoUrl }) }
      : null
    const sentAt = Date.now()
    const content = structuredClone({
      ...{ id, from, to, sender },
      ...(body !== undefined && { body }),
      ...(data !== undefined && { data }),
      sentAt,
    })
    const copies = [{ appId, userId: to }]
    if (from !== null && from !== to) copies.push({ appId, userId: from })
    for (const of of copies) prune(inboxOf(of), rules.retention)
    if (isCrowded(message, JSON.stringify(content).length, rules)) return { outcome: 'refused' }
    if (exceeds(appId, copies, JSON.stringify(content).length, rules.quota)) return { outcome: 'full' }
    const messages = copies.map((of) => {
      const inbox = inboxOf(of)
      const stored: Message = { offset: ++inbox.newest, ...content }
      inbox.messages.push(stored)
      storedAt.set(stored, now())
      prune(inbox, rules.retention)
      return { of, epoch: inbox.epoch, stored }
    })
    const [offset = 0, ownOffset = offset] = messages.map(({ stored }) => stored.offset)
    const result = { outcome: 'stored' as const, offset, ownOffset: from === null ? null : ownOffset, sentAt }
    sent.set(name, { content: contentOf(message), result, expiresAt: now() + rules.sendWindow })
    const [received] = messages
    if (received)
      owe(received.of, 'message.created', {
        epoch: received.epoch,
        message: received.stored,
      })
    if (received && from !== to) {
      const unread = stateOf(received.of).unread
      if (unread === 1) streaks.set(keyOf(received.of), { reported: false })
    }
    for (const { of, epoch, stored } of messages)
      emit({ type: 'message', user: of, epoch, message: structuredClone(stored) })
    return result
  }

  const engine: Engine = {
    open() {
      if (isOpen) return Promise.resolve()
      isOpen = true
      users = new Map()
      guests = new Set()
      sessions = []
      inboxes = new Map()
      sent = new Map()
      retentions = new Map()
      key = randomBytes(32)
      webhooks.clear()
      revoked = new Map()
      revokedApps = new Map()
      revokedTokens = new Set()
      lastSeen = new Map()
      sweep = setInterval(() => {
        for (const [appId, retention] of retentions) pruneApp(appId, retention)
        for (const session of sessions) updatePresence(session)
        checkUnread()
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
          unread: stateOf(of).unread,
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
      const isMessageOf = (sentName: string): boolean => {
        const [appId, from, to] = JSON.parse(sentName) as string[]
        return appId === of.appId && (from === of.userId || to === of.userId)
      }
      for (const sentName of sent.keys()) if (isMessageOf(sentName)) sent.delete(sentName)
      const hadInbox = (inboxes.get(name)?.newest ?? 0) > 0
      inboxes.delete(name)
      guests.delete(name)
      lastSeen.delete(name)
      const hadUser = users.delete(name)
      if (hadUser) owe(of, 'user.deleted', {})
      return hadUser || hadInbox
    },
    usage: (appId) =>
      whenOpen(() => {
        const isOfApp = (name: string): boolean => (JSON.parse(name) as string[])[0] === appId
        const used = [...inboxes].filter(([name, { newest }]) => newest > 0 && isOfApp(name))
        return {
          users: [...users.keys()].filter(isOfApp).length,
          guests: [...guests].filter(isOfApp).length,
          inboxes: used.length,
          bytes: sizeOf(used.flatMap(([, { messages }]) => messages)),
          sessions: sessions.filter((session) => session.appId === appId).length,
        }
      }),
    check: () => whenOpen(() => undefined),
    configure: (appId, appOptions) =>
      whenOpen(() => {
        retentions.set(appId, appOptions.retention)
        webhooks.configure(appId, appOptions.webhooks)
      }),
    takeDueEvents: (...args) => whenOpen(() => webhooks.take(...args)),
    settleEvent: (...args) => whenOpen(() => webhooks.settle(...args)),
    owedEvents: (...args) => whenOpen(() => webhooks.list(...args)),
    replayEvent: (...args) => whenOpen(() => webhooks.replay(...args)),
    owedSummary: (appId) => whenOpen(() => webhooks.summary(appId)),
    send: (message, rules) =>
      whenOpen(() => {
        return send(message, rules)
      }),
    inbox: (of) =>
      whenOpen(() => {
        return stateOf(of)
      }),
    messagesAfter: (of, position, limit) =>
      whenOpen(() => {
        const { epoch, messages, newest } = inboxOf(of)
        const isComparable = position.epoch === epoch && position.offset <= newest
        const from = isComparable ? position.offset : 0
        const found = messages.filter(({ offset }) => offset > from)
        const lost = !isComparable || (found[0]?.offset ?? newest + 1) > from + 1
        return { messages: structuredClone(found.slice(0, limit)), lost }
      }),
    messagesBefore: (of, before, limit) =>
      whenOpen(() => {
        const { epoch, messages } = inboxOf(of)
        if (before.epoch !== epoch) return null
        const found = messages.filter(({ offset }) => before.offset === null || offset < before.offset)
        return structuredClone(found.slice(-limit))
      }),
    markRead: (of, position) =>
      whenOpen(() => {
        const inbox = inboxOf(of)
        if (position.epoch !== inbox.epoch) return null
        const offset = Math.min(position.offset, inbox.newest)
        if (offset > inbox.readOffset) {
          inbox.readOffset = offset
          emit({ type: 'read', user: { appId: of.appId, userId: of.userId }, inbox: stateOf(of) })
          const { epoch, readOffset, unread } = stateOf(of)
          owe(of, 'message.read', { epoch, readOffset, unread })
        }
        return stateOf(of)
      }),
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
