import assert from 'node:assert/strict'
import type { Engine, Peer, UserRef, WebhookEvent } from '../../engine.js'
import { app, credential } from '../kit.js'
import type { Model } from './model.js'

/** An offset at which a page begins or ends, and how many messages it has at most. */
export type PageRange = readonly [offset: number, limit: number]

const PAGE = 4
/** Events about a user that come in turn. */
const IN_TURN = [
  ['user.created', 'user.deleted'],
  ['user.online', 'user.offline'],
]

export const refOf = (userId: string): UserRef => ({ appId: app, userId })

const summaryOf = ({ id, unread, readOffset, newest }: Peer) => ({
  ...{ id, unread, readOffset, newest: newest.offset },
})

/** Compares what concerns a user: the inbox, the sessions, the status, the profile and the revocation. */
export const compareUser = async (engine: Engine, model: Model, userId: string): Promise<void> => {
  const of = refOf(userId)
  const { inbox, exists, name, isRevoked } = model.user(userId)
  const { offset, readOffset, unread } = await engine.inbox(of)
  assert.deepEqual({ offset, readOffset, unread }, inbox.state)
  const alive = model.alive(userId)
  assert.deepEqual(
    (await engine.sessions(of)).map((each) => [
      each.sessionId,
      each.state,
      each.hidden,
      each.credential.tokenId,
    ]),
    alive.map((each) => [
      ...[each.sessionId, each.connectionId === null ? 'detached' : 'active'],
      ...[each.hidden !== null, each.tokenId],
    ]),
  )
  const status = await engine.status(of)
  assert.deepEqual(
    [status.sessions, status.unread, status.revokedBefore !== null],
    [alive.length, unread, isRevoked || model.isAppRevoked],
  )
  // A session whose connection is lost makes its user online for some seconds.
  if (alive.length === 0 || alive.some(({ connectionId }) => connectionId !== null))
    assert.equal(status.online, alive.length > 0)
  assert.equal((await engine.user(of))?.claimed.name, exists ? name : undefined)
  assert.equal(
    await engine.isRevoked(of, { ...credential(), issuedAt: null }),
    isRevoked || model.isAppRevoked,
  )
}

/** Compares the messages of a user after and before an offset. */
export const comparePages = async (
  engine: Engine,
  model: Model,
  userId: string,
  [offset, limit]: PageRange,
): Promise<void> => {
  const [of, { inbox }] = [refOf(userId), model.user(userId)]
  const { messages, newest } = inbox
  const { epoch } = await engine.inbox(of)
  // Some of the positions are of another epoch.
  const isOfAnother = offset % 8 === 7
  const isOutside = isOfAnother || offset > newest
  const position = { epoch: isOfAnother ? 'another' : epoch, offset }
  const after = await engine.messagesAfter(of, position, limit)
  assert.deepEqual(
    after.messages.map(({ offset, id, from, to, body }) => ({ id, from, to, body, offset })),
    messages.filter((message) => isOutside || message.offset > offset).slice(0, limit),
  )
  assert.equal(after.lost, isOfAnother || inbox.lacks(offset))
  const before = await engine.messagesBefore(of, offset, limit)
  assert.deepEqual(
    before.messages.map((message) => message.offset),
    messages
      .map((message) => message.offset)
      .filter((each) => each < offset)
      .slice(-limit),
  )
}

/** Compares the peers of a user, and the messages with each of `peers` in a range that `range` picks. */
export const comparePeers = async (
  engine: Engine,
  model: Model,
  userId: string,
  peers: readonly (string | null)[],
  range: () => PageRange,
): Promise<void> => {
  const [of, { inbox }] = [refOf(userId), model.user(userId)]
  const found: Peer[] = []
  for (let before = null, isLast = false; !isLast;) {
    const page = await engine.peers(of, before, PAGE)
    found.push(...page.peers)
    isLast = page.next === null
    before = page.next
  }
  assert.deepEqual(found.map(summaryOf), inbox.peers)
  for (const peer of peers) {
    const all = inbox.with(peer).map(({ offset }) => offset)
    const [from, limit] = range()
    const after = await engine.messagesWith(of, peer, { after: from }, limit)
    const later = all.filter((offset) => offset > from)
    assert.deepEqual(
      after.messages.map(({ offset }) => offset),
      later.slice(0, limit),
    )
    assert.equal(after.next, later.length > limit ? later[limit - 1] : null)
    const before = await engine.messagesWith(of, peer, { before: from }, limit)
    const earlier = all.filter((offset) => offset < from)
    assert.deepEqual(
      before.messages.map(({ offset }) => offset),
      earlier.slice(-limit),
    )
    assert.equal(before.next, earlier.length > limit ? earlier.at(-limit) : null)
    assert.deepEqual(before.inbox, await engine.inbox(of))
    assert.equal(before.newest, all.at(-1) ?? 0)
  }
  const exchanges = await engine.exchanges(of, peers)
  peers.forEach((peer, n) => {
    const own = inbox.with(peer)
    const received = own.some(({ from, to }) => from !== userId || to === from)
    assert.deepEqual(exchanges[n], { received, sent: own.some(({ from }) => from === userId) })
  })
}

/** Compares the counts of the app, and the lists of its sessions and users. */
export const compareLists = async (engine: Engine, model: Model): Promise<void> => {
  const { users, sessions, inboxes } = await engine.usage(app)
  assert.deepEqual({ users, inboxes }, { users: model.existing.length, inboxes: model.inboxes })
  assert.equal(sessions, model.alive().length)
  const listed: string[] = []
  let after: string | null = null
  do {
    const page = await engine.appSessions(app, after, PAGE)
    listed.push(...page.sessions.map(({ sessionId }) => sessionId))
    after = page.next
  } while (after !== null)
  const alive = model.alive().map(({ sessionId }) => sessionId)
  assert.deepEqual(listed.toSorted(), alive.toSorted())
  const all = await engine.users(app, null, 100)
  assert.deepEqual(all.map(({ userId }) => userId).toSorted(), model.existing.toSorted())
}

/** Compares delivered events: each session has one start and one end, and users are created and deleted, and come and go, in turn. */
export const compareEvents = (
  delivered: readonly WebhookEvent[],
  model: Model,
  userIds: readonly string[],
): void => {
  const events = delivered.toSorted((one, other) => one.seq - other.seq)
  const count = (type: string, sessionId: string): number =>
    events.filter((event) => event.type === type && event.data['sessionId'] === sessionId).length
  for (const { sessionId, hasEnded } of model.sessions)
    assert.deepEqual(
      [count('session.started', sessionId), count('session.ended', sessionId)],
      [1, hasEnded ? 1 : 0],
    )
  for (const userId of userIds)
    for (const types of IN_TURN) {
      const found = events.filter((event) => event.userId === userId && types.includes(event.type))
      assert.deepEqual(
        found.map(({ type }) => type),
        found.map((_, n) => types[n % 2]),
      )
    }
}
