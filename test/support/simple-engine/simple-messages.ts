import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  mergeProfile,
  type EngineEvent,
  type Exchange,
  type InboxPage,
  type InboxRange,
  type InboxState,
  type MessagePage,
  type CheckedMessage,
  type Peer,
  type PeerMessages,
  type PeerPage,
  type PeerState,
  type Position,
  type Retention,
  type SendResult,
  type SendRules,
  type UnreadSenders,
  type UserRecord,
  type UserRef,
} from '../../../src/engine/index.js'
import type { Message } from '../../../src/protocol/index.js'
import type { createSimpleWebhooks } from './simple-webhooks.js'
import { keyOf } from './key-of.js'

interface Inbox {
  epoch: string
  messages: Message[]
  newest: number
  readOffset: number
  /** The marks of peers, each with the peer's newest message when it was set. */
  marks: Map<string | null, { offset: number; newest: Message }>
}

interface Sent {
  content: unknown
  result: Extract<SendResult, { outcome: 'stored' | 'repeated' }>
  expiresAt: number
}

const contentOf = ({ original, body, data }: CheckedMessage): unknown => {
  const content = original ?? { body, data }
  return structuredClone({ body: content.body, data: content.data })
}

interface MessagesContext {
  webhooks: ReturnType<typeof createSimpleWebhooks>
  emit: (event: EngineEvent) => void
  user: (of: UserRef) => UserRecord | undefined
  create: (of: UserRef) => void
  /** Returns who has adopted this guest, who then is no user any more. */
  adopterOf: (guest: UserRef) => string | undefined
  /** Called when retention has deleted the last message of an inbox. */
  onEmptied: (of: UserRef) => void
  /** Called after a message to the user, if the rules name `pushAfter`. */
  onReceived: (of: UserRef, pushAfter: number) => void
}

/** The inboxes of the simple engine, in Maps. */
export const createSimpleMessages = ({
  webhooks,
  emit,
  user,
  create,
  adopterOf,
  onEmptied,
  onReceived,
}: MessagesContext) => {
  const inboxes = new Map<string, Inbox>()
  const sent = new Map<string, Sent>()
  const retentions = new Map<string, Retention>()
  /** Setting the machine's clock does not move this one. */
  const now = (): number => performance.now()
  const storedAt = new WeakMap<Message, number>()
  const traces = new WeakMap<Message, { traceparent: string }>()

  /** The moved messages that their guest had read. */
  const areRead = new WeakSet<Message>()
  const markOf = ({ marks, messages }: Inbox, peer: string | null): number => {
    const mark = marks.get(peer)
    return mark && messages.includes(mark.newest) ? mark.offset : 0
  }
  const isUnread = (message: Message, inbox: Inbox, userId: string): boolean =>
    message.offset > Math.max(inbox.readOffset, markOf(inbox, message.from)) &&
    message.from !== userId &&
    !areRead.has(message)
  const peerOf = ({ from, to }: Message, userId: string): string | null => (from === userId ? to : from)

  /** Makes a `message.unread` once for each streak of unread messages. */
  const streaks = new Map<string, { reported: boolean }>()
  const checkUnread = (): void => {
    for (const [name, inbox] of inboxes) {
      const [appId = '', userId = ''] = JSON.parse(name) as string[]
      const unreadAfter = webhooks.unreadAfter(appId)
      const unread = inbox.messages.filter((message) => isUnread(message, inbox, userId))
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
      webhooks.addEvent({ appId, userId }, 'message.unread', data)
    }
  }

  const inboxOf = (of: UserRef): Inbox => {
    const known = inboxes.get(keyOf(of))
    if (known) return known
    const inbox = { epoch: randomUUID(), messages: [], newest: 0, readOffset: 0, marks: new Map() }
    inboxes.set(keyOf(of), inbox)
    return inbox
  }

  const stateOf = (of: UserRef) => {
    const inbox = inboxOf(of)
    const { epoch, messages, newest, readOffset } = inbox
    const unread = messages.filter((message) => isUnread(message, inbox, of.userId)).length
    return { epoch, offset: newest, readOffset, unread }
  }

  const peerState = (of: UserRef, id: string | null): PeerState => {
    const inbox = inboxOf(of)
    const unread = inbox.messages.filter(
      (each) => each.from === id && isUnread(each, inbox, of.userId),
    ).length
    return { id, unread, readOffset: Math.max(inbox.readOffset, markOf(inbox, id)) }
  }

  const sizeOf = (messages: unknown[]): number =>
    messages.reduce<number>((sum, message) => sum + JSON.stringify(message).length, 0)

  /** Whether `from` has too many unread messages to push out another sender's unread message. */
  const isCrowded = (
    { appId, from, to }: CheckedMessage,
    size: number,
    { retention, unreadPerSender }: SendRules,
  ) => {
    const inbox = inboxOf({ appId, userId: to })
    const { messages } = inbox
    const unread = messages.filter((one) => isUnread(one, inbox, to))
    const own = unread.filter((one) => one.from === from)
    const isFull = messages.length >= retention.messages || sizeOf(messages) + size > retention.bytes
    const [oldest] = messages
    const pushesOut = isFull && oldest && isUnread(oldest, inbox, to) && oldest.from !== from
    const share = Math.max(own.length / retention.messages, sizeOf(own) / retention.bytes)
    return from !== null && from !== to && pushesOut && share > unreadPerSender
  }

  /** Whether the messages of `from` would take too many bytes in the inboxes of others. */
  const isOverShare = (
    { appId, from, to }: CheckedMessage,
    size: number,
    { retention, quota: { bytesPerSender = Infinity } }: SendRules,
  ): boolean => {
    if (from === null || from === to) return false
    const others = [...inboxes].filter(([name]) => {
      const [inboxAppId, userId] = JSON.parse(name) as string[]
      return inboxAppId === appId && userId !== from
    })
    const { messages } = inboxOf({ appId, userId: to })
    const isFull = messages.length >= retention.messages || sizeOf(messages) + size > retention.bytes
    const pushedOut = isFull && messages[0]?.from === from ? sizeOf(messages.slice(0, 1)) : 0
    const held = others.flatMap(([, inbox]) => inbox.messages.filter((one) => one.from === from))
    return sizeOf(held) + size - pushedOut > bytesPerSender
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
      if (inbox.messages.length === 0) onEmptied({ appId, userId })
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

  const findSent = (message: CheckedMessage): SendResult | null => {
    const { appId, id, from, to } = message
    const earlier = sent.get(JSON.stringify([appId, from, to, id]))
    if (earlier && earlier.expiresAt > now())
      return isDeepStrictEqual(earlier.content, contentOf(message))
        ? { ...earlier.result, outcome: 'repeated' }
        : { outcome: 'conflict' }
    const adopter = adopterOf({ appId, userId: to })
    return adopter === undefined ? null : findSent({ ...message, to: adopter })
  }

  const send = (message: CheckedMessage, rules: SendRules): SendResult => {
    const { appId, id, from, to, body, data } = message
    retentions.set(appId, rules.retention)
    pruneApp(appId, rules.retention)
    const name = JSON.stringify([appId, from, to, id])
    const earlier = findSent(message)
    if (earlier) return earlier
    const adopter = adopterOf({ appId, userId: to })
    if (adopter !== undefined)
      return send({ ...message, to: adopter }, { ...rules, unknownRecipients: false })
    const unknown = [...new Set([from, to])].filter(
      (userId) => userId !== null && !user({ appId, userId }),
    ) as string[]
    const mayCreate = (userId: string): boolean =>
      !userId.startsWith('guest:') && (userId === from ? rules.unknownSenders : rules.unknownRecipients)
    if (!unknown.every(mayCreate)) return { outcome: 'unknown-user' }
    const by = from === null ? undefined : user({ appId, userId: from })
    const { name: senderName, photoUrl } = by ? mergeProfile(by) : {}
    const hasSender = senderName !== undefined || photoUrl !== undefined
    const known = hasSender
      ? { ...(senderName !== undefined && { name: senderName }), ...(photoUrl !== undefined && { photoUrl }) }
      : null
    const sender = message.sender === undefined ? known : message.sender
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
    if (isOverShare(message, JSON.stringify(content).length, rules)) return { outcome: 'over-share' }
    if (exceeds(appId, copies, JSON.stringify(content).length, rules.quota)) return { outcome: 'full' }
    for (const userId of unknown) create({ appId, userId })
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
      webhooks.addEvent(received.of, 'message.created', {
        epoch: received.epoch,
        message: received.stored,
        ...(message.traceparent !== undefined && { traceparent: message.traceparent }),
      })
    if (received && from !== to) {
      const unread = stateOf(received.of).unread
      if (unread === 1) streaks.set(keyOf(received.of), { reported: false })
    }
    if (received && rules.pushAfter !== undefined && from !== to) {
      if (message.traceparent !== undefined) traces.set(received.stored, { traceparent: message.traceparent })
      onReceived({ appId, userId: to }, rules.pushAfter)
    }
    for (const { of, epoch, stored } of messages)
      emit({ type: 'message', user: of, epoch, message: structuredClone(stored) })
    return result
  }

  return {
    send,
    findSent,
    checkUnread,
    stateOf,
    clear() {
      inboxes.clear()
      sent.clear()
      retentions.clear()
      streaks.clear()
    },
    retain: (appId: string, retention: Retention) => void retentions.set(appId, retention),
    /** Deletes the messages that are not retained. */
    prune() {
      for (const [appId, retention] of retentions) pruneApp(appId, retention)
    },
    /** Moves the newest of a guest's messages that fit beside those of the user who has adopted the guest. */
    move(guest: UserRef, user: UserRef, retention: Retention): void {
      retentions.set(guest.appId, retention)
      pruneApp(guest.appId, retention)
      const [from, to] = [inboxOf(guest), inboxOf(user)]
      const of = <T>(each: T) => (each === guest.userId ? user.userId : each)
      const moved = from.messages.map((message) => ({
        ...structuredClone(message),
        ...{ from: of(message.from), to: of(message.to), adopted: true as const },
      }))
      const isTooMuch = (): boolean =>
        moved.length + to.messages.length > retention.messages ||
        sizeOf([...moved, ...to.messages]) > retention.bytes
      while (moved.length > 0 && isTooMuch()) moved.shift()
      for (const message of moved) {
        const isRead = message.offset <= Math.max(from.readOffset, markOf(from, message.from))
        const stored: Message = { ...message, offset: ++to.newest }
        if (isRead) areRead.add(stored)
        to.messages.push(stored)
        storedAt.set(stored, now())
        emit({ type: 'message', user, epoch: to.epoch, message: structuredClone(stored) })
      }
      if (moved.length > 0) emit({ type: 'read', user, inbox: stateOf(user) })
      inboxes.delete(keyOf(guest))
    },
    unreadSenders(of: UserRef, after: number, limit: number): UnreadSenders {
      const inbox = inboxOf(of)
      const from = after > inbox.newest ? 0 : after
      const unread = inbox.messages.filter(
        (one) => one.offset > from && !one.adopted && isUnread(one, inbox, of.userId),
      )
      const newest = unread.filter((one) => one === unread.findLast((other) => other.from === one.from))
      return {
        inbox: stateOf(of),
        messages: newest.slice(0, limit).map((one) => ({ ...structuredClone(one), ...traces.get(one) })),
      }
    },
    held: (of: UserRef): readonly Message[] => inboxes.get(keyOf(of))?.messages ?? [],
    /** Deletes the inbox and the ids of the user's messages. Returns whether it ever held a message. */
    delete(of: UserRef): boolean {
      for (const name of sent.keys()) {
        const [appId, from, to] = JSON.parse(name) as string[]
        if (appId === of.appId && (from === of.userId || to === of.userId)) sent.delete(name)
      }
      const { newest = 0 } = inboxes.get(keyOf(of)) ?? {}
      inboxes.delete(keyOf(of))
      return newest > 0
    },
    usage(appId: string) {
      const used = [...inboxes].filter(
        ([name, { newest }]) => newest > 0 && (JSON.parse(name) as string[])[0] === appId,
      )
      return { inboxes: used.length, bytes: sizeOf(used.flatMap(([, { messages }]) => messages)) }
    },
    after(of: UserRef, position: { epoch?: string | undefined; offset: number }, limit: number): MessagePage {
      const { epoch, messages, newest } = inboxOf(of)
      const isComparable = (position.epoch ?? epoch) === epoch && position.offset <= newest
      const from = isComparable ? position.offset : 0
      const found = messages.filter(({ offset }) => offset > from)
      const lost = !isComparable || (found[0]?.offset ?? newest + 1) > from + 1
      return { messages: structuredClone(found.slice(0, limit)), inbox: stateOf(of), lost }
    },
    before(of: UserRef, before: number | null, limit: number): InboxPage {
      const found = inboxOf(of).messages.filter(({ offset }) => offset < (before ?? Infinity))
      return { messages: limit === 0 ? [] : structuredClone(found.slice(-limit)), inbox: stateOf(of) }
    },
    exchanges(of: UserRef, peers: readonly (string | null)[]): Exchange[] {
      const { messages } = inboxOf(of)
      return peers.map((peer) => ({
        received: messages.some(({ from, to }) => from === peer && (from !== of.userId || to === peer)),
        sent: messages.some(({ from, to }) => from === of.userId && to === peer),
      }))
    },
    peers(of: UserRef, before: number | null, limit: number): PeerPage {
      const inbox = inboxOf(of)
      const ids = [...new Set(inbox.messages.map((message) => peerOf(message, of.userId)))]
      const all = ids.flatMap((id): Peer[] => {
        const own = inbox.messages.filter((message) => peerOf(message, of.userId) === id)
        const newest = own.at(-1)
        const { name = null, photoUrl = null } = own.findLast(({ from }) => from === id)?.sender ?? {}
        return newest ? [{ name, photoUrl, ...peerState(of, id), newest: structuredClone(newest) }] : []
      })
      const found = all
        .filter(({ newest }) => newest.offset < (before ?? Infinity))
        .sort((a, b) => b.newest.offset - a.newest.offset)
      const last = found[limit] && found[limit - 1]
      return { peers: found.slice(0, limit), next: last?.newest.offset ?? null, inbox: stateOf(of) }
    },
    messagesWith(of: UserRef, peer: string | null, range: InboxRange, limit: number): PeerMessages {
      const { messages } = inboxOf(of)
      const all = messages.filter((message) => peerOf(message, of.userId) === peer)
      const isBackwards = 'before' in range
      const found = isBackwards
        ? all.filter(({ offset }) => offset < (range.before ?? Infinity))
        : all.filter(({ offset }) => offset > range.after)
      const page = isBackwards ? found.slice(-limit) : found.slice(0, limit)
      const last = isBackwards ? page[0] : page.at(-1)
      const next = found.length > limit && last ? last.offset : null
      const newest = all.at(-1)?.offset ?? 0
      return { messages: structuredClone(page), inbox: stateOf(of), next, newest }
    },
    markPeerRead(of: UserRef, peer: string | null, position: Position) {
      const inbox = inboxOf(of)
      if (position.epoch !== inbox.epoch) return null
      const newest = inbox.messages.findLast((message) => peerOf(message, of.userId) === peer)
      const offset = Math.min(position.offset, inbox.newest)
      if (newest && offset > Math.max(inbox.readOffset, markOf(inbox, peer))) {
        inbox.marks.set(peer, { offset, newest })
        const state = peerState(of, peer)
        emit({ type: 'read', user: { appId: of.appId, userId: of.userId }, inbox: stateOf(of), peer: state })
        const { epoch, readOffset, unread } = stateOf(of)
        const withPeer = { with: peer, unreadWith: state.unread, readOffsetWith: state.readOffset }
        webhooks.addEvent(of, 'message.read', { epoch, readOffset, unread, ...withPeer })
      }
      return { inbox: stateOf(of), peer: peerState(of, peer) }
    },
    markRead(of: UserRef, position: Position): InboxState | null {
      const inbox = inboxOf(of)
      if (position.epoch !== inbox.epoch) return null
      const offset = Math.min(position.offset, inbox.newest)
      if (offset > inbox.readOffset) {
        inbox.readOffset = offset
        emit({ type: 'read', user: { appId: of.appId, userId: of.userId }, inbox: stateOf(of) })
        const { epoch, readOffset, unread } = stateOf(of)
        webhooks.addEvent(of, 'message.read', { epoch, readOffset, unread })
      }
      return stateOf(of)
    },
  }
}
