import type { Engine } from '../../../src/engine/engine.js'
import type { Message } from '../../../src/protocol/index.js'
import { APP, type Site } from './site.js'
import type { Sending, Tab } from './tab.js'

/** A rule of docs/GUARANTEES.md that a history has broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

const assert = (holds: boolean, rule: string): void => {
  if (!holds) throw new Violation(rule)
}

/** Returns everything in the user's inbox. */
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

/** What one page has seen, checked while the simulation runs: offsets rise by one. */
export const checkReceived = ({ name, received }: Tab): void => {
  for (const [index, { offset, body, isForbidden }] of received.entries()) {
    const before = received[index - 1]
    assert(
      !before || offset === before.offset + 1,
      `${name} received offset ${offset} after ${before?.offset}.`,
    )
    assert(!isForbidden, `${name} received ‘${body}’, which was sent after its credentials were revoked.`)
  }
}

/** Every acknowledged message is in both inboxes, once, in its sender's order; and pages saw nothing else. */
export const checkMessages = async (
  engine: Engine,
  users: readonly string[],
  tabs: readonly Tab[],
): Promise<void> => {
  const inboxes = new Map<string, Message[]>()
  for (const user of users) inboxes.set(user, await inboxOf(engine, user))
  for (const [user, messages] of inboxes) {
    const bodies = new Set<string>()
    for (const [index, { offset, body }] of messages.entries()) {
      assert(offset === index + 1, `The inbox of ${user} has offset ${offset} in place ${index + 1}.`)
      assert(!bodies.has(body ?? ''), `The inbox of ${user} has ‘${body}’ twice.`)
      bodies.add(body ?? '')
    }
  }
  const find = (user: string, { body }: Sending): Message | undefined =>
    inboxes.get(user)?.find((message) => message.body === body)
  for (const tab of tabs)
    for (const sending of tab.sent) {
      const [own, theirs] = [find(sending.from, sending), find(sending.to, sending)]
      const what = `‘${sending.body}’ (${sending.outcome}${sending.code && `, ${sending.code}`})`
      assert(!own === !theirs, `${what} is in one inbox of two.`)
      assert(
        sending.outcome !== 'stored' || own?.offset === sending.offset,
        `${what} is not where it was stored.`,
      )
      assert(sending.outcome !== 'refused' || !own, `${what} was refused, and is stored.`)
    }
  for (const tab of tabs)
    for (const to of users) {
      const numbers = tab.sent
        .filter((sending) => sending.to === to)
        .map((sending) => [find(to, sending)?.offset, sending] as const)
        .filter(([offset]) => offset !== undefined)
      for (const [index, [offset = 0, { body }]] of numbers.entries())
        assert(
          index === 0 || offset > (numbers[index - 1]?.[0] ?? 0),
          `‘${body}’ overtook an earlier message of its page.`,
        )
    }
  for (const { name, user, received } of tabs)
    for (const { offset, body } of received)
      assert(
        inboxes.get(user)?.[offset - 1]?.body === body,
        `${name} received ‘${body}’ at ${offset}, where the inbox has ‘${inboxes.get(user)?.[offset - 1]?.body}’.`,
      )
}

/** What pages that are active show is what the engine has. */
export const checkConverged = async (
  engine: Engine,
  users: readonly string[],
  live: readonly Tab[],
): Promise<void> => {
  for (const user of users) {
    const of = { appId: APP, userId: user }
    const inbox = await engine.inbox(of)
    const messages = await inboxOf(engine, user)
    const unread = messages.filter(({ from, offset }) => from !== user && offset > inbox.readOffset).length
    assert(
      inbox.unread === unread,
      `The inbox of ${user} counts ${inbox.unread} unread messages of ${unread}.`,
    )
    const tabs = live.filter((tab) => tab.user === user)
    const status = await engine.status(of)
    if (tabs.length > 0) assert(status.online, `${user} has an active session, and is offline.`)
    for (const { name, session, received } of tabs) {
      assert(session.unread === unread, `${name} shows ${session.unread} unread messages of ${unread}.`)
      assert(
        received.length === 0 || received.at(-1)?.offset === inbox.offset,
        `${name} received messages up to ${received.at(-1)?.offset} of ${inbox.offset}.`,
      )
    }
    const marks = tabs.flatMap(({ reads }) => reads)
    assert(
      inbox.readOffset >= Math.max(0, ...marks),
      `${user} has read up to ${Math.max(...marks)}; the mark is ${inbox.readOffset}.`,
    )
  }
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
