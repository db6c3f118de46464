// A user of app `a` tries every frame on the users and sessions of app `b`, who have the same ids. Nothing may cross.
import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { clientFrames, type ClientFrame } from '../../../src/protocol/index.js'
import { createAppToken, createSignature, createToken } from '../../../src/tokens/index.js'
import { refusalOf, startClient, type Client, type Frame } from '../../support/raw-client.js'
import { startGateway, testApp } from '../../support/gateway.js'
import { secretOf } from './support.js'

const folder = mkdtempSync(join(tmpdir(), 'chat-session-attacks-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const signatureSecretOf = (appId: string): string => `the signature secret of app ${appId}`

const keys = Object.fromEntries(
  ['a', 'b'].map((name) => [name, createECDH('prime256v1').generateKeys('base64url')]),
)
/** A subscription of one endpoint, with the keys of an app. */
const subscription = (app: 'a' | 'b') => ({
  endpoint: 'https://fcm.googleapis.com/send/1',
  expirationTime: null,
  keys: { p256dh: keys[app], auth: Buffer.alloc(16, 1).toString('base64url') },
})

/** Part of every text that app `b` stores. */
const MARK = 'only-in-b'
const SESSIONS = 4
const MESSAGES_PER_SECOND = 50
const SIGNALS_PER_SECOND = 20

const NOTE = { type: 'send', id: 'note', to: 'carl', body: MARK }

type Started = Client & { started: Frame }

interface Target {
  url: string
  /** Sessions of user `ann` in each app. */
  inA: Started
  inB: Started
  /** A guest of `b` with the gateway's token. */
  guestOfB: Started
}

const tokenOf = (appId: string, userId: string, secret = secretOf(appId)): Promise<string> =>
  createToken({ appId, userId, secret })

const startAs = async (url: string, appId: string, userId: string, more: object = {}): Promise<Started> =>
  startClient(url, { type: 'start', appId, token: await tokenOf(appId, userId), ...more })

/** Sends a frame and resolves with the answer. */
const answerTo = async (client: Client, frame: Frame, type: string): Promise<Frame> => {
  client.send(frame)
  return client.next(type)
}

/** Returns the data that app `b` stores about a user. */
const stateInB = async (url: string, userId: string): Promise<unknown> => {
  const client = await startAs(url, 'b', userId)
  const { user, epoch, offset, unread } = client.started
  const { messages } = await answerTo(
    client,
    { type: 'history', id: 'h', epoch: epoch, limit: 100 },
    'history',
  )
  const marks = await answerTo(client, { type: 'read', epoch: epoch, offset: 0 }, 'unread')
  client.send({ type: 'end' })
  await client.closed
  return { user, epoch, offset, unread, messages, marks }
}

const annIn = (target: Target, more: object = {}): Promise<Started> => startAs(target.url, 'a', 'ann', more)

const resumeOf = ({ started }: Started, offset = 0): object => ({
  resume: { key: started['resumeKey'], epoch: started['epoch'], offset },
})

/** The attempts of a user of `a` with each frame. A new frame of the protocol needs a row. */
const attempts = {
  async start({ url, inA, inB, guestOfB }) {
    // Credentials of `b` in `a`, and of `a` in `b`.
    const [tokenOfA, tokenOfB] = [await tokenOf('a', 'ann'), await tokenOf('b', 'ann')]
    const signature = await createSignature('ann', signatureSecretOf('a'))
    const refused = [
      { appId: 'a', token: tokenOfB },
      { appId: 'b', token: tokenOfA },
      { appId: 'b', token: await tokenOf('b', 'ann', secretOf('a')) },
      { appId: 'b', token: await tokenOf('b', 'ann', signatureSecretOf('b')) },
      { appId: 'a', token: guestOfB.started['token'] },
      { appId: 'b', userId: 'ann', signature },
      { appId: 'b', userId: 'ann', signature: await createSignature('ann', secretOf('b')) },
    ]
    for (const start of refused) {
      assert.equal(
        await refusalOf(url, { type: 'start', ...start }),
        'unauthenticated',
        JSON.stringify(start),
      )
      assert.equal(await refusalOf(url, { type: 'start', ...start, ...resumeOf(inB) }), 'unauthenticated')
    }
    // Keys of `b` with good credentials of `a`.
    for (const victim of [inB, guestOfB]) {
      const thief = await startAs(url, 'a', 'ann', resumeOf(victim))
      assert.equal(thief.started['resumed'], false)
      assert.notEqual(thief.started['sessionId'], victim.started['sessionId'])
      assert.notEqual(thief.started['epoch'], victim.started['epoch'])
      thief.close()
      await thief.closed
    }
    // More sessions than a user may have end sessions of `a` alone.
    const many = await Promise.all(Array.from({ length: SESSIONS }, () => startAs(url, 'a', 'ann')))
    for (const client of many) client.close()
    assert.equal((await inA.end()).frame['code'], 'too-many-sessions')
  },

  async token({ inA, guestOfB }) {
    const tokens = [
      await tokenOf('b', 'ann'),
      await tokenOf('b', 'ann', secretOf('a')),
      await tokenOf('a', 'ann', secretOf('b')),
      guestOfB.started['token'] as string,
    ]
    for (const token of tokens)
      assert.equal((await answerTo(inA, { type: 'token', token }, 'refused'))['code'], 'unauthenticated')
  },

  async send(target) {
    const bob = await startAs(target.url, 'a', 'bob')
    // `b` has stored another message under this id.
    const sent = await answerTo(target.inA, { type: 'send', id: 'first', to: 'bob', body: 'in a' }, 'sent')
    assert.equal(sent['id'], 'first')
    assert.equal((await bob.next('message'))['body'], 'in a')
    // Ids that look like the keys of another app's rows.
    for (const to of ['b/bob', 'b:bob', 'b!bob', '../b/bob', 'b bob', 'b%00bob', 'b.bob']) {
      const own = await startAs(target.url, 'a', to)
      await answerTo(target.inA, { type: 'send', id: `to ${to}`, to, body: 'in a' }, 'sent')
      assert.equal((await own.next('message'))['body'], 'in a')
      own.close()
    }
    bob.close()
    // These are more messages than a user may send. The user of the same id in `b` is not limited by that.
    for (let index = 0; index < 2 * MESSAGES_PER_SECOND; index += 1)
      target.inA.send({ type: 'send', id: `flood ${index}`, to: 'bob', body: 'x' })
    assert.equal((await target.inA.next('refused'))['code'], 'rate-limited')
    // This is a retry. It is counted like any send and stores nothing.
    await answerTo(target.inB, NOTE, 'sent')
  },

  async history({ inA, inB }) {
    const foreign = { type: 'history', id: 'h', epoch: inB.started['epoch'] as string }
    for (const place of [{}, { after: 0 }, { before: 3 }])
      assert.equal((await answerTo(inA, { ...foreign, ...place }, 'refused'))['code'], 'conflict')
    const own = { ...foreign, epoch: inA.started['epoch'] as string }
    await answerTo(inA, { ...own, after: 0 }, 'history')
    // Somebody of `b` has written to Ann there.
    for (const peer of ['ann', 'bob', 'carl', null]) await answerTo(inA, { ...own, with: peer }, 'history')
  },

  async peers({ inA, inB }) {
    const before = { epoch: inB.started['epoch'] as string, offset: 9 }
    assert.equal((await answerTo(inA, { type: 'peers', id: 'p', before }, 'refused'))['code'], 'conflict')
    await answerTo(inA, { type: 'peers', id: 'p' }, 'peers')
  },

  async read({ inA, inB }) {
    const foreign = { type: 'read', epoch: inB.started['epoch'] as string, offset: 2 }
    assert.equal((await answerTo(inA, foreign, 'refused'))['code'], 'conflict')
    await answerTo(inA, { ...foreign, epoch: inA.started['epoch'] }, 'unread')
  },

  async profile({ inA }) {
    const { user } = await answerTo(inA, { type: 'profile', user: { name: 'Ann in a' } }, 'user')
    assert.deepEqual(user, { id: 'ann', name: 'Ann in a' })
  },

  async signal(target) {
    const bob = await startAs(target.url, 'a', 'bob')
    for (const to of ['ann', 'bob', 'b/ann', 'b:ann', 'b ann'])
      target.inA.send({ type: 'signal', to, name: 'in a', ttl: 1 })
    assert.equal((await bob.next('signal'))['from'], 'ann')
    assert.equal((await target.inA.next('signal'))['name'], 'in a')
    // These are more signals than a user may send. The user of the same id in `b` is not limited by that.
    for (let n = 0; n < 2 * SIGNALS_PER_SECOND; n += 1)
      target.inA.send({ type: 'signal', to: 'bob', name: 'flood' })
    assert.equal((await target.inA.next('refused'))['code'], 'rate-limited')
    target.inB.send({ type: 'signal', to: 'nobody', name: 'in b' })
    await answerTo(target.inB, NOTE, 'sent')
    bob.close()
  },

  async watch({ url, inA }) {
    const eve = await startAs(url, 'b', 'eve')
    const { users } = await answerTo(
      inA,
      { type: 'watch', users: ['ann', 'eve', 'b/eve', 'b:eve', 'b eve'] },
      'presence',
    )
    assert.deepEqual(
      (users as { id: string; online: boolean }[]).filter(({ online }) => online).map(({ id }) => id),
      ['ann'],
    )
    eve.send({ type: 'end' })
    await eve.closed
    assert.deepEqual((await answerTo(inA, { type: 'watch', users: [] }, 'presence'))['users'], [])
  },

  async push({ url, inA }) {
    const own = await startAs(url, 'b', 'ann')
    // An endpoint of another user is taken over with its keys alone. `a` has other keys, and is another app.
    const subscribe = async (client: Started, ...pushes: Frame[]): Promise<void> => {
      client.send(...pushes)
      await answerTo(client, { type: 'history', id: 'h', epoch: client.started['epoch'] }, 'history')
      assert.ok(!client.frames.some(({ type }) => type === 'refused'))
    }
    await subscribe(own, { type: 'push', subscription: subscription('b') })
    await subscribe(
      inA,
      { type: 'push', subscription: subscription('a') },
      { type: 'push', subscription: null, endpoint: subscription('b').endpoint },
    )
    own.close()
    const token = await createAppToken({ appId: 'b', secret: secretOf('b') })
    const answer = await fetch(`${url}/v1/apps/b/users/ann/push`, {
      headers: { authorization: `Bearer ${token}` },
    })
    assert.equal(((await answer.json()) as { subscriptions: unknown[] }).subscriptions.length, 1)
  },

  async visibility(target) {
    target.inA.send({ type: 'visibility', hidden: true })
    // Hidden sessions of `a` make room for sessions of `a` only.
    const many = await Promise.all(Array.from({ length: SESSIONS }, () => annIn(target)))
    for (const client of many) client.close()
  },

  async pong({ inA }) {
    inA.send({ type: 'pong' }, { type: 'pong' })
    await answerTo(inA, { type: 'read', epoch: inA.started['epoch'], offset: 0 }, 'unread')
  },

  async end({ inA }) {
    inA.send({ type: 'end' })
    assert.equal((await inA.end()).code, 1000)
  },
} satisfies Record<ClientFrame['type'], (target: Target) => Promise<void>>

const urls = new Map<string, string>()
for (const engine of [{ type: 'memory' }, { type: 'embedded', path: join(folder, 'data') }] as const) {
  // The tests send more requests than a user would.
  const limits = {
    sessionsPerUser: SESSIONS,
    messagesPerSecond: MESSAGES_PER_SECOND,
    requestsPerSecond: 10_000,
    signalsPerSecond: SIGNALS_PER_SECOND,
  }
  const appOf = (appId: string) =>
    testApp({
      secrets: [secretOf(appId)],
      signatureSecrets: [signatureSecretOf(appId)],
      signals: 'anyone',
      presence: 'anyone',
      push: { subject: 'mailto:ops@example.com', url: 'https://example.com', after: 3_600 },
      limits,
    })
  const { url } = await startGateway({}, { engine, apps: { a: appOf('a'), b: appOf('b') } })

  // Two messages and a profile in `b`; the newer message is unread.
  const bob = await startAs(url, 'b', 'bob')
  const victim = await startAs(url, 'b', 'ann', { user: { name: MARK } })
  for (const id of ['first', 'second'])
    await answerTo(bob, { type: 'send', id, to: 'ann', body: MARK }, 'sent')
  await answerTo(victim, NOTE, 'sent')
  await answerTo(victim, { type: 'read', epoch: victim.started['epoch'], offset: 1 }, 'unread')
  for (const client of [bob, victim]) client.close()
  urls.set(engine.type, url)
}

test('every frame of the protocol is tried', () => {
  assert.deepEqual(Object.keys(attempts).sort(), Object.keys(clientFrames).sort())
})

for (const [engine, url] of urls)
  for (const [type, attempt] of Object.entries(attempts))
    test(`a '${type}' of app a reaches nothing of app b (${engine})`, async () => {
      const before = [await stateInB(url, 'ann'), await stateInB(url, 'bob')]
      const inB = await startAs(url, 'b', 'ann')
      const guestOfB = await startClient(url, { type: 'start', appId: 'b', guest: true })
      const inA = await startAs(url, 'a', 'ann')
      await attempt({ url, inA, inB, guestOfB })

      for (const frame of inA.frames)
        assert.ok(!JSON.stringify(frame).includes(MARK), `app a was sent ${JSON.stringify(frame)}`)
      const uncalled = inB.frames.filter((frame) => !['started', 'ping', 'sent'].includes(frame.type))
      assert.deepEqual(uncalled, [])
      // The session of `b` is still there, and is resumed with its key.
      inB.close()
      await inB.closed
      const again = await startAs(url, 'b', 'ann', resumeOf(inB, inB.started['offset'] as number))
      assert.equal(again.started['resumed'], true)
      again.send({ type: 'end' })
      await again.closed
      assert.deepEqual([await stateInB(url, 'ann'), await stateInB(url, 'bob')], before)
      for (const client of [inA, guestOfB]) client.close()
    })
