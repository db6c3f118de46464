// The calls of the REST API, each with its answer and its effect: made by hand, by the client, and by the code for each language.
import assert from 'node:assert/strict'
import { calls } from '../../../src/gateway/rest/calls/calls.js'
import { forge } from '../forged-tokens.js'
import { startClient } from '../raw-client.js'

/** The result of a call. Only an error that the server answered has a status. */
export interface Result {
  /** Null for an answer without a body. */
  answer?: unknown
  error?: { status?: number; code?: string; message: string }
}

/** The parameters of a call as the client takes them: those of the path and of the query, and the body. */
export type Input = Record<string, unknown>

interface App {
  url: string
  appId: string
  secret: string
}

type Fields = Record<string, unknown>

/** Makes an id of characters that have a meaning in URLs, in JSON or in a language. */
const idOf = (name: string): string => `${name}/50% %2F Zoë 日本? #&=+;:@,'"\\<>!*()$~`

/** The close code of a session that was revoked. */
const REVOKED = 4410

const isRecent = (time: unknown): boolean => typeof time === 'number' && Math.abs(Date.now() - time) < 600_000

/** Makes every call to an app that has no users, and asserts what becomes of it. */
export const makeEveryCall = async (
  { url, appId, secret }: App,
  make: (name: string, input: Input) => Promise<Result>,
): Promise<void> => {
  const called = new Set<string>()
  const call = (name: string, input: Input = {}): Promise<Result> => {
    called.add(name)
    return make(name, input)
  }
  /** Resolves with the answer of a call that succeeds. */
  const get = async (name: string, input?: Input): Promise<Fields> => {
    const { answer, error } = await call(name, input)
    assert.equal(error, undefined, name)
    return answer as Fields
  }
  const listOf = async (field: string, name: string, input?: Input): Promise<Fields[]> =>
    (await get(name, input))[field] as Fields[]
  /** Fails unless the gateway answers a call with this error. */
  const assertRefused = async (status: number, code: string, title: RegExp, name: string, input: Input) => {
    const { error } = await call(name, input)
    assert.deepEqual([error?.status, error?.code], [status, code], JSON.stringify(error))
    assert.match(error?.message ?? '', title)
  }
  const visit = (sub: string, jti: string) => {
    const iat = Math.floor(Date.now() / 1_000)
    const token = forge({ tokenType: 'user', iss: appId, sub, jti, iat, exp: iat + 3_600 }, undefined, secret)
    return startClient(url, { type: 'start', appId, token })
  }
  const [ann, bob, nobody, jti] = [idOf('ann'), '67890', idOf('nobody'), idOf('jti')]
  const profile = { name: `Änn "A" \\ 😀`, custom: { city: 'Zürich' } }

  await assertRefused(404, 'unknown-user', /^The app has no user/, 'getUser', { user: nobody })
  assert.deepEqual(await get('putUser', { user: ann, body: profile }), { id: ann, ...profile })
  assert.deepEqual(await get('putUser', { user: bob, body: profile }), { id: bob, ...profile })
  assert.deepEqual(await get('putUser', { user: bob, body: {} }), { id: bob })
  const { user, online, inbox } = await get('getUser', { user: ann })
  assert.deepEqual([user, online], [{ id: ann, ...profile }, false])
  const { epoch } = inbox as Fields
  const page = await get('listUsers', { limit: 1 })
  const rest = await get('listUsers', { limit: 1, cursor: page['next'] })
  assert.deepEqual(
    [page, rest].flatMap(({ users }) => users as Fields[]).map(({ id }) => id),
    [bob, ann],
  )

  const anns = await visit(ann, jti)
  const status = await listOf('users', 'getUsersStatus', { body: { users: [ann, bob, nobody] } })
  assert.deepEqual(
    status.map(({ id, online, sessions }) => [id, online, sessions]),
    [
      [ann, true, 1],
      [bob, false, 0],
      [nobody, false, 0],
    ],
  )
  const adoption = { user: ann, body: { guest: 'guest:~nobody' } }
  assert.deepEqual(await get('adoptGuest', adoption), { adopted: null })
  assert.deepEqual(await get('listPushSubscriptions', { user: ann }), { subscriptions: [] })
  const subscription = { user: ann, id: 'none' }
  await assertRefused(404, 'not-found', /subscription/, 'endPushSubscription', subscription)
  const [session] = await listOf('sessions', 'listUserSessions', { user: ann, limit: 100 })
  assert.deepEqual(
    [session?.['id'], session?.['tokenId'], session?.['way']],
    [anns.started['sessionId'], jti, 'token'],
  )

  const message = {
    id: 'order/1 %',
    body: 'Grüße 😀 "\\',
    data: { list: [1, 'ä', null, true], at: '2026-01-01T00:00:00.000Z' },
  }
  const sent = await get('sendMessage', { user: ann, body: { ...message, from: bob } })
  assert.deepEqual([sent['id'], sent['offset'], isRecent(sent['sentAt'])], [message.id, 1, true])
  const received = await anns.next('message')
  assert.deepEqual({ ...received, ...message, from: bob }, received)
  assert.deepEqual(await get('sendMessage', { user: ann, body: { ...message, from: bob } }), sent)
  const other = { user: ann, body: { ...message, from: bob, body: 'Other' } }
  await assertRefused(409, 'conflict', /id/, 'sendMessage', other)
  const toTwo = { to: [ann, 'guest:none'], id: 'news', body: 'Both' }
  const [first, second] = await listOf('results', 'sendMessages', { body: toTwo })
  assert.deepEqual([first?.['user'], first?.['offset']], [ann, 2])
  assert.deepEqual(
    [second?.['user'], (second?.['problem'] as Fields)['code']],
    ['guest:none', 'unknown-user'],
  )

  const signal = { from: bob, name: 'schreibt 😀', data: { list: ['ä'] }, ttl: 1000 }
  assert.deepEqual(await call('sendSignal', { user: ann, body: signal }), { answer: null })
  assert.deepEqual(await anns.next('signal'), { type: 'signal', ...signal })

  const newest = await get('listMessages', { user: ann, limit: 1 })
  const older = await get('listMessages', { user: ann, limit: 1, cursor: newest['next'] })
  assert.deepEqual(
    [newest, older].flatMap(({ messages }) => messages as Fields[]).map(({ body, data }) => ({ body, data })),
    [
      { body: 'Both', data: undefined },
      { body: message.body, data: message.data },
    ],
  )
  await assertRefused(409, 'conflict', /epoch/, 'markRead', {
    user: ann,
    body: { epoch: 'another', offset: 1 },
  })
  const marked = { epoch, offset: 2, readOffset: 1, unread: 1 }
  assert.deepEqual(await get('markRead', { user: ann, body: { epoch, offset: 1 } }), marked)
  const peers = await get('listPeers', { user: ann, limit: 1 })
  const olderPeers = await get('listPeers', { user: ann, limit: 1, before: peers['next'] })
  assert.deepEqual(
    [peers, olderPeers].flatMap((page) => page['peers'] as Fields[]).map(({ id }) => id),
    [null, bob],
  )
  const usage = await get('getUsage')
  assert.deepEqual([usage['users'], usage['sessions']], [2, 1])

  const ofAnn = { user: ann, session: anns.started['sessionId'] }
  assert.deepEqual(await call('endSession', ofAnn), { answer: null })
  assert.equal((await anns.end()).code, REVOKED)
  await assertRefused(404, 'not-found', /session/, 'endSession', ofAnn)
  const again = await visit(ann, jti)
  assert.deepEqual(await call('revokeToken', { jti }), { answer: null })
  assert.equal((await again.end()).code, REVOKED)

  assert.deepEqual(await get('endUserSessions', { user: ann, issuedBefore: 1.5 }), { revokedBefore: 1500 })
  const asked = await visit(bob, 'first')
  const reauth = await get('endUserSessions', { user: bob, mode: 'reauth' })
  assert.deepEqual([isRecent(reauth['revokedBefore']), reauth['within']], [true, 10])
  assert.deepEqual(await call('liftRevocation', { user: bob }), { answer: null })
  assert.equal((await get('getUser', { user: bob }))['revokedBefore'], null)
  assert.ok(isRecent((await get('endUserSessions', { user: bob }))['revokedBefore']))
  assert.equal((await asked.end()).code, REVOKED)

  const last = await visit(ann, 'last')
  assert.ok(isRecent((await get('endAppSessions'))['revokedBefore']))
  assert.equal((await last.end()).code, REVOKED)
  assert.ok(isRecent((await get('deleteUser', { user: ann }))['revokedBefore']))
  await assertRefused(404, 'unknown-user', /^The app has no user/, 'getUser', { user: ann })

  // A backend whose database numbers its users passes the numbers.
  const [buyer, seller] = [12345, -9007199254740991]
  assert.equal((await get('putUser', { user: buyer, body: {} }))['id'], '12345')
  const toBuyer = { id: '1', from: seller, body: 'Hello' }
  assert.equal((await get('sendMessage', { user: buyer, body: toBuyer }))['offset'], 1)
  const both = await listOf('results', 'sendMessages', { body: { to: [buyer, seller], body: 'Both' } })
  assert.deepEqual(
    both.map(({ user }) => user),
    [`${buyer}`, `${seller}`],
  )
  const fromSeller = { user: buyer, body: { from: seller, name: 'typing' } }
  assert.deepEqual(await call('sendSignal', fromSeller), { answer: null })
  const [withSeller, ...more] = await listOf('messages', 'listMessages', { user: buyer, with: seller })
  assert.deepEqual([withSeller?.['body'], more], ['Hello', []])
  const statuses = await listOf('users', 'getUsersStatus', { body: { users: [seller, buyer] } })
  assert.deepEqual(
    statuses.map(({ id }) => id),
    [`${seller}`, `${buyer}`],
  )
  assert.ok(isRecent((await get('endUserSessions', { user: buyer }))['revokedBefore']))

  assert.deepEqual([...called].sort(), calls.map(({ id }) => id).sort())
}
