// Messages by `POST /v1/session/send`, and what every engine does with them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSignature } from '../../../src/tokens/index.js'
import { startClient, type Frame, startAs } from '../raw-client.js'
import { field, restOf } from '../rest/rest-calls.js'
import { guestStart } from '../starts.js'
import { appId, signatureSecret, tokenFor } from '../tokens.js'

export interface Post {
  status: number
  headers: Headers
  code: unknown
  results: Record<string, unknown>[]
}

/** Posts a body as a page does: its type needs no preflight. */
export const postBody = async (
  url: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Post> => {
  const response = await fetch(`${url}/v1/session/send`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain;charset=UTF-8', ...headers },
    body: body as BodyInit,
  })
  const json = (await response.json()) as { code?: unknown; results?: Post['results'] }
  return { status: response.status, headers: response.headers, code: json.code, results: json.results ?? [] }
}

export const post = (url: string, body: unknown, headers?: Record<string, string>): Promise<Post> =>
  postBody(url, JSON.stringify(body), headers)

/** Posts messages of a user who has a token. */
export const postAs = async (url: string, userId: string, sends: unknown): Promise<Post> =>
  post(url, { appId, token: await tokenFor(userId), sends })

export const codesOf = ({ results }: Post): unknown[] => results.map(({ code }) => code)

const bodiesOf = async (url: string, userId: string): Promise<unknown[]> =>
  (field(await restOf(url)('GET', `/users/${userId}/messages`), 'messages') as Frame[]).map(
    (message) => message['body'],
  )

/** The tests that every engine passes. `urls` are those of two gateways on one engine, or of one gateway twice. */
export const postedSendTests = (on: string, [url, other]: readonly [string, string]): void => {
  test(`posted messages are stored in their order, and their sender and recipient get them ${on}`, async () => {
    const to = await startAs(other, 'order-to')
    const from = await startAs(other, 'order-from')
    const posted = await postAs(url, 'order-from', [
      { id: '1', to: 'order-to', body: 'one' },
      { id: '2', to: 'order-to', data: { n: 2 } },
    ])
    assert.equal(posted.status, 200)
    assert.deepEqual(
      posted.results.map(({ id, offset }) => [id, offset]),
      [
        ['1', 1],
        ['2', 2],
      ],
    )
    for (const client of [to, from]) {
      const [first, second] = [await client.next('message'), await client.next('message')]
      assert.deepEqual([first['body'], first['from'], second['data']], ['one', 'order-from', { n: 2 }])
      assert.deepEqual(
        [first['sentAt'], second['sentAt']],
        posted.results.map(({ sentAt }) => sentAt),
      )
      client.close()
    }
  })

  test(`the same id by a post and by a socket is one message, and both have the same answer ${on}`, async () => {
    const from = await startAs(other, 'twice-from')
    await startAs(url, 'twice-to')
    const message = { id: 'same', to: 'twice-to', body: 'once' }
    from.send({ type: 'send', ...message })
    const { type, ...sent } = await from.next('sent')
    assert.equal(type, 'sent')
    const posted = await postAs(url, 'twice-from', [message, message])
    assert.deepEqual(posted.results, [sent, sent])
    const changed = await postAs(url, 'twice-from', [{ ...message, body: 'other' }])
    assert.deepEqual(codesOf(changed), ['conflict'])
    from.close()
    assert.deepEqual(await bodiesOf(url, 'twice-to'), ['once'])
  })

  test(`a revoked token stores nothing and does not bring back its user ${on}`, async () => {
    const rest = restOf(other)
    const token = await tokenFor('revoked')
    await post(url, { appId, token, sends: [{ id: '1', to: 'revoked', body: 'x' }] })
    assert.equal((await rest('DELETE', '/users/revoked')).status, 200)
    const refused = await post(url, { appId, token, sends: [{ id: '2', to: 'revoked', body: 'x' }] })
    assert.deepEqual([refused.status, refused.code], [401, 'unauthenticated'])
    assert.equal((await rest('GET', '/users/revoked')).status, 404)
  })

  test(`a user is saved as by a start, with the profile of the token ${on}`, async () => {
    const token = await tokenFor('profiled', { user: { name: 'Pro' } })
    const posted = await post(url, { appId, token, sends: [{ id: '1', to: 'profiled', body: 'x' }] })
    assert.equal(posted.results[0]?.['offset'], 1)
    assert.equal(field(await restOf(other)('GET', '/users/profiled'), 'user', 'name'), 'Pro')
  })

  test(`a guest posts by the gateway’s token as long as the guest is kept ${on}`, async () => {
    const guest = await startClient(url, guestStart)
    const { token, user } = guest.started as unknown as { token: string; user: { id: string } }
    const posted = await post(other, { appId, token, sends: [{ id: '1', to: user.id, body: 'x' }] })
    assert.equal(posted.results[0]?.['offset'], 1)
    guest.close()
    await restOf(url)('DELETE', `/users/${user.id}`)
    const refused = await post(other, { appId, token, sends: [{ id: '2', to: 'profiled', body: 'x' }] })
    assert.deepEqual([refused.status, refused.code], [401, 'unauthenticated'])
  })

  test(`a signature is a proof too ${on}`, async () => {
    const signature = await createSignature('signer', signatureSecret)
    const body = { appId, userId: 'signer', signature, sends: [{ id: '1', to: 'signer', body: 'x' }] }
    assert.equal((await post(url, body)).results[0]?.['offset'], 1)
    assert.equal((await post(url, { ...body, userId: 'other' })).status, 401)
  })
}
