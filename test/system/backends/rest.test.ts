// The calls of the REST API that the pages of docs/backends/ show, run in their own languages.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { SignJWT } from 'jose'
import { calls } from '../../../src/gateway/rest/calls/calls.js'
import { startGateway } from '../../support/gateway.js'
import { startServer } from '../../support/network/http-server.js'
import { startClient } from '../../support/raw-client.js'
import { folderOf, startCaller, type Caller, type Result } from './caller.js'
import { blocksOf, pageOf } from './page.js'
import { mintersOf, names } from './workspace.js'

const runs = names.flatMap((language) =>
  mintersOf(language).map((minter, index) => {
    const appId = `app-${names.indexOf(language)}-${index + 1}`
    return {
      language,
      minter,
      variant: index + 1,
      appId,
      secret: `the sëcret of ${appId}, ünïcode ✓ included`,
    }
  }),
)

const { url } = await startGateway(
  {},
  {
    apps: Object.fromEntries(
      runs.map(({ appId, secret }) => [appId, { environment: 'test', secrets: [secret] }]),
    ),
  },
)

const envOf = ({ appId, secret }: (typeof runs)[number], endpoint = url): Record<string, string> => ({
  CHAT_APP_ID: appId,
  CHAT_SECRET: secret,
  CHAT_ENDPOINT: endpoint,
})

/** Makes an id of characters that have a meaning in URLs, in JSON or in a language. */
const idOf = (name: string): string => `${name}/50% %2F Zoë 日本? #&=+;:@,'"\\<>!*()$~`

/** The close code of a session that was revoked. */
const REVOKED = 4410

const isRecent = (time: unknown): boolean => typeof time === 'number' && Math.abs(Date.now() - time) < 600_000

for (const run of runs)
  test(`${run.language}: each call has its answer and its effect, variant ${run.variant}`, async () => {
    const { appId, secret } = run
    const caller = startCaller(run.language, envOf(run), run.minter)
    const called = new Set<string>()
    const call = async (name: string, ...args: unknown[]): Promise<Result> => {
      called.add(name)
      return caller.call(name, ...args)
    }
    /** Resolves with the answer of a call that succeeds. */
    const get = async (name: string, ...args: unknown[]): Promise<Record<string, unknown>> => {
      const { answer, error } = await call(name, ...args)
      assert.equal(error, undefined, name)
      return answer as Record<string, unknown>
    }
    /** Fails unless the gateway answers a call with this error. */
    const assertRefused = async (
      status: number,
      code: string,
      title: RegExp,
      ...args: [string, ...unknown[]]
    ) => {
      const { error } = await call(...args)
      assert.deepEqual([error?.status, error?.code], [status, code], JSON.stringify(error))
      assert.match(error?.message ?? '', title)
    }
    const visit = async (userId: string, tokenId: string) => {
      const token = await new SignJWT({ tokenType: 'user' })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(appId)
        .setSubject(userId)
        .setJti(tokenId)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(secret))
      return startClient(url, { type: 'start', appId, token })
    }
    const [ann, bob, nobody, jti] = [idOf('ann'), '67890', idOf('nobody'), idOf('jti')]
    const name = `Änn "A" \\ 😀`

    await assertRefused(404, 'unknown-user', /^The app has no user/, 'getUser', nobody)
    assert.deepEqual(await get('putUser', ann, { name, custom: { city: 'Zürich' } }), {
      id: ann,
      name,
      custom: { city: 'Zürich' },
    })
    assert.deepEqual(await get('putUser', bob, {}), { id: bob })
    const { user, online, inbox } = await get('getUser', ann)
    assert.deepEqual([user, online], [{ id: ann, name, custom: { city: 'Zürich' } }, false])
    const { epoch } = inbox as Record<string, unknown>
    const page = await get('listUsers', { limit: 1 })
    const rest = await get('listUsers', { limit: 1, cursor: page['next'] })
    assert.deepEqual(
      [page, rest].flatMap(({ users }) => users as { id: string }[]).map(({ id }) => id),
      [bob, ann],
    )

    const anns = await visit(ann, jti)
    const status = await get('getUsersStatus', [ann, bob, nobody])
    assert.deepEqual(
      (status['users'] as Record<string, unknown>[]).map((each) => [
        each['id'],
        each['online'],
        each['sessions'],
      ]),
      [
        [ann, true, 1],
        [bob, false, 0],
        [nobody, false, 0],
      ],
    )
    assert.deepEqual(await get('adoptGuest', ann, 'guest:~nobody'), { adopted: null })
    assert.deepEqual(await get('listPushSubscriptions', ann), { subscriptions: [] })
    await assertRefused(404, 'not-found', /subscription/, 'endPushSubscription', ann, 'none')
    const listed = await get('listUserSessions', ann, { limit: 100 })
    const [session] = listed['sessions'] as Record<string, unknown>[]
    assert.deepEqual([session?.['id'], session?.['tokenId']], [anns.started['sessionId'], jti])

    const message = {
      id: 'order/1 %',
      body: 'Grüße 😀 "\\',
      data: { list: [1, 'ä', null, true], at: '2026-01-01T00:00:00.000Z' },
    }
    const sent = await get('sendMessage', ann, { ...message, from: bob })
    assert.deepEqual([sent['id'], sent['offset'], isRecent(sent['sentAt'])], [message.id, 1, true])
    const received = await anns.next('message')
    assert.deepEqual({ ...received, ...message, from: bob }, received)
    assert.deepEqual(await get('sendMessage', ann, { ...message, from: bob }), sent)
    await assertRefused(409, 'conflict', /id/, 'sendMessage', ann, { ...message, from: bob, body: 'Other' })
    const { results } = await get('sendMessages', { to: [ann, 'guest:none'], id: 'news', body: 'Both' })
    const [first, second] = results as [Record<string, unknown>, { user: string; problem: { code: string } }]
    assert.deepEqual([first['user'], first['offset']], [ann, 2])
    assert.deepEqual([second.user, second.problem.code], ['guest:none', 'unknown-user'])

    const signal = { from: bob, name: 'schreibt 😀', data: { list: ['ä'] }, ttl: 1000 }
    assert.deepEqual(await call('sendSignal', ann, signal), { answer: null })
    assert.deepEqual(await anns.next('signal'), { type: 'signal', ...signal })

    const newest = await get('listMessages', ann, { limit: 1 })
    const older = await get('listMessages', ann, { limit: 1, cursor: newest['next'] })
    assert.deepEqual(
      [newest, older]
        .flatMap(({ messages }) => messages as Record<string, unknown>[])
        .map(({ body, data }) => ({ body, data })),
      [
        { body: 'Both', data: undefined },
        { body: message.body, data: message.data },
      ],
    )
    await assertRefused(409, 'conflict', /epoch/, 'markRead', ann, 'another', 1)
    assert.deepEqual(await get('markRead', ann, epoch, 1), { epoch, offset: 2, readOffset: 1, unread: 1 })
    const peers = await get('listPeers', ann, { limit: 1 })
    const olderPeers = await get('listPeers', ann, { limit: 1, before: peers['next'] })
    assert.deepEqual(
      [peers, olderPeers].flatMap((page) => page['peers'] as Record<string, unknown>[]).map(({ id }) => id),
      [null, bob],
    )
    const usage = await get('getUsage')
    assert.deepEqual([usage['users'], usage['sessions']], [2, 1])

    // These are no user ids. A path from which `..` was removed would be that of `endAppSessions` or `listUsers`.
    for (const id of ['', '.', '..'])
      for (const operation of ['endUserSessions', 'deleteUser', 'getUser'])
        assert.equal((await call(operation, id)).answer, undefined, `${operation} ${id}`)
    assert.equal((await get('getUsage'))['sessions'], 1)

    assert.deepEqual(await call('endSession', ann, anns.started['sessionId']), { answer: null })
    assert.equal((await anns.end()).code, REVOKED)
    await assertRefused(404, 'not-found', /session/, 'endSession', ann, anns.started['sessionId'])
    const again = await visit(ann, jti)
    assert.deepEqual(await call('revokeToken', jti), { answer: null })
    assert.equal((await again.end()).code, REVOKED)

    assert.deepEqual(await get('endUserSessions', ann, { issuedBefore: 1.5 }), { revokedBefore: 1500 })
    const asked = await visit(bob, 'first')
    const reauth = await get('endUserSessions', bob, { mode: 'reauth' })
    assert.deepEqual([isRecent(reauth['revokedBefore']), reauth['within']], [true, 10])
    assert.deepEqual(await call('liftRevocation', bob), { answer: null })
    assert.equal((await get('getUser', bob))['revokedBefore'], null)
    assert(isRecent((await get('endUserSessions', bob))['revokedBefore']))
    assert.equal((await asked.end()).code, REVOKED)

    const last = await visit(ann, 'last')
    assert(isRecent((await get('endAppSessions'))['revokedBefore']))
    assert.equal((await last.end()).code, REVOKED)
    assert(isRecent((await get('deleteUser', ann))['revokedBefore']))
    await assertRefused(404, 'unknown-user', /^The app has no user/, 'getUser', ann)

    // A backend whose database numbers its users passes the numbers.
    const [buyer, seller] = [12345, -9007199254740991]
    assert.equal((await get('putUser', buyer, {}))['id'], '12345')
    assert.equal((await get('sendMessage', buyer, { id: '1', from: seller, body: 'Hello' }))['offset'], 1)
    const many = await get('sendMessages', { to: [buyer, seller], body: 'Both' })
    assert.deepEqual(
      (many['results'] as { user: string }[]).map(({ user }) => user),
      [`${buyer}`, `${seller}`],
    )
    const listedWith = await get('listMessages', buyer, { with: seller })
    assert.equal((listedWith['messages'] as unknown[]).length, 1)
    const statuses = (await get('getUsersStatus', [seller, buyer]))['users'] as { id: string }[]
    assert.deepEqual(
      statuses.map(({ id }) => id),
      [`${seller}`, `${buyer}`],
    )
    assert(isRecent((await get('endUserSessions', buyer))['revokedBefore']))

    await caller.close()
    assert.deepEqual([...called].sort(), calls.map(({ id }) => id).sort())
  })

describe('failures', { concurrency: true }, () => {
  const firsts = runs.filter(({ variant }) => variant === 1)
  // The folders are prepared before the tests: a compiler blocks this process, so the server of a test could not answer in time.
  before(() => {
    for (const { language, minter } of firsts) folderOf(language, minter)
  })

  for (const run of firsts)
    test(`${run.language}: a call fails with an answer that is not the gateway's, and without an answer`, async () => {
      const targets: string[] = []
      const tokens = new Set<string>()
      const server = await startServer(({ url: target = '', headers }, response) => {
        targets.push(target)
        tokens.add(headers.authorization?.replace('Bearer ', '') ?? '')
        if (target.includes('/users/moved')) response.writeHead(307, { location: '/elsewhere' }).end()
        else if (!target.includes('/users/slow'))
          response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
      })
      const errorOf = async (caller: Caller, user: string): Promise<Result['error']> => {
        const { error } = await caller.call('getUser', user)
        for (const token of tokens) assert(token !== '' && error?.message.includes(token) === false)
        return error
      }
      const caller = startCaller(run.language, envOf(run, server.url), run.minter)
      for (const [user, status] of [
        ['moved', 307],
        ['ann', 502],
      ] as const) {
        const error = await errorOf(caller, user)
        assert.deepEqual([error?.status, error?.code], [status, 'unknown'], JSON.stringify(error))
      }
      const began = Date.now()
      assert.equal((await errorOf(caller, 'slow'))?.status, undefined)
      const seconds = (Date.now() - began) / 1000
      assert(seconds > 5 && seconds < 60, `It took ${seconds} s.`)
      assert.deepEqual(
        targets.map((target) => target.replace(/\?$/, '')),
        ['moved', 'ann', 'slow'].map((user) => `/v1/apps/${run.appId}/users/${user}`),
      )
      await server.close()
      assert.equal((await errorOf(caller, 'ann'))?.status, undefined)
      await caller.close()
    })
})

/** The name of a call in the spelling of JavaScript, whatever the spelling of the language. */
const operationOf = (name: string): string =>
  name
    .replace(/^./, (letter) => letter.toLowerCase())
    .replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

for (const language of names) {
  test(`${language}: the page shows every call of the REST API`, () => {
    const shown = blocksOf(language).find(({ file }) => /^chat[-_]?calls\./i.test(file ?? ''))?.code ?? ''
    const written = new Set([...shown.matchAll(/\w+/g)].map(([word]) => operationOf(word)))
    const missing = calls.map(({ id }) => id).filter((id) => !written.has(id))
    assert.deepEqual(missing, [], `The page of ${language} needs these calls.`)
  })

  test(`${language}: the sentences of the page name calls that exist`, () => {
    const named = [
      ...pageOf(language).matchAll(/`(?:await )?(?:chat_?calls(?:\{\})?(?:\.|::))?(\w+)\([^`\n]*\)`/gi),
    ]
      .map(([, name = '']) => operationOf(name))
      .filter((name) => /^(?:send|list|mark|end|adopt)[A-Z]/.test(name))
    const known: string[] = calls.map(({ id }) => id)
    assert.deepEqual(named.toSorted(), [
      'adoptGuest',
      'endUserSessions',
      'listMessages',
      'markRead',
      'sendMessage',
    ])
    for (const name of named) assert.ok(known.includes(name), name)
  })
}
