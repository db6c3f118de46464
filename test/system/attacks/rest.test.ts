// The backend of app `a` tries every REST call on the users, sessions, tokens and cursors of app `b`. Nothing may cross.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calls } from '../../../src/gateway/rest/calls/calls.js'
import { createAppToken, createToken } from '../../../src/tokens/index.js'
import { SignJWT } from 'jose'
import { startClient } from '../../support/raw-client.js'
import { onBothEngines } from '../../support/rest/rest-calls.js'
import { testApp } from '../../support/gateway.js'
import { secretOf } from './support.js'

const limits = { restPerSecond: 100_000 }
const appOf = (appId: string) => testApp({ secrets: [secretOf(appId)], signatureSecrets: [], limits })

/** Part of every text that app `b` stores. */
const MARK = 'only-in-b'

interface Answer {
  status: number
  text: string
}

const send = async (
  url: string,
  method: string,
  path: string,
  token: string,
  body?: unknown,
): Promise<Answer> => {
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, text: await response.text() }
}

/** A body that each call accepts. */
const bodies: Record<string, unknown> = {
  putUser: { name: 'in a' },
  getUsersStatus: { users: ['ann', 'bob', 'b/ann'] },
  sendMessage: { id: 'first', from: 'bob', body: 'in a' },
  sendMessages: { id: 'first', to: ['ann', 'bob'], body: 'in a' },
  markRead: { epoch: 'x', offset: 1 },
}

for (const { url, on } of await onBothEngines({}, { apps: { a: appOf('a'), b: appOf('b') } })) {
  const [tokenA, tokenB] = await Promise.all(
    ['a', 'b'].map((appId) => createAppToken({ appId, secret: secretOf(appId), expiresIn: 3600 })),
  )
  const asA = (method: string, path: string, body?: unknown): Promise<Answer> =>
    send(url, method, path, tokenA ?? '', body)
  const asB = async (path: string, method = 'GET', body?: unknown): Promise<unknown> => {
    const { status, text } = await send(url, method, `/v1/apps/b${path}`, tokenB ?? '', body)
    assert.ok(status < 300, `${path} ${text}`)
    return JSON.parse(text) as unknown
  }

  for (const user of ['ann', 'bob']) await asB(`/users/${user}`, 'PUT', { name: MARK })
  for (const id of ['first', 'second'])
    await asB('/users/ann/messages', 'POST', { id, from: 'bob', body: MARK })
  const client = await startClient(url, {
    type: 'start',
    appId: 'b',
    token: await createToken({ appId: 'b', userId: 'ann', secret: secretOf('b') }),
  })
  const { sessions } = (await asB('/users/ann/sessions')) as { sessions: { id: string; tokenId: string }[] }
  const users = (await asB('/users?limit=1')) as { next: string }
  const inbox = (await asB('/users/ann/messages?limit=1')) as { next: string; epoch: string }

  /** The data of app `b` that its own backend reads. */
  const stateOfB = async (): Promise<unknown> =>
    Promise.all(
      ['/users', '/users/ann', '/users/bob', '/users/ann/messages', '/users/ann/sessions', '/usage'].map(
        (path) => asB(path),
      ),
    )

  for (const { id, method, path, query } of calls) {
    const { id: session = '', tokenId = '' } = sessions[0] ?? {}
    const fill = (app: string, user: string): string =>
      path
        .replace('{app}', app)
        .replace('{user}', user)
        .replace('{session}', session)
        .replace('{jti}', encodeURIComponent(tokenId))
    const body = bodies[id]

    test(`${id} of app a reaches nothing of app b ${on}`, async () => {
      const before = await stateOfB()
      const verb = method.toUpperCase()

      assert.equal((await asA(verb, fill('b', 'ann'), body)).status, 403)
      // This app `b` signs a token with a secret of its own choice.
      const forged = await new SignJWT({ tokenType: 'app' })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer('b')
        .setExpirationTime('1m')
        .sign(new TextEncoder().encode(secretOf('a')))
      assert.equal((await send(url, verb, fill('b', 'ann'), forged, body)).status, 401)

      // Users of the same ids in `a`, and ids that look like the keys of rows of `b`.
      const ids = [
        'ann',
        'bob',
        'b%2Fann',
        'b%20ann',
        '..%2F..%2Fb%2Fusers%2Fann',
        'b%7Cann',
        'b%01ann',
        'b%00ann',
      ]
      const cursors = ['cursor' in query ? [`?cursor=${users.next}`, `?cursor=${inbox.next}`] : []].flat()
      const bodyOfB = id === 'markRead' ? { epoch: inbox.epoch, offset: 2 } : body
      for (const user of ids)
        for (const search of ['', ...cursors]) {
          const { status, text } = await asA(verb, fill('a', user) + search, bodyOfB)
          assert.ok(status < 500, `${user} ${text}`)
          assert.ok(!text.includes(MARK), `app a was sent ${text}`)
        }

      assert.deepEqual(await stateOfB(), before)
      client.send({ type: 'read', epoch: client.started['epoch'] as string, offset: 0 })
      await client.next('unread')
    })
  }

  test(`no client of app b received a frame that app a caused ${on}`, () => {
    const uncalled = client.frames.filter(({ type }) => !['started', 'ping', 'unread'].includes(type))
    assert.deepEqual(uncalled, [])
    client.close()
  })
}
