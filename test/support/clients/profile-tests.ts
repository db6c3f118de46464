import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authenticate } from '../../../src/gateway/index.js'
import { startClient, startAs, type Frame, type StartedClient } from '../raw-client.js'
import { restOf } from '../rest/rest-calls.js'
import { startWithParams, resumeOf } from '../starts.js'
import { appId, tokenFor } from '../tokens.js'
import { until } from '../until.js'
import { post } from './posted-sends.js'

const photo = (name: string): string => `https://example.com/${name}.png`

/** The answer of the `authenticate` of the app under test: the profile is in the auth params. */
export const authenticateByName: Authenticate = ({ authParams }) =>
  Promise.resolve({ ok: true, user: { name: String(authParams['name']) } })

/** Waits until tokens get another `iat`, which has whole seconds. */
const nextSecond = (): Promise<void> => {
  const second = Math.floor(Date.now() / 1_000)
  return until('the next second', () => Math.floor(Date.now() / 1_000) > second)
}

let count = 0

const sendAs = async (client: StartedClient, to: string): Promise<string> => {
  const id = `profile ${++count}`
  client.send({ type: 'send', id, to, body: id })
  await client.next('sent')
  return id
}

/**
 * Tests whose profile a message carries, and which names a list of peers has, on an app with `authenticateByName` and unlimited messages.
 * The two URLs are those of gateways on the same engine.
 */
export const profileTests = (on: string, [first, second]: readonly [url: string, url: string]): void => {
  const rest = restOf(first)
  const as = async (url: string, userId: string, user?: object): Promise<StartedClient> =>
    startAs(url, userId, user && { token: await tokenFor(userId, { user }) })
  /** Returns the senders of the user's messages, by id. */
  const sendersOf = async (userId: string): Promise<Record<string, unknown>> => {
    const { body } = await rest('GET', `/users/${encodeURIComponent(userId)}/messages?limit=100`)
    const { messages } = body as { messages: { id: string; sender: unknown }[] }
    return Object.fromEntries(messages.map(({ id, sender }) => [id, sender]))
  }

  test(`a message carries the profile in the token of its own session, whichever token is the newest ${on}`, async () => {
    const [customer, support] = ['the customer', 'the support']
    const listener = await as(second, customer)
    const ann = await as(first, support, { name: 'Ann', photoUrl: photo('ann') })
    const bob = await as(second, support, { name: 'Bob' })
    const cy = await as(second, support)
    const ids = [await sendAs(ann, customer), await sendAs(bob, customer), await sendAs(ann, customer)]
    const byCy = await sendAs(cy, customer)
    const expected = [{ name: 'Ann', photoUrl: photo('ann') }, { name: 'Bob' }]
    for (const sender of [...expected, expected[0]])
      assert.deepEqual((await listener.next('message'))['sender'], sender)
    const senders = await sendersOf(customer)
    assert.deepEqual(
      ids.map((id) => senders[id]),
      [...expected, expected[0]],
    )
    // Cy's token says nothing, so the profile of the user counts: it is that of the newest token.
    assert.deepEqual(senders[byCy], { name: 'Bob' })
    assert.deepEqual(await sendersOf(support), senders)
    // A message to oneself, too.
    const note = await sendAs(ann, support)
    assert.deepEqual((await sendersOf(support))[note], expected[0])
    // A resumed session proves again who it is.
    ann.close()
    const token = await tokenFor(support, { user: { name: 'Ann', photoUrl: photo('ann') } })
    const again = await startAs(second, support, { token, ...resumeOf(ann.started) })
    await as(first, support, { name: 'Dan' })
    const late = await sendAs(again, customer)
    assert.deepEqual((await sendersOf(customer))[late], expected[0])
    // A renewal says it anew.
    again.send({ type: 'token', token: await tokenFor(support, { user: { name: 'Ann Lee' } }) })
    await again.next('renewed')
    await as(first, support, { name: 'Eve' })
    again.send({ type: 'token', token: await tokenFor(support) })
    await again.next('renewed')
    const renewed = await sendAs(again, customer)
    assert.deepEqual((await sendersOf(customer))[renewed], { name: 'Ann Lee' })
    for (const client of [listener, bob, cy, again]) client.close()
  })

  test(`a posted message carries the profile in its token, and one by the backend that of the user ${on}`, async () => {
    const [customer, support] = ['post customer', 'post support']
    const user = { name: 'Ann', photoUrl: photo('ann') }
    const token = await tokenFor(support, { user })
    await nextSecond()
    const newest = await as(first, support, { name: 'Bob' })
    const sends = [{ id: 'posted', to: customer, body: 'x' }]
    assert.equal((await post(second, { appId, token, sends })).status, 200)
    await rest('POST', `/users/${encodeURIComponent(customer)}/messages`, {
      ...{ id: 'by backend', from: support, body: 'x' },
    })
    const senders = await sendersOf(customer)
    assert.deepEqual([senders['posted'], senders['by backend']], [user, { name: 'Bob' }])
    newest.close()
  })

  test(`a profile that the backend sets by REST counts at once, also for older tokens ${on}`, async () => {
    const [customer, support] = ['put customer', 'put support']
    const ann = await as(second, support, { name: 'Ann' })
    const bob = await as(first, support, { name: 'Bob' })
    // One of the same second may have been made after the profile was set.
    await nextSecond()
    await rest('PUT', `/users/${encodeURIComponent(support)}`, { name: 'Support' })
    for (const client of [ann, bob]) {
      while (((await client.next('user'))['user'] as Frame)['name'] !== 'Support');
      const id = await sendAs(client, customer)
      assert.deepEqual((await sendersOf(customer))[id], { name: 'Support' })
    }
    const late = await as(first, support, { name: 'Cy' })
    const id = await sendAs(late, customer)
    assert.deepEqual((await sendersOf(customer))[id], { name: 'Cy' })
    for (const client of [ann, bob, late]) client.close()
  })

  test(`a message carries what its own client claims, where the app allows that ${on}`, async () => {
    const [customer, user] = ['claim customer', 'claim user']
    const one = await startAs(first, user, { user: { name: 'One' } })
    const two = await startAs(second, user, { user: { name: 'Two' } })
    const ids = [await sendAs(one, customer), await sendAs(two, customer)]
    one.send({ type: 'profile', user: { photoUrl: photo('one') } })
    await one.next('user')
    ids.push(await sendAs(one, customer))
    const senders = await sendersOf(customer)
    assert.deepEqual(
      ids.map((id) => senders[id]),
      [{ name: 'One' }, { name: 'Two' }, { name: 'One', photoUrl: photo('one') }],
    )
    for (const client of [one, two]) client.close()
  })

  test(`a session that reconnects with the token of the gateway sends with the same name ${on}`, async () => {
    const [customer, support] = ['params customer', 'params support']
    const ann = await startClient(first, startWithParams(support, { name: 'Ann' }))
    const bob = await startClient(second, startWithParams(support, { name: 'Bob' }))
    ann.close()
    const again = await startAs(second, support, { token: ann.started['token'] })
    const ids = [await sendAs(again, customer), await sendAs(bob, customer)]
    const senders = await sendersOf(customer)
    assert.deepEqual(
      ids.map((id) => senders[id]),
      [{ name: 'Ann' }, { name: 'Bob' }],
    )
    for (const client of [again, bob]) client.close()
  })

  test(`a list of peers has the names that the gateway knows, also of those who never wrote ${on}`, async () => {
    const me = await as(first, 'peers of me')
    const peers = async (): Promise<unknown[]> => {
      me.send({ type: 'peers', id: `peers ${++count}` })
      return ((await me.next('peers'))['peers'] as Frame[]).map(({ id, name, photoUrl }) => [
        id,
        name,
        photoUrl,
      ])
    }
    await rest('PUT', '/users/silent', { name: 'Si', photoUrl: photo('si'), email: 'si@example.com' })
    const renamed = await as(second, 'renamed', { name: 'Before' })
    await sendAs(renamed, 'peers of me')
    const gone = await as(second, 'gone', { name: 'Gone' })
    await sendAs(gone, 'peers of me')
    for (const to of ['silent', 'nameless']) await sendAs(me, to)
    await rest('POST', '/users/peers%20of%20me/messages', { body: 'by the backend' })
    await as(first, 'renamed', { name: 'After', photoUrl: photo('after') })
    assert.equal((await rest('DELETE', '/users/gone')).status, 200)
    const expected = [
      [null, null, null],
      ['nameless', null, null],
      ['silent', 'Si', photo('si')],
      ['gone', 'Gone', null],
      ['renamed', 'After', photo('after')],
    ]
    assert.deepEqual(await peers(), expected)
    const { body } = await rest('GET', '/users/peers%20of%20me/peers')
    assert.deepEqual(
      (body as { peers: Frame[] }).peers.map(({ id, name, photoUrl }) => [id, name, photoUrl]),
      expected,
    )
    for (const client of [me, renamed]) client.close()
  })
}
