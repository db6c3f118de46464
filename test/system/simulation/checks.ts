import type { Engine } from '../../../src/engine/engine.js'
import type { Message } from '../../../src/protocol/index.js'
import type { Backend } from './backend.js'
import type { Losses } from './losses.js'
import type { Phones } from './phones.js'
import { APP, type Site } from './site.js'
import type { Mark, Sending, Tab } from './tab.js'
import type { Watcher } from './watcher.js'

/** More than the simulation has users. */
const MAX_PEERS = 100

/** A rule of docs/GUARANTEES.md that a history has broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

const assert = (holds: boolean, rule: string): void => {
  if (!holds) throw new Violation(rule)
}

/** Returns every message that the user's inbox keeps. */
const inboxOf = async (engine: Engine, userId: string): Promise<Message[]> => {
  const of = { appId: APP, userId }
  const { epoch } = await engine.inbox(of)
  const all: Message[] = []
  for (;;) {
    const { messages } = await engine.messagesAfter(of, { epoch, offset: all.at(-1)?.offset ?? 0 }, 100)
    if (messages.length === 0) return all
    all.push(...messages)
  }
}

/** What one page has seen, checked while the simulation runs: offsets rise by one, unless the page was told of a loss. */
export const checkReceived = ({ name, received }: Tab): void => {
  for (const [index, { isAfterLoss, offset, body, isForbidden }] of received.entries()) {
    const before = received[index - 1]
    assert(
      !before || offset === before.offset + 1 || isAfterLoss,
      `${name} received offset ${offset} after ${before?.offset}.`,
    )
    assert(
      !isForbidden,
      `${name} received ‘${body}’ at ${offset}, which was sent after its credentials were revoked.`,
    )
  }
}

/** What is kept of an inbox. Its offsets have no holes. */
interface Kept {
  /** The offset of its oldest message. Older ones were deleted by retention. */
  first: number
  byBody: ReadonlyMap<string, Pick<Message, 'offset' | 'sentAt'>>
}

const keptOf = (user: string, messages: readonly Message[]): Kept => {
  const first = messages[0]?.offset ?? 1
  const byBody = new Map<string, Message>()
  for (const [index, message] of messages.entries()) {
    const { offset, body } = message
    assert(offset === first + index, `The inbox of ${user} has offset ${offset} in place ${index + 1}.`)
    assert(!byBody.has(body ?? ''), `The inbox of ${user} has ‘${body}’ twice.`)
    byBody.set(body ?? '', message)
  }
  return { first, byBody }
}

/** Every acknowledged message that retention keeps is in both inboxes, once, in its sender's order; and pages saw nothing else. */
export const checkMessages = async (
  engine: Engine,
  users: readonly string[],
  tabs: readonly Tab[],
  backend: Backend,
  losses: Losses,
): Promise<void> => {
  const inboxes = new Map<string, Kept>()
  for (const user of users) inboxes.set(user, keptOf(user, await inboxOf(engine, user)))
  const inbox = (user: string): Kept => inboxes.get(user) ?? { first: 1, byBody: new Map() }
  const check = (sending: Sending, stored: string): void => {
    const { from, to, body, outcome, code, offset, storedAt, gateway } = sending
    const [own, theirs] = [
      from === null ? undefined : inbox(from).byBody.get(body),
      inbox(to).byBody.get(body),
    ]
    const what = `‘${body}’ (${outcome}${code && `, ${code}`})`
    const isWhole = [to, from ?? to].every((user) => inbox(user).first === 1)
    const { sentAt = 0 } = own ?? theirs ?? {}
    assert(
      from === null || !isWhole || !own === !theirs || losses.mayPart(sentAt, outcome === 'stored', gateway),
      `${what} is in one inbox of two.`,
    )
    const found = inbox(stored).byBody.get(body)?.offset
    const isInPlace =
      found === offset || (found === undefined ? losses.mayLack(storedAt, gateway) : losses.mayMove(storedAt))
    assert(
      outcome !== 'stored' || offset < inbox(stored).first || isInPlace,
      `${what} is not where it was stored: ${found} of ${offset}, ${storedAt}, ${gateway?.name}.`,
    )
    assert(outcome !== 'refused' || (!own && !theirs), `${what} was refused, and is stored.`)
  }
  for (const tab of tabs) for (const sending of tab.sent) check(sending, tab.user)
  for (const sending of backend.sent) check(sending, sending.to)
  for (const tab of tabs)
    for (const to of users) {
      const stored = tab.sent
        .filter((sending) => sending.to === to)
        .flatMap(({ body, gateway }) => {
          const found = inbox(to).byBody.get(body)
          return found ? [{ body, gateway, ...found }] : []
        })
      for (const [index, message] of stored.entries()) {
        const before = stored[index - 1]
        assert(
          !before || message.offset > before.offset || losses.mayCross(before, message),
          `‘${message.body}’ overtook an earlier message of its page.`,
        )
      }
    }
  for (const { name, user, received } of tabs)
    for (const { offset, body, sentAt } of received) {
      const { first, byBody } = inbox(user)
      assert(
        offset < first || byBody.get(body)?.offset === offset || losses.mayMove(sentAt),
        `${name} received ‘${body}’ at ${offset}, where the inbox has another message.`,
      )
    }
}

/**
 * Returns a message that was sent neither to a page nor to the phone of its user, though it is kept and unread; undefined if there is none.
 */
export const unreached = async (
  engine: Engine,
  users: readonly string[],
  tabs: readonly Tab[],
  phones: Phones,
): Promise<string | undefined> => {
  for (const user of users) {
    const of = { appId: APP, userId: user }
    const { readOffset } = await engine.inbox(of)
    const peers = (await engine.peers(of, null, MAX_PEERS)).peers
    const pages = tabs.filter((tab) => tab.user === user)
    for (const { from, offset, body, sentAt } of await inboxOf(engine, user)) {
      const mark = Math.max(readOffset, peers.find(({ id }) => id === from)?.readOffset ?? 0)
      if (from === user || offset <= Math.max(mark, phones.since(user))) continue
      const isShown = pages.some(
        ({ startedAt, received, line }) =>
          (startedAt > sentAt && startedAt < Infinity) ||
          received.some((one) => one.offset === offset) ||
          line.crossed.has(offset),
      )
      if (!isShown && phones.pushedTo(user, from) < offset)
        return `‘${body}’ (${offset}) reached neither a page of ${user} nor the phone.`
    }
  }
  return undefined
}

/** What pages that are active show is what the engine has. */
export const checkConverged = async (
  engine: Engine,
  users: readonly string[],
  live: readonly Tab[],
  backend: Backend,
  losses: Losses,
): Promise<void> => {
  for (const user of users) {
    const of = { appId: APP, userId: user }
    const stored = (await engine.user(of))?.vouched.name
    const given = losses.any ? undefined : backend.nameOf(user)
    assert(given === undefined || given === stored, `${user} has the name ‘${stored}’, and not ‘${given}’.`)
    const inbox = await engine.inbox(of)
    const messages = await inboxOf(engine, user)
    const peers = (await engine.peers(of, null, MAX_PEERS)).peers
    const markOf = (peer: string | null): number => peers.find(({ id }) => id === peer)?.readOffset ?? 0
    const unreadOf = (peer: string | null): number =>
      messages.filter(({ from, offset }) => from !== user && from === peer && offset > markOf(peer)).length
    for (const { id, unread, newest } of peers) {
      assert(
        unread === unreadOf(id),
        `The inbox of ${user} counts ${unread} unread messages of ${id}, not ${unreadOf(id)}.`,
      )
      const last = messages.findLast(({ from, to }) => (from === user ? to : from) === id)
      assert(
        newest.offset === last?.offset,
        `The newest message of ${user} with ${id} is ${last?.offset}, not ${newest.offset}.`,
      )
    }
    const unread = [...new Set(messages.map(({ from }) => from))].reduce(
      (sum, from) => sum + unreadOf(from),
      0,
    )
    assert(
      inbox.unread === unread,
      `The inbox of ${user} counts ${inbox.unread} unread messages of ${unread}.`,
    )
    const tabs = live.filter((tab) => tab.user === user)
    const status = await engine.status(of)
    if (tabs.length > 0) assert(status.online, `${user} has an active session, and is offline.`)
    for (const { name, session, received } of tabs) {
      // A page that is open is not told of unread messages that retention deletes.
      const isTold = (messages[0]?.offset ?? 1) === 1
      assert(
        isTold ? session.unread === unread : session.unread >= unread,
        `${name} shows ${session.unread} unread messages of ${unread}.`,
      )
      assert(
        received.length === 0 || received.at(-1)?.offset === inbox.offset,
        `${name} received messages up to ${received.at(-1)?.offset} of ${inbox.offset}.`,
      )
    }
    // A mark goes with the messages that its peer had when it was set.
    const first = messages[0]?.offset ?? Infinity
    const isKept = ({ setAt, takenAt, isOfEarlierEpoch }: Mark): boolean =>
      !losses.any || !(isOfEarlierEpoch || losses.mayForget(setAt, takenAt))
    for (const { peer, offset } of tabs.flatMap(({ peerReads }) => peerReads.filter(isKept)))
      assert(
        offset < first || markOf(peer) >= offset,
        `${user} has read up to ${offset} of ${peer}; the mark is ${markOf(peer)}.`,
      )
    const marks = tabs.flatMap(({ reads }) => reads.filter(isKept).map(({ offset }) => offset))
    assert(
      inbox.readOffset >= Math.max(0, ...marks),
      `${user} has read up to ${Math.max(...marks)}; the mark is ${inbox.readOffset}.`,
    )
  }
}

/** Returns what the watcher shows of a user whose presence is another; undefined if it is right about all. */
export const wrongPresence = async (
  engine: Engine,
  users: readonly string[],
  { online }: Watcher,
): Promise<string | undefined> => {
  for (const user of users) {
    const status = await engine.status({ appId: APP, userId: user })
    if (status.online === online.get(user)) continue
    return `The watcher shows ${user} as ${online.get(user) ? 'online' : 'offline'}, and ${user} is not.`
  }
  return undefined
}

/** Checks that no user is left. */
export const checkEmpty = async (engine: Engine, users: readonly string[]): Promise<void> => {
  for (const user of users) {
    const { online, sessions } = await engine.status({ appId: APP, userId: user })
    assert(
      !online && sessions === 0,
      `${user} has left, and is ${online ? 'online' : 'offline'} with ${sessions} sessions.`,
    )
  }
}

/** A failover that forgot nothing is not felt: no page was told of a loss, unless retention has deleted messages. */
export const checkUnfelt = async (
  engine: Engine,
  users: readonly string[],
  tabs: readonly Tab[],
): Promise<void> => {
  for (const user of users)
    if (keptOf(user, await inboxOf(engine, user)).first === 1)
      for (const { name, losses } of tabs.filter((tab) => tab.user === user))
        assert(losses === 0, `${name} was told of lost messages, and no history had lost any.`)
}

/**
 * A session starts once and ends once, and presence alternates. With `mayLose` the power was cut: sessions and their events are written
 * without a sync, so the latest of them may be gone, or happen again.
 */
export const checkEvents = ({ delivered }: Site, mayLose: boolean): void => {
  const seen = new Map<string, string>()
  const states = new Map<string, { started: boolean; ended: boolean }>()
  const online = new Map<string, string>()
  for (const { id, type, userId, data, seq } of delivered) {
    const content = JSON.stringify([type, userId, data, seq])
    assert((seen.get(id) ?? content) === content, `The event ${id} was delivered with two contents.`)
    if (seen.has(id)) continue
    seen.set(id, content)
    const sessionId = (data as { sessionId?: string }).sessionId ?? ''
    if (type === 'session.started') {
      assert(mayLose || !states.has(sessionId), `The session ${sessionId} of ${userId} started twice.`)
      states.set(sessionId, { started: true, ended: false })
    } else if (type === 'session.ended') {
      const state = states.get(sessionId)
      assert(
        mayLose || state !== undefined,
        `The session ${sessionId} of ${userId} ended, and never started.`,
      )
      assert(mayLose || !state?.ended, `The session ${sessionId} of ${userId} ended twice.`)
      if (state) state.ended = true
    } else if (type === 'user.online' || type === 'user.offline') {
      assert(mayLose || online.get(userId) !== type, `${userId} had ${type} twice in a row.`)
      online.set(userId, type)
    }
  }
  if (mayLose) return
  for (const [sessionId, { ended }] of states) assert(ended, `The session ${sessionId} never ended.`)
  for (const [userId, type] of online)
    assert(type === 'user.offline', `${userId} is online to the backend for ever.`)
}
