import { saveGuest } from '../../../src/engine/suite/kit.js'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  Credential,
  Engine,
  Position,
  SendRules,
  SessionRequest,
  UserRef,
} from '../../../src/engine/index.js'
import type { TransferPages, TransferRecord } from '../../../src/engine/internal.js'
import { scratchFolder } from '../scratch-folder.js'

const DAY = 86_400_000
const SECRET = 'a secret of at least 32 characters, for a test'

const rules: SendRules = {
  sendWindow: 3_600_000,
  retention: { messages: 10_000, bytes: 1e9, age: 30 * DAY },
  unknownRecipients: true,
  unknownSenders: true,
  unreadPerSender: 1,
  quota: { inboxes: 1_000_000, bytes: 1e12 },
}

/** Writes a config with this engine, and returns the name of its file. */
export const configFile = (engine: object, more: object = {}): string => {
  const folder = scratchFolder()
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'chat.json')
  const app = { environment: 'test', secrets: [SECRET], origins: ['https://shop.example'] }
  writeFileSync(file, JSON.stringify({ engine, apps: { shop: app }, ...more }))
  return file
}

const people: UserRef[] = ['ada', 'bob', 'cleo', 'dan', 'eve', 'guest:finn', 'gone', 'never-saved'].map(
  (userId) => ({ appId: 'shop', userId }),
)
const other: UserRef = { appId: 'club', userId: 'ada' }
const tokens = ['a token', 'used', 'not revoked']

const credential = (more: Partial<Credential> = {}): Credential => ({
  ...{ authMethod: 'token', tokenId: null, issuedAt: 1, expiresAt: Date.now() + DAY },
  ...more,
})

const request = (of: UserRef, more: Partial<Credential> = {}): SessionRequest => ({
  ...of,
  ...{ guest: of.userId.startsWith('guest:'), credential: credential(more), hidden: false },
  ...{ origin: null, address: '127.0.0.1', client: null, node: 'a' },
  ...{ connectionId: randomUUID(), keyHash: randomUUID(), resumableFor: 60_000, sessionsPerUser: 5 },
})

const configure = async (engine: Engine): Promise<void> => {
  const events = ['user.created', 'message.created', 'message.unread', 'user.deleted'] as const
  await engine.configure('shop', { retention: rules.retention, webhooks: { events, unreadAfter: DAY } })
  await engine.configure('club', { retention: rules.retention, webhooks: null })
}

/** Sends messages to users in turn, many at once. */
export const sendMany = async (engine: Engine, count: number): Promise<void> => {
  for (let n = 0; n < count; n += 250)
    await Promise.all(
      Array.from({ length: Math.min(250, count - n) }, (_, m) =>
        engine.send(
          {
            appId: 'club',
            id: `bulk ${n + m}`,
            from: `user ${m % 7}`,
            to: `user ${m % 10}`,
            body: `n ${n + m}`,
          },
          rules,
        ),
      ),
    )
}

/** Lets Bob adopt a guest, who comes before if `enter` is given. Resolves with the adoption. */
const adopt = async (engine: Engine, enter?: (guest: string) => Promise<void>): Promise<unknown> => {
  const guestId = 'guest:~gil'
  if (enter) {
    await saveGuest(engine, { appId: 'shop', userId: guestId }, {}, 10)
    await enter(guestId)
  }
  const bob = { appId: 'shop', userId: 'bob' }
  const { createdAt = 0 } = (await engine.user(bob)) ?? {}
  const { retention } = rules
  return engine.adoptGuest({ ...bob, userCreatedAt: createdAt, guestId, proof: null, retention })
}

/** Yields these records in one page. */
export async function* pagesOf(...records: TransferRecord[]): TransferPages {
  yield await Promise.resolve(records)
}

/** Puts a little of everything that is transferred into an engine. */
export const fill = async (engine: Engine): Promise<void> => {
  await configure(engine)
  const of = (userId: string): UserRef => ({ appId: 'shop', userId })
  await engine.saveUser(of('ada'), {
    vouched: {
      profile: { name: 'Ada', photoUrl: 'https://shop.example/ada.png' },
      issuedAt: 1_700_000_000_000,
      byBackend: true,
    },
    claimed: { email: 'ada@shop.example' },
  })
  for (const userId of ['bob', 'cleo', 'dan', 'eve', 'gone'])
    await engine.saveUser(of(userId), { claimed: { name: userId.toUpperCase() } })
  await engine.saveUser(other, { claimed: { name: 'Ada of the club' } })
  await saveGuest(engine, of('guest:finn'), { claimed: { name: 'Finn' } }, 10)
  // The sessions are detached, because users with a connection are last seen when the engine is closed.
  for (const asked of [request(of('guest:finn')), request(of('dan'), { tokenId: 'used' })]) {
    const session = await engine.startSession(asked)
    assert.ok(session)
    await engine.detachSession(session, asked.connectionId, asked.resumableFor)
  }

  const send = (id: string, from: string | null, to: string, more: object = { body: id }) =>
    engine.send({ appId: 'shop', id, from, to, ...more }, rules)
  await send('before the deletion', 'ada', 'gone')
  await engine.deleteUser(of('gone'))
  await engine.saveUser(of('gone'), { claimed: { name: 'Back' } })
  await send('before the deletion', 'ada', 'gone', { body: 'after it' })
  await send('to a guest', 'ada', 'guest:finn')
  await send('to myself', 'ada', 'ada')
  await send('from the backend', null, 'bob', { body: 'Grüße 👋', data: { b: 1, a: ['x', null] } })
  await send('to a stranger', 'bob', 'never-saved')
  for (let n = 0; n < 100; n++) await send(`n ${n}`, n % 3 === 0 ? 'ada' : 'cleo', 'bob')
  const { epoch } = await engine.inbox(of('bob'))
  await engine.markRead(of('bob'), { epoch, offset: 40 })
  await engine.markPeerRead(of('bob'), 'cleo', { epoch, offset: 70 })
  await engine.markPeerRead(of('bob'), 'ada', { epoch, offset: 50 })
  await adopt(engine, async (guest) => {
    await send('read by a guest', null, guest)
    const inbox = await engine.inbox(of(guest))
    await engine.markRead(of(guest), inbox)
    await send('not read by a guest', 'cleo', guest)
  })
  // The oldest of these are not retained.
  for (let n = 0; n < 100; n++)
    await engine.send(
      { appId: 'club', id: `short ${n}`, from: null, to: 'ada', body: 'x'.repeat(n) },
      { ...rules, retention: { ...rules.retention, messages: 30 } },
    )

  const keys = { p256dh: 'key', auth: 'secret' }
  for (const n of [1, 2])
    await engine.savePushDevice(
      of('bob'),
      { endpoint: `https://push.example/${n}`, expirationTime: null, keys },
      credential({ issuedAt: 10_000 }),
    )
  await engine.revokeUser(of('eve'), { issuedBefore: 5_000, mode: 'end' })
  await engine.revokeApp('club', { issuedBefore: 7_000, mode: 'end' })
  await engine.revokeToken('shop', 'a token')
  await engine.revokeToken('shop', 'used')
  const [first, second] = await engine.takeDueEvents('shop', 2, 60_000)
  if (first) await engine.endDelivery('shop', first.event.userId, first.event.id, { failed: 'no such host' })
  if (second)
    await engine.endDelivery('shop', second.event.userId, second.event.id, {
      ...{ retryAfter: 1_000, error: 'timeout' },
    })
}

/** What users see of an engine's data: everything but epochs and sessions. */
export const contentOf = async (engine: Engine): Promise<unknown> => {
  const inboxes: unknown[] = []
  const club = Array.from({ length: 10 }, (_, n) => ({ appId: 'club', userId: `user ${n}` }))
  for (const of of [...people, other, ...club]) {
    const { epoch, ...state } = await engine.inbox(of)
    const { messages } = await engine.messagesAfter(of, { epoch, offset: 0 }, 20_000)
    const { lastSeenAt, revokedBefore, unread } = await engine.status(of)
    const { peers } = await engine.peers(of, null, 100)
    inboxes.push({ of, state, messages, peers, seen: lastSeenAt, revokedBefore, unread })
    inboxes.push(await engine.isRevoked(of, credential({ issuedAt: 6_000 })))
  }
  const { events } = await engine.pendingEvents('shop', null, 1_000)
  const users = await Promise.all(['shop', 'club'].map((appId) => engine.users(appId, null, 1_000)))
  const usages = await Promise.all(['shop', 'club'].map((appId) => engine.usage(appId)))
  return {
    inboxes,
    key: Buffer.from(await engine.key()).toString('hex'),
    users: users.map((list) => list.toSorted((a, b) => (a.userId < b.userId ? -1 : 1))),
    tokens: await Promise.all(
      tokens.map((tokenId) => engine.isRevoked({ appId: 'shop', userId: 'bob' }, credential({ tokenId }))),
    ),
    // In a Redis only the lists of one partition have an order.
    events: events
      .map(({ event, attempts, lastError, state }) => ({ event, attempts, lastError, state }))
      .toSorted((a, b) => (a.event.id < b.event.id ? -1 : 1)),
    adoption: await adopt(engine),
    devices: await engine.pushDevices({ appId: 'shop', userId: 'bob' }),
    usages: usages.map((usage) => [usage.users, usage.guests, usage.inboxes]),
  }
}

/** Sends messages again that were sent by `fill`. Returns the results. */
export const repeatSends = async (engine: Engine): Promise<unknown[]> => {
  const messages = [
    { id: 'n 7', from: 'cleo', to: 'bob', body: 'n 7' },
    { id: 'to myself', from: 'ada', to: 'ada', body: 'to myself' },
    { id: 'from the backend', from: null, to: 'bob', body: 'Grüße 👋', data: { a: ['x', null], b: 1 } },
    { id: 'before the deletion', from: 'ada', to: 'gone', body: 'after it' },
    { id: 'n 8', from: 'cleo', to: 'bob', body: 'another content' },
  ]
  return Promise.all(messages.map((message) => engine.send({ appId: 'shop', ...message }, rules)))
}

/**
 * Asserts that an engine has the content of another one, whose inbox of Ada was at `before`, in another epoch and with the ids of its
 * messages.
 */
export const assertCopied = async (engine: Engine, content: unknown, before: Position): Promise<void> => {
  assert.deepEqual(await contentOf(engine), content)
  const { lost, messages } = await engine.messagesAfter({ appId: 'shop', userId: 'ada' }, before, 1_000)
  assert.equal(lost, true)
  assert.equal(messages[0]?.offset, 1)
  const results = (await repeatSends(engine)) as { outcome: string }[]
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['repeated', 'repeated', 'repeated', 'repeated', 'conflict'],
  )
  const { offset, unread } = await engine.inbox({ appId: 'shop', userId: 'bob' })
  const late = { appId: 'shop', id: 'to an adopted guest', from: null, to: 'guest:~gil', body: 'late' }
  const sent = await engine.send(late, rules)
  assert.deepEqual([sent.outcome, 'offset' in sent && sent.offset], ['stored', offset + 1])
  assert.equal((await engine.inbox({ appId: 'shop', userId: 'bob' })).unread, unread + 1)
  // Cleo has sent 66 messages to Bob, which take about 13,000 bytes.
  const more = { appId: 'shop', id: 'more', from: 'cleo', to: 'dan', body: 'more' }
  const quota = { ...rules.quota, bytesPerSender: 12_000 }
  assert.deepEqual(await engine.send(more, { ...rules, quota }), { outcome: 'over-share' })
}
